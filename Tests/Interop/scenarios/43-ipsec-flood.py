"""Proves that 100,000 initiators who begin and never finish keep no real client out, and leave no memory.

They come from forty addresses, prove those and make the server compute, in main mode; meanwhile strongSwan
connects, again and again, from an address that is none of theirs.
"""

import os
import sys
import time

from lab import ikeflood
from lab.network import LAN, SERVER
from lab.processes import expect
from lab.strongswan import EtherIP, serve

ALONE = True

INITIATORS = 100_000
ADDRESSES = [f"10.77.2.{number}" for number in range(100, 140)]


def run(lab):
    server = serve(lab, ["site-1.example"])
    EtherIP(lab, "c1", "site-1.example").down()
    before = server.resident()
    for address in ADDRESSES:
        lab.run("c2", "ip", "address", "add", f"{address}/24", "dev", "eth0")
    program = os.path.realpath(ikeflood.__file__)
    flood = lab.spawn("c2", "c2-flood", [sys.executable, program, SERVER, str(INITIATORS), *ADDRESSES])
    time.sleep(1)
    took = []
    while flood.running or not took:
        start = time.monotonic()
        site = EtherIP(lab, "c1", "site-1.example")
        took.append(time.monotonic() - start)
        # Echoes may be lost meanwhile; not all of them.
        echoes = ("ping", "-n", "-c", "5", "-i", "0.2", "-W", "2", LAN)
        expect(lab.succeeds("c1", *echoes), "no ping during the flood")
        site.down()
    seen = flood.log().strip()
    expect(f"{INITIATORS} began" in seen, f"the flood: {seen}")
    print(f"  {seen}; {len(took)} connections meanwhile took at most {max(took):.1f} s")
    print(f"  resident kB: {before} before, {server.resident()} after")
    expect(server.resident() < before + 40_000, "the flood has left memory behind")
    server.stop()

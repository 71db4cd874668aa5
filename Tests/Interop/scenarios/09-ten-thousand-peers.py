"""Proves that 10,000 IKE peers establish their SAs with the server and hold them, within the memory that is
printed.

The peers are simulated (ipsec-soak, a debug build as that of the unit tests), the server is the real one.
Each is asked twice whether it is still there.
"""

import os
import re
import subprocess
import time

from lab.polyhub import REPOSITORY
from lab.processes import expect, wait_until
from lab.strongswan import PSK, serve

LIMIT = 400
ALONE = True
PEERS = 10_000
SECONDS = 50
# kB of the server for each peer.
MOST = 64


def run(lab):
    server = serve(lab, [])
    before = server.resident()
    program = os.path.join(REPOSITORY, ".build/debug/ipsec-soak")
    begin = time.monotonic()
    soak = subprocess.Popen(
        lab.inside("srv", [program, "--server", PSK, str(PEERS), str(SECONDS)]),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        line = soak.stdout.readline()
        expect(f"established {PEERS} of {PEERS}" in line, f"ipsec-soak: {line}")
        wait_until(5, lambda: clients(server) == PEERS, "all peers to be counted")
        memory = server.resident()
        said, _ = soak.communicate(timeout=200)
    finally:
        soak.kill()
    expect(soak.returncode == 0, f"ipsec-soak: {said}")
    each = (memory - before) / PEERS
    print(f"  {line.strip()}; {said.strip()}")
    took = time.monotonic() - begin
    print(f"  {took:.0f} s in all; resident {before} kB, then {memory} kB: {each:.1f} a peer")
    expect(each < MOST, f"{each:.1f} kB a peer")
    server.stop()


def clients(server):
    found = re.search(r'"clients"[^0-9]*(\d+)|clients\D+(\d+)', server.ctl("--json", "module", "list"))
    return int(found[1] or found[2]) if found else 0

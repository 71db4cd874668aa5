"""Proves that the real SSTP client, sstpc with pppd, connects with MS-CHAPv2 and a crypto binding that is
verified.

It holds exactly one lease of the LAN's DHCP server, its DNS server is the LAN's, ping and iperf3 pass both
ways, it disconnects in order and the lease is released. A wrong password is refused with PPP's own words.
"""

import json

from lab import sstp
from lab.guests import Guest
from lab.network import LAN
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until

LIMIT = 180


def run(lab):
    lab.start_lan()
    sections, authority = sstp.server_sections(lab)
    server = Polyhub(lab, modules=sections).start().office(bridge="lan0")
    guest = Guest(lab, "c1")
    client = sstp.Client(guest, authority, "user1@LAB", password("user1"))
    try:
        client.up()
        address = client.address()
        expect(address.startswith("10.88.0."), f"{address} is not an address of the LAN")
        expect([lease[2] for lease in lab.leases()] == [address], f"the leases are {lab.leases()}")
        expect(client.dns() == [LAN], f"the client was told of DNS at {client.dns()}")
        expect(client.ping(LAN), f"no echo from {LAN}")
        expect(client.ping(LAN, "-s", "1372", "-M", "do"), "a packet as large as the tunnel takes is lost")
        expect(lab.ping("lan", address), f"no echo from {address}")
        session = server.sessions("user1")[0]
        expect(session["module"] == "SSTP", f"the session is {session}")
        for reverse in ("", "-R"):
            report = json.loads(guest.run(f"iperf3 -c {LAN} -t 3 -J {reverse}", seconds=40))
            rate = report["end"]["sum_received"]["bits_per_second"] / 1e6
            print(f"     sstp {reverse or 'up':2} {rate:.0f} Mbit/s", flush=True)
            expect(rate > 1, f"iperf3 {reverse} carried {rate} Mbit/s")
        client.down()
        wait_until(10, lambda: not lab.leases(), "the lease to be released")
        wait_until(10, lambda: not server.sessions("user1"), "the end of the session")
        wrong = sstp.Client(guest, authority, "user1@LAB", "a-wrong-word").start()
        wrong.ended()
        expect("E=691" in wrong.log(), f"no reason was shown: {wrong.log()[-300:]}")
    finally:
        client.keep_logs(lab, "sstp")
    server.stop()

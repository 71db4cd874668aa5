"""Proves that a real PPP client, pppd behind sstpc, has IPv6 on a LAN whose router advertises a prefix.

It negotiates an interface identifier, is told of the prefix by the server, and forms its addresses itself, a
privacy address among them; with each of them it reaches the LAN and what is behind it, and is reached. An
address that is another host's stays behind.
"""

from lab import ipv6, sstp
from lab.guests import Guest
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until

LIMIT = 90


def run(lab):
    lab.start_lan()
    ipv6.wire(lab)
    ipv6.start_router(lab)
    sections, authority = sstp.server_sections(lab)
    server = Polyhub(lab, modules=sections).start().office(bridge="lan0")
    guest = Guest(lab, "c1")
    guest.run("echo 2 >/proc/sys/net/ipv6/conf/default/use_tempaddr")
    client = sstp.Client(guest, authority, "user1@LAB", password("user1"), ipv6=True)
    try:
        client.up()
        wait_until(20, client.addresses6, "an IPv6 address on ppp0")
        addresses = client.addresses6()
        expect(len(addresses) == 2, f"the addresses are {addresses}, a privacy address among them is missing")
        guest.run(f"ip -6 route replace default dev {client.device}")
        for own in addresses:
            ipv6.both_ways(lab, lambda target: client.ping(target, "-I", own), own)
            expect(own in server.ctl("address", "list", "LAB"), f"{own} is not listed")
        expect(client.ping(ipv6.LAN, "-s", "1352", "-M", "do"), "a packet as large as the link is lost")
        guest.run(f"ip address add {ipv6.LAN}/128 dev {client.device} nodad")
        expect(not client.ping(ipv6.OUTSIDE, "-I", ipv6.LAN, count=1), "another host's address passes")
        client.down()
        wait_until(10, lambda: not server.sessions("user1"), "the end of the session")
    finally:
        client.keep_logs(lab, "sstp-ipv6")
    server.stop()

"""Proves that a real PPP client, pppd behind sstpc, has IPv6 on a LAN that gives addresses by DHCPv6 alone.

pppd takes the interface identifier that the server offers, so that the kernel's SLAAC forms the very address
that was leased for it; no privacy address comes beside it, although the client would like one. The lease is
given back at the end.
"""

from lab import ipv6, sstp
from lab.guests import Guest
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until

LIMIT = 90


def run(lab):
    lab.start_lan()
    ipv6.wire(lab)
    router = ipv6.start_router(lab, leases=True)
    sections, authority = sstp.server_sections(lab)
    server = Polyhub(lab, modules=sections).start().office(bridge="lan0")
    guest = Guest(lab, "c1")
    guest.run("echo 2 >/proc/sys/net/ipv6/conf/default/use_tempaddr")
    client = sstp.Client(guest, authority, "user1@LAB", password("user1"), ipv6=True)
    try:
        client.up()
        wait_until(20, client.addresses6, "an IPv6 address on ppp0")
        addresses = client.addresses6()
        expect(len(addresses) == 1, f"the addresses are {addresses}, not the leased one alone")
        own = addresses[0]
        expect(own.startswith(f"{ipv6.PREFIX}:1"), f"{own} is not of the DHCPv6 server's pool")
        router.wait_log(5, f"DHCPREPLY(eth0) {own}")
        guest.run(f"ip -6 route replace default dev {client.device}")
        ipv6.both_ways(lab, lambda target: client.ping(target, "-I", own), own)
        expect(own in server.ctl("address", "list", "LAB"), f"{own} is not listed")
        client.down()
        wait_until(10, lambda: not server.sessions("user1"), "the end of the session")
        router.wait_log(5, "DHCPRELEASE(eth0)")
    finally:
        client.keep_logs(lab, "sstp-dhcpv6")
    server.stop()

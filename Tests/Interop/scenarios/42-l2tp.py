"""Proves that a real L2TP/IPsec client, xl2tpd under strongSwan, is let in, natively and in UDP.

It proves its password by MS-CHAPv2 or, where the server allows that, by PAP; holds exactly one lease of the
LAN's DHCP server, learns its DNS server, sends and receives, by IPv6 too; and gives the lease back whether
PPP or the tunnel says goodbye first. A wrong password is refused, and the security log says so.
"""

import json

from lab import ipv6, l2tp
from lab.guests import Guest
from lab.network import LAN
from lab.polyhub import password
from lab.processes import expect, wait_until
from lab.strongswan import serve

LIMIT = 240


def run(lab):
    server = serve(lab, [], users=("user1",), auth=["mschapv2", "pap"])
    ipv6.wire(lab)
    ipv6.start_router(lab)
    guest = Guest(lab, "c1")
    for options in (
        dict(encap=True, esp="aes256-sha256"),
        dict(encap=False, esp="aes128gcm16", ike="aes128-sha1-ecp256", method="pap"),
    ):
        client = l2tp.Client(guest, "user1@LAB", password("user1"), ipv6=True, **options)
        try:
            connection(lab, server, client, options)
        finally:
            client.keep_logs(lab, f"l2tp-{options['esp']}")
    wrong = l2tp.Client(guest, "user1@LAB", "a-wrong-word")
    with l2tp.refused(lab, wrong, "l2tp-wrong"):
        wait_until(20, lambda: "authentication failed" in wrong.log(), "the refusal at the client")
        refused = "refused user=user1@LAB"
        wait_until(5, lambda: refused in server.logs(), "the refusal in the security log")
    server.stop()


def connection(lab, server, client, options):
    client.up()
    address = client.address()
    expect(("espinudp" in client.sas()) == options["encap"], f"the SAs are {client.sas()}")
    expect(address.startswith("10.88.0."), f"{address} is not an address of the LAN")
    expect([lease[2] for lease in lab.leases()] == [address], f"the leases are {lab.leases()}")
    expect(client.dns() == [LAN], f"the client was told of DNS at {client.dns()}")
    expect(client.ping(LAN), f"no echo from {LAN}")
    expect(client.ping(LAN, "-s", "1332", "-M", "do"), "a packet as large as the tunnel takes is lost")
    expect(lab.ping("lan", address), f"no echo from {address}")
    expect(lab.ping("lan", address, "-s", "3000"), f"no long echo from {address}")
    wait_until(20, client.addresses6, "an IPv6 address on ppp0")
    client.guest.run(f"ip -6 route replace default dev {client.device}")
    ipv6.both_ways(lab, client.ping, client.addresses6()[0])
    session = server.sessions("user1")[0]
    expect(session["module"] == "L2TP/IPsec", f"the session is {session}")
    for reverse in ("", "-R"):
        report = json.loads(client.guest.run(f"iperf3 -c {LAN} -t 2 -J {reverse}", seconds=40))
        rate = report["end"]["sum_received"]["bits_per_second"] / 1e6
        print(f"     l2tp {options['esp']} {reverse or 'up':2} {rate:.0f} Mbit/s", flush=True)
        expect(rate > 1, f"iperf3 {reverse} carried {rate} Mbit/s")
    if options["encap"]:
        client.down()
    else:
        client.hang_up()
    wait_until(10, lambda: not lab.leases(), "the lease to be released")
    wait_until(10, lambda: not server.sessions("user1"), "the end of the session")

"""Proves that a tun client on a bridged LAN holds exactly one lease of that LAN's own DHCP server.

The lease (2 minutes, dnsmasq's shortest) outlives its first half by renewal and its whole length by
another, and the server's log shows its release when the client leaves, when an administrator ends the
session, and when the server stops.
"""

from lab.network import LAN
from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until

LIMIT = 240


def run(lab):
    dhcp = lab.start_lan(lease="2m")
    server = Polyhub(lab).start().office(bridge="lan0")
    profile = server.profile()
    with Client(lab, "c1", profile, "user1", password("user1")) as client:
        held(lab, client)
        address = client.address()
        expect(address in server.ctl("address", "list", "LAB"), f"{address} is not listed")
        acknowledged = dhcp.log().count(f"DHCPACK(eth0) {address}")
        for renewal in (1, 2):
            wait_until(
                75,
                lambda: dhcp.log().count(f"DHCPACK(eth0) {address}") >= acknowledged + renewal,
                f"renewal {renewal} of the lease",
            )
            held(lab, client)
        wait_until(20, lambda: lab.ping("c1", LAN), "traffic after the first lease's end")
        expect(client.connections() == 1, "the client had to connect again")
    released(lab, dhcp, 1)

    client = Client(lab, "c1", profile, "user1", password("user1")).up()
    held(lab, client)
    server.ctl("session", "disconnect", server.sessions("user1")[0]["id"])
    wait_until(
        10, lambda: dhcp.log().count("DHCPRELEASE") >= 2, "the release after the administrator's disconnect"
    )
    client.leave()
    wait_until(10, lambda: not lab.leases(), "an end to all leases")

    client = Client(lab, "c1", profile, "user1", password("user1")).up()
    before = dhcp.log().count("DHCPRELEASE")
    server.stop()
    released(lab, dhcp, before + 1)
    client.discard()


def held(lab, client):
    leases = lab.leases()
    expect(
        [lease[2] for lease in leases] == [client.address()],
        f"the client has {client.address()}, leased is {leases}",
    )


def released(lab, dhcp, times):
    wait_until(10, lambda: dhcp.log().count("DHCPRELEASE") >= times and not lab.leases(), f"release {times}")

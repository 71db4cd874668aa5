"""Proves that SIGTERM ends the server in order while clients are connected, and that they come back when
it does.

Status 0, the clients are told, both leases are released; after the next start the same openvpn processes
have a tunnel.
"""

from lab.network import LAN
from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import wait_until


def run(lab):
    dhcp = lab.start_lan()
    server = Polyhub(lab).start().office(bridge="lan0")
    one = server.profile().replacing(connect_retry="1 1")
    two = server.profile(user="user2", transport="tcp").replacing(connect_retry="1 1")
    with Client(lab, "c1", one, "user1", password("user1")) as first, Client(
        lab, "c2", two, "user2", password("user2")
    ) as second:
        server.stop()
        wait_until(10, lambda: dhcp.log().count("DHCPRELEASE") == 2 and not lab.leases(), "both releases")
        server.start()
        for client in (first, second):
            wait_until(30, lambda: client.connections() == 2, f"{client.where} to come back")
            wait_until(10, lambda: lab.ping(client.where, LAN), f"traffic of {client.where}")
    server.stop()

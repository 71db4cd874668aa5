"""Proves that two L2TP/IPsec clients of one identity behind one NAT are in the hub at once, and reach each
other.
"""

from lab import l2tp
from lab.guests import Guest
from lab.network import LAN
from lab.polyhub import password
from lab.processes import expect, wait_until
from lab.strongswan import NAT, serve

LIMIT = 180


def run(lab):
    server = serve(lab, [], users=("user1", "user2"))
    lab.run("inet", "nft", NAT)
    guests = [Guest(lab, "c1"), Guest(lab, "c2")]
    clients = []
    for number, guest in enumerate(guests, 1):
        user = f"user{number}"
        clients.append(l2tp.Client(guest, f"{user}@LAB", password(user), encap=False, identity="phone"))
    try:
        for client in clients:
            client.up()
            expect("espinudp" in client.sas(), f"no NAT was found: {client.sas()}")
        outside = [server.sessions(user)[0]["outside"] for user in ("user1", "user2")]
        expect({one.rsplit(":", 1)[0] for one in outside} == {"10.77.9.1"}, f"they come from {outside}")
        for one, other in (clients, clients[::-1]):
            expect(one.ping(LAN), f"{one.address()} does not reach the LAN")
            expect(one.ping(other.address()), f"{one.address()} does not reach {other.address()}")
        clients[0].down()
        wait_until(10, lambda: not server.sessions("user1"), "the end of the first session")
        expect(clients[1].ping(LAN), "the second client went with the first one")
        clients[1].down()
        wait_until(10, lambda: not lab.leases(), "the leases to be released")
    finally:
        for client in clients:
            client.keep_logs(lab, "l2tp")
    server.stop()

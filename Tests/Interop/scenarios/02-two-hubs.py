"""Proves that hubs never leak into each other, also when their address plans are equal.

Two hubs with the same SecureNAT network. Tap clients with fixed addresses of it do not reach each other
from hub to hub; the same two clients in one hub do, so the silence before means something.
"""

from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect

NETWORK = "192.168.30.1/24"


def run(lab):
    server = Polyhub(lab, default_hub="ONE").start()
    for hub in ("ONE", "TWO"):
        server.office(hub)
        server.ctl("nat", "enable", hub, "--network", NETWORK)
    gateways(lab, server)
    expect(not meet(lab, server, "ONE", "TWO"), "a frame went from one hub to the other")
    expect(meet(lab, server, "ONE", "ONE"), "two clients in one hub do not reach each other")
    server.stop()


def gateways(lab, server):
    """Layer 3: each has the gateway of its own hub and knows nothing of the other, whose plan is the same."""
    one = server.profile("ONE")
    two = server.profile("TWO", "user2")
    with Client(lab, "c1", one, "user1@ONE", password("user1")) as first, Client(
        lab, "c2", two, "user2@TWO", password("user2")
    ) as second:
        for client in (first, second):
            expect(client.address().startswith("192.168.30."), f"{client.address()} is not of {NETWORK}")
            expect(
                lab.ping(client.where, "192.168.30.1", "-I", client.device), f"no gateway in {client.where}"
            )
        for hub, user, other in (("ONE", "user1", "user2"), ("TWO", "user2", "user1")):
            own = server.sessions(user, hub) and not server.sessions(other, hub)
            expect(own, f"the sessions of {hub} are not its own: {server.ctl('session', 'list', hub)}")


def meet(lab, server, first, second):
    """Whether a client in the one hub reaches one in the other, by broadcast and by address."""
    one = server.profile(first, device="tap")
    two = server.profile(second, "user2", device="tap")
    with Client(lab, "c1", one, f"user1@{first}", password("user1")), Client(
        lab, "c2", two, f"user2@{second}", password("user2")
    ):
        for where, address in (("c1", "192.168.30.241"), ("c2", "192.168.30.242")):
            lab.run(where, "ip", "address", "flush", "dev", Client.device)
            lab.run(where, "ip", "address", "add", f"{address}/24", "dev", Client.device)
        there = lab.ping("c1", "192.168.30.242", "-I", Client.device)
        back = lab.ping("c2", "192.168.30.241", "-I", Client.device)
        learned = "192.168.30.241" in lab.run(
            "c2", "ip", "neighbour", "show", "dev", Client.device, "nud", "reachable"
        )
        return there or back or learned

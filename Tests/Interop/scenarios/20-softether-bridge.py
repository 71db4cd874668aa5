"""Proves that a SoftEther client joins a network to the hub, or listens to all of it, only where policy lets
it: the client shows errors 108 and 107 otherwise, and the hub's security log says who asked for what. With
`bridge=yes` a real vpnserver at another site joins its hub to ours: a client here gets an address from the
DHCP server there, and reaches it.
"""

from lab.network import SERVER
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.reference import SoftEtherServer
from lab.softether import Client

SITE = (
    "HubCreate SITE /PASSWORD:",
    "Hub SITE",
    "SecureNatHostSet /MAC:none /IP:192.168.77.1 /MASK:255.255.255.0",
    "DhcpSet /START:192.168.77.10 /END:192.168.77.20 /MASK:255.255.255.0 /EXPIRE:7200 /GW:none /DNS:none "
    "/DNS2:none /DOMAIN:none /LOG:no",
    "SecureNatEnable",
    f"CascadeCreate up /SERVER:{SERVER}:443 /HUB:LAB /USERNAME:user2",
    f"CascadePasswordSet up /PASSWORD:{password('user2')} /TYPE:standard",
    "CascadeOnline up",
)


def run(lab):
    server = Polyhub(lab, modules={"softether": {"library": "SoftEther"}}).start().office()
    for wish, code, what in (("BRIDGE", 108, "bridge"), ("MONITOR", 107, "monitor")):
        client = Client(lab, "c1", "user1", password("user1"), **{wish: "yes"}).start()
        wait_until(20, client.error, f"an error for a {what}")
        expect(client.error() == code, f"a {what} is shown error {client.error()}, not {code}")
        client.discard()
        wait_until(5, lambda: f"may not be a {what}" in server.logs(), f"a line about the {what}")
    server.ctl("user", "set", "LAB", "user2", "--policy", "bridge=yes", "--policy", "dhcp-server=yes")
    site = SoftEtherServer(lab, "c2", SITE).start()
    wait_until(30, lambda: server.sessions("user2"), "the other site's session")
    with Client(lab, "c1", "user1", password("user1")) as client:
        expect(client.address().startswith("192.168.77."), f"{client.address()} is not of the other site")
        expect(lab.ping("c1", "192.168.77.1"), "no echo from the other site")
    site.stop()
    server.stop()

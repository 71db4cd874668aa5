"""Proves that a SoftEther client gets a session on its hub, an address from SecureNAT, and reaches what is
behind it; that it leaves in order, and that nothing of it stays."""

from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.softether import Client


def run(lab):
    lab.start_outside()
    server = Polyhub(lab, modules={"softether": {"library": "SoftEther"}}).start().office()
    server.ctl("nat", "enable", "LAB")
    with Client(lab, "c1", "user1", password("user1")) as client:
        expect(client.address().startswith("192.168.30."), f"{client.address()} is not an address of the hub")
        expect(lab.ping("c1", "192.168.30.1"), "the hub's router does not answer")
        rows = server.sessions("user1")
        expect(len(rows) == 1 and rows[0]["module"] == "SoftEther", f"the session is not listed: {rows}")
    wait_until(5, lambda: not server.sessions("user1"), "the end of the session")
    server.stop()

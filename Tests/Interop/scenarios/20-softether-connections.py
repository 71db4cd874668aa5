"""Proves that a SoftEther session carries traffic over 8 and 32 TCP connections, over half-duplex ones and
compressed, and with one that is kept for what must not wait, both ways, between two clients of one hub."""

from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.softether import Client
from lab.traffic import Load, received

LIMIT = 240


def run(lab):
    server = Polyhub(lab, modules={"softether": {"library": "SoftEther"}}).start().office()
    server.ctl("nat", "enable", "LAB")
    kinds = (
        dict(MAXTCP=8), dict(MAXTCP=32), dict(MAXTCP=4, HALF="yes"), dict(MAXTCP=1, COMPRESS="yes"),
        dict(MAXTCP=3, NOQOS="no"),
    )  # fmt: skip
    for settings in kinds:
        with Client(lab, "c1", "user1", password("user1"), **settings) as one, Client(
            lab, "c2", "user2", password("user2"), **settings
        ) as two:
            for client in (one, two):
                wait_until(
                    60,
                    lambda: client.connections() == settings["MAXTCP"],
                    f"{settings}: all connections, not {client.connections()}",
                )
            for here, there in ((one, two), (two, one)):
                octets, _ = received(Load(lab, here.where, there.where, there.address(), 3).finish())
                expect(octets > 1_000_000, f"{settings}: only {octets} octets from {here.where}")
            expect(lab.ping("c1", two.address(), count=20), f"{settings}: echoes are lost")
            shown = one.status()["Use of Compression"]
            expect(shown.startswith("Yes" if "COMPRESS" in settings else "No"), f"{settings}: {shown}")
            expect(lab.ping("c1", two.address(), "-Q", "0xb8"), f"{settings}: urgent echoes are lost")
            expect(len(server.sessions("user1")) == 1, f"{settings}: {server.sessions('user1')}")
        wait_until(5, lambda: not server.sessions("user1"), f"{settings}: the end of the session")
    server.stop()

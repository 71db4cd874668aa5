"""Proves that a SoftEther client that is refused shows why: 9 for a wrong password and for an unknown user,
8 for an unknown hub, 12 for a user who may not connect, 20 for one who has as many sessions as he may; that
the server's log says so too, and holds no password."""

from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.softether import Client

WRONG = "a-wrong-but-secret-word"


def run(lab):
    server = Polyhub(lab, modules={"softether": {"library": "SoftEther"}}).start().office()
    server.ctl("nat", "enable", "LAB")
    server.ctl(
        "user", "create", "LAB", "leaver3", "--password", password("leaver3"), "--expires", "2020-01-01"
    )  # fmt: skip
    for user, secret, hub, kind, code in (
        ("user1", WRONG, "LAB", "standard", 9),
        ("user1", WRONG, "LAB", "radius", 9),
        ("nobody9", password("nobody9"), "LAB", "standard", 9),
        ("user1", password("user1"), "NOWHERE", "standard", 8),
        ("leaver3", password("leaver3"), "LAB", "standard", 12),
    ):
        refused(lab, server, Client(lab, "c1", user, secret, hub, TYPE=kind), code)
    server.ctl("user", "set", "LAB", "user2", "--policy", "sessions=1")
    with Client(lab, "c2", "user2", password("user2")):
        refused(lab, server, Client(lab, "c1", "user2", password("user2")), 20)
    seen = server.logs() + server.ctl("log", "tail")
    for secret in (WRONG, password("user1"), password("leaver3"), password("nobody9")):
        expect(secret not in seen, f"the server's logs hold the password {secret}")
    server.stop()


def refused(lab, server, client, code):
    before = set(server.logs().splitlines())
    client.start()
    wait_until(20, client.error, f"an error for {client.user} in hub {client.hub}")
    shown = client.error()
    expect(shown == code, f"{client.user} in hub {client.hub} is shown error {shown}, not {code}")
    new = [line for line in server.logs().splitlines() if line not in before]
    told = any("refused" in line and client.user in line for line in new)
    expect(told, f"no line about {client.user}: {new}")
    client.discard()

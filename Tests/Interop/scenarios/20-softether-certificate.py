"""Proves that a SoftEther client signs in by a certificate that stands for its user by its fingerprint; that
another certificate is refused, also one with the same name in it, and so is the right certificate under
another user's name; that the client shows error 9 then, and the server's log says who was refused why."""

from lab.credentials import command
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.softether import Client


def run(lab):
    server = Polyhub(lab, modules={"softether": {"library": "SoftEther"}}).start().office()
    server.ctl("nat", "enable", "LAB")
    right, wrong = (pair(lab, name) for name in ("right", "wrong"))
    server.ctl("user", "create", "LAB", "holder3", "--certificate", fingerprint(right[0]))
    with Client(lab, "c1", "holder3", None, certificate=right) as client:
        expect(lab.ping("c1", "192.168.30.1"), f"{client.user} does not reach the hub's router")
        expect(len(server.sessions("holder3")) == 1, f"the sessions are {server.sessions('holder3')}")
    wait_until(5, lambda: not server.sessions("holder3"), "the end of the session")
    for user, shown, why in (
        ("holder3", wrong, "certificate"),
        ("user1", right, "certificate"),
        ("nobody9", right, "unknown user"),
    ):
        refused(lab, server, Client(lab, "c1", user, None, certificate=shown), 9, why)
    # A password is no way in for somebody who has none.
    refused(lab, server, Client(lab, "c1", "holder3", password("holder3")), 7, "no verifier")
    server.stop()


def pair(lab, name):
    """A certificate of its own authority, and its key: RSA, the only kind that this protocol signs with."""
    paths = [lab.path("pairs", f"{name}.{kind}") for kind in ("pem", "key")]
    command(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=holder3",
        "-keyout", paths[1], "-out", paths[0],
    )  # fmt: skip
    return paths


def fingerprint(path):
    said = command("openssl", "x509", "-in", path, "-noout", "-fingerprint", "-sha256")
    return "sha256:" + said.strip().split("=")[1]


def refused(lab, server, client, code, why):
    before = set(server.logs().splitlines())
    client.start()
    wait_until(20, client.error, f"an error for {client.user}")
    expect(client.error() == code, f"{client.user} is shown error {client.error()}, not {code}")
    new = [line for line in server.logs().splitlines() if line not in before]
    told = [line for line in new if "refused" in line and client.user in line and why in line]
    expect(told, f"no line about {client.user} and {why}: {new}")
    expect(not server.sessions(client.user), f"{client.user} has a session")
    client.discard()

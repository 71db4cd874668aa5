"""Proves that whoever is refused learns why, that the server's log says so too, and that no secret is in
either.

Wrong password, unknown hub, unknown and deleted user, expired client certificate, no address left. An
openvpn client shows the reason behind AUTH_FAILED; the refusals say no more to a stranger than that the
name or the password is wrong.
"""

import re
from datetime import datetime, timedelta, timezone

from lab import credentials
from lab.credentials import Authority
from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until

WRONG = "a-wrong-but-secret-word"
LIMIT = 150


def run(lab):
    lab.start_lan(pool=("10.88.0.100", "10.88.0.100"))
    authority = Authority(lab.path("clients-ca"))
    server = Polyhub(lab, client_ca=authority.certificate, verify_client_cert="optional")
    server.start().office(bridge="lan0")
    server.ctl("user", "create", "LAB", "leaver3", "--password", password("leaver3"))
    profile = server.profile()
    leaver(lab, server, profile)
    lapsed(lab, server, profile)
    for user, secret in (
        ("user1", WRONG),
        ("user1@NOWHERE", password("user1")),
        ("nobody9", password("nobody9")),
        ("leaver3", password("leaver3")),
    ):
        refused(lab, server, profile, user, secret)
    expired(lab, server, profile, authority)
    full(lab, server, profile)
    seen = server.logs() + server.ctl("log", "tail")
    for secret in (WRONG, password("user1"), password("user2"), password("leaver3"), password("nobody9")):
        expect(secret not in seen, f"the server's logs hold the password {secret}")
    server.stop()


def leaver(lab, server, profile):
    """A user who is deleted while connected is disconnected."""
    client = Client(lab, "c1", profile, "leaver3", password("leaver3")).up()
    server.ctl("user", "delete", "LAB", "leaver3")
    wait_until(10, lambda: not server.sessions("leaver3"), "the end of a deleted user's session")
    told(client, "user deleted")
    client.leave()
    wait_until(10, lambda: not lab.leases(), "the only address to be free again")


def lapsed(lab, server, profile):
    """A user whose account comes to its end while he is connected is disconnected soon."""
    soon = datetime.now(timezone.utc) + timedelta(seconds=12)
    server.ctl(
        "user", "create", "LAB", "lapsing4", "--password", password("lapsing4"),
        "--expires", soon.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    client = Client(lab, "c1", profile, "lapsing4", password("lapsing4")).up()
    wait_until(30, lambda: not server.sessions("lapsing4"), "the end of an expired user's session")
    told(client, "user expired")
    client.leave()
    wait_until(10, lambda: not lab.leases(), "the only address to be free again")


def told(client, reason):
    """The client hears why its session ended."""
    client.process.wait_log(10, f"AUTH_FAILED,{reason}")


def refused(lab, server, profile, user, secret, where="c2"):
    """The client ends, with a reason; the server's log names the user in a new line. The client's reason."""
    before = set(server.logs().splitlines())
    client = Client(lab, where, profile, user, secret).start()
    client.process.wait_log(30, "AUTH_FAILED")
    expect(client.process.wait(15) is not None, f"{user}: the client goes on")
    reason = re.search(r"AUTH_FAILED,([^'\n]*)", client.log())
    expect(reason and reason[1].strip(), f"{user}: no reason is shown: {client.process.last_words()}")
    name = user.split("@")[0]
    wait_until(
        5,
        lambda: any("refused" in line and name in line for line in set(server.logs().splitlines()) - before),
        f"a line in the server's log that {user} was refused",
    )
    return reason[1]


def expired(lab, server, profile, authority):
    certificate, key = authority.issue("user1", "clientAuth", start="-9 days", end="-1 day")
    old = profile.embedding(cert=credentials.read(certificate), key=credentials.read(key))
    reason = refused(lab, server, old, "user1", password("user1"))
    expect("expired" in reason, f"an expired certificate is refused with `{reason}`")


def full(lab, server, profile):
    """A full pool of the LAN's server, which is silent then, and one of our own, which knows."""
    with Client(lab, "c1", profile, "user1", password("user1")) as first:
        expect(first.address() == "10.88.0.100", f"{first.address()} is not the only address there is")
        reason = refused(lab, server, profile, "user2", password("user2"))
        expect("DHCP" in reason or "address" in reason, f"no address left on the LAN is told as `{reason}`")
        expect(lab.ping("c1", "10.88.0.1"), "the refusal disturbed the client that was there")
    server.office("SMALL")
    server.ctl("nat", "enable", "SMALL", "--network", "192.168.77.1/30")
    with Client(lab, "c1", profile, "user1@SMALL", password("user1")) as first:
        expect(first.address() == "192.168.77.2", f"{first.address()} is not the only address there is")
        reason = refused(lab, server, profile, "user2@SMALL", password("user2"))
        expect("address" in reason, f"no address left in SecureNAT is told as `{reason}`")

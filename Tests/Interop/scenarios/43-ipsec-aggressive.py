"""Proves that strongSwan is let in by aggressive mode with the key of its name, and by 3DES, where options
say so.

Who knows only the server's key is nobody whose name has one of its own.
"""

from lab.network import LAN
from lab.processes import expect, wait_until
from lab.strongswan import PSK, EtherIP, StrongSwan, serve

OWN = "a key of site 2 alone"
SUITES = (
    ("site1", PSK, "aes256-sha256-modp2048", "aes256-sha256"),
    ("site2", OWN, "3des-sha1-modp1024", "3des-sha1"),
    ("site1", PSK, "aes192-sha512-ecp384", "aes192-sha1-ecp256"),
)


def run(lab):
    options = {"aggressive-mode": True, "weak-groups": True, "weak-ciphers": True}
    server = serve(lab, ["site-1.example", "site-2.example"], **options)
    server.ctl("user", "set", "LAB", "site2", "--psk", OWN)
    for user, key, ike, esp in SUITES:
        identity = f"site-{user[-1]}.example"
        site = EtherIP(lab, "c1", identity, psk=key, ike=ike, esp=esp, aggressive="yes")
        expect(lab.ping("c1", LAN), f"no ping with {ike} {esp}")
        site.down()
        wait_until(5, lambda: not server.sessions(user), "the end of the session")
    impostor(lab)
    server.stop()


def impostor(lab):
    """The client sees by the server's hash that it has another key, and proves nothing."""
    client = StrongSwan(lab, "c2", "site-2.example", PSK, aggressive="yes").start()
    client.control("--initiate", "--child", "hub", "--timeout", "4", check=False)
    expect("ESTABLISHED" not in client.control("--list-sas"), "the server's key was enough")
    wait_until(5, lambda: "HASH does not match" in client.log(), "the client to see a wrong hash")
    client.stop()

"""Proves that EtherIP under strongSwan's IKEv1 and ESP is a place on a hub, by address, load and goodbye."""

from lab.network import LAN
from lab.processes import expect, wait_until
from lab.strongswan import PSK, EtherIP, StrongSwan, serve
from lab.traffic import both_ways

LIMIT = 180
SUITES = (
    ("aes256-sha256-modp2048", "aes256-sha256"),
    ("aes128-sha1-ecp256", "aes128gcm16"),
    ("aes256-sha384-ecp384", "aes256-sha512-ecp384"),
)


def run(lab):
    server = serve(lab, ["site-1.example", "site-2.example"])
    for ike, esp in SUITES:
        connection(lab, server, ike, esp)
    own_key(lab, server)
    stranger(lab, server)
    server.stop()


def connection(lab, server, ike, esp):
    site = EtherIP(lab, "c1", "site-1.example", ike=ike, esp=esp)
    expect(len(server.sessions("site1")) == 1, f"sessions: {server.sessions('site1')}")
    expect(site.address().startswith("10.88.0."), f"the address is {site.address()}")
    expect(lab.ping("c1", LAN), f"no ping with {ike} {esp}")
    expect(lab.ping("c1", LAN, "-s", "3000"), f"no long ping with {ike} {esp}")
    for octets, rate in both_ways(lab, "c1", LAN):
        expect(octets > 1_000_000, f"only {octets} octets with {ike} {esp}")
        print(f"  {ike} {esp}: {rate:.0f} Mbit/s")
    site.down()
    wait_until(5, lambda: not server.sessions("site1"), "the end of the session")


def own_key(lab, server):
    """A site with a key of its own, given while the server runs, is nobody who knows the server's."""
    server.ctl("user", "set", "LAB", "site2", "--psk", "a key of site 2 alone")
    refused(lab, server, "site-2.example", PSK)
    EtherIP(lab, "c2", "site-2.example", psk="a key of site 2 alone").down()


def stranger(lab, server):
    """Who knows the secret but is nobody here gets an SA and no place; who does not know it gets none."""
    client = StrongSwan(lab, "c2", "nobody.example").start().connect()
    wait_until(5, lambda: "EtherIP/IPsec refused" in server.logs(), "the refusal in the log")
    client.disconnect()
    client.stop()
    refused(lab, server, "site-1.example", "another secret of the lab")


def refused(lab, server, identity, key):
    before = server.logs().count("wrong pre-shared key")
    wrong = StrongSwan(lab, "c2", identity, key).start()
    wrong.control("--initiate", "--child", "hub", "--timeout", "4", check=False)
    expect("ESTABLISHED" not in wrong.control("--list-sas"), "a wrong secret was accepted")
    # Such lines come every ten seconds at most.
    wait_until(12, lambda: server.logs().count("wrong pre-shared key") > before, "the wrong key in the log")
    wrong.stop()

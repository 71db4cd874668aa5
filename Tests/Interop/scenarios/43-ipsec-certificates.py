"""Proves that strongSwan and libreswan are let in by certificate, in main and aggressive mode, with routers
mapped by the identity that is in it; and that other certificates are refused with a reason in the log.
"""

import re

from lab import libreswan
from lab.credentials import RSA, Authority
from lab.guests import Guest
from lab.network import LAN, SERVER
from lab.polyhub import password
from lab.processes import expect, wait_until
from lab.strongswan import EtherIP, StrongSwan, serve

LIMIT = 240
NAME = "vpn.lab.example"
SUITES = (
    dict(ike="aes256-sha256-modp2048"),
    dict(ike="aes128-sha1-ecp256"),
    dict(ike="aes256-sha512-ecp384", aggressive="yes"),
)


def run(lab):
    authority = Authority(lab.path("authority"))
    certificate, key = authority.issue(NAME, "serverAuth", key_type=RSA, alternative=f"IP:{SERVER}")
    server = serve(
        lab,
        ["site-1.example", "CN=site-2.example"],
        users=("user1",),
        tls={"certificate": certificate, "key": key},
        **{"ike-client-ca": authority.certificate, "aggressive-mode": True},
    )
    routers(lab, server, authority)
    pinned(lab, server, authority)
    refusals(lab, server, authority)
    telephone(lab, server, authority)
    server.stop()


def issue(authority, name, **options):
    """What a client needs: certificate, key, and the authority of the server."""
    return (*authority.issue(name, "clientAuth", key_type=RSA, **options), authority.certificate)


def routers(lab, server, authority):
    """By an alternative name, and by the subject."""
    for number, options in enumerate(SUITES):
        user, identity = ("site2", "CN=site-2.example") if number == 1 else ("site1", "site-1.example")
        own = issue(authority, identity.removeprefix("CN="))
        site = EtherIP(lab, "c1", identity, credentials=own, server_id=f"CN={NAME}", **options)
        expect(len(server.sessions(user)) == 1, f"{user} has no session")
        expect(lab.ping("c1", LAN), f"no ping with {options}")
        site.down()
        wait_until(5, lambda: not server.sessions(user), "the end of the session")


def pinned(lab, server, authority):
    """A user with a certificate is nobody who knows the server's pre-shared key."""
    server.ctl("user", "set", "LAB", "site1", "--certificate", "site-1.example")
    before = server.logs().count("certificate required")
    client = StrongSwan(lab, "c2", "site-1.example").start().connect()
    wait_until(5, lambda: server.logs().count("certificate required") > before, "the refusal in the log")
    client.disconnect()
    client.stop()
    own = issue(authority, "site-1.example")
    EtherIP(lab, "c2", "site-1.example", credentials=own, server_id=f"CN={NAME}").down()


def refusals(lab, server, authority):
    stranger = Authority(lab.path("stranger"))
    foreign = (*stranger.issue("site-1.example", "clientAuth", key_type=RSA), authority.certificate)
    old = issue(authority, "site-1.example", start="-3 days", end="-1 day")
    refused(lab, server, "site-1.example", foreign, "unable to get local issuer certificate")
    refused(lab, server, "site-1.example", old, "certificate has expired")
    liar = issue(authority, "site-3.example")
    # It says this because it fits the certificate by strongSwan's own rules.
    refused(lab, server, "*.example", liar, "is not in the certificate")
    nobody = StrongSwan(lab, "c2", "site-3.example", credentials=liar, server_id=f"CN={NAME}")
    nobody.start().connect()
    wait_until(5, lambda: re.search("EtherIP/IPsec refused .*site-3.example", server.logs()), "the refusal")
    nobody.disconnect()
    nobody.stop()


def refused(lab, server, identity, own, reason):
    before = server.logs().count(reason)
    client = StrongSwan(lab, "c2", identity, credentials=own, server_id=f"CN={NAME}").start()
    client.control("--initiate", "--child", "hub", "--timeout", "4", check=False)
    expect("ESTABLISHED" not in client.control("--list-sas"), f"let in, though {reason}")
    wait_until(12, lambda: server.logs().count(reason) > before, f"'{reason}' in the log")
    client.stop()


def telephone(lab, server, authority):
    """L2TP: the certificate is the machine's, name and password are the user's."""
    guest = Guest(lab, "c1")
    own = issue(authority, "telephone.example")
    client = libreswan.Client(
        guest, "user1@LAB", password("user1"), certificates=own, server_id=f"CN={NAME}", identity="%fromcert"
    )
    try:
        client.up()
        expect(client.ping(LAN), "no echo through L2TP")
        expect(len(server.sessions("user1")) == 1, "no session of the user")
        client.down()
    finally:
        client.keep_logs(lab, "libreswan")
    wait_until(10, lambda: not server.sessions("user1"), "the end of the session")

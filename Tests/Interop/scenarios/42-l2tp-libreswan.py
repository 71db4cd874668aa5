"""Proves that xl2tpd under libreswan is let in: main mode natively and in UDP, with a hub's key, aggressive mode, PFS.

Who knows the key of a hub gets into that hub and no other one, whatever password he has.
"""

from lab import libreswan
from lab.guests import Guest
from lab.network import LAN
from lab.polyhub import password
from lab.processes import expect, wait_until
from lab.strongswan import serve

LIMIT = 180
KEY = "a key of this hub alone"
ATTEMPTS = (
    dict(encap="no"),
    dict(encap="yes", psk=KEY, ike="aes128-sha1;modp3072", esp="aes128-sha1;modp3072", pfs="yes"),
    dict(encap="auto", psk=KEY, aggressive="yes", identity="@[LAB]", esp="aes_gcm128-null"),
)


def run(lab):
    server = serve(lab, [], users=("user1",), **{"aggressive-mode": True})
    server.ctl("hub", "set", "LAB", "--psk", KEY)
    server.ctl("hub", "create", "OTHER")
    server.ctl("user", "create", "OTHER", "user2", "--password", "secret")
    guest = Guest(lab, "c1")
    for options in ATTEMPTS:
        client = libreswan.Client(guest, "user1@LAB", password("user1"), **options)
        try:
            client.up()
            udp = "espinudp" in client.sas()
            expect(udp == (options["encap"] == "yes"), f"{options}: the SAs are {client.sas()}")
            expect(client.ping(LAN), f"no echo with {options}")
            client.down()
        finally:
            client.keep_logs(lab, f"libreswan-{options['encap']}")
        wait_until(10, lambda: not server.sessions("user1"), "the end of the session")
    stranger = libreswan.Client(guest, "user2@OTHER", "secret", psk=KEY).start()
    wait_until(20, lambda: "authentication failed" in stranger.log(), "the refusal at the client")
    expect('reason=\\"the key is of hub LAB\\"' in server.logs(), "the log does not say why")
    stranger.leave()
    server.stop()

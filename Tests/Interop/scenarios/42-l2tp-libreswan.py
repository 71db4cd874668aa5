"""Proves that xl2tpd under libreswan is let in with its hub's key: by main mode natively, with PFS, and by
aggressive mode in UDP, by the name of the hub.
"""

from lab import libreswan
from lab.guests import Guest
from lab.network import LAN
from lab.polyhub import password
from lab.processes import expect, wait_until
from lab.strongswan import serve

LIMIT = 150
KEY = "a key of this hub alone"
ATTEMPTS = (
    dict(encap="no", ike="aes128-sha1;modp3072", esp="aes128-sha1;modp3072", pfs="yes"),
    dict(encap="yes", aggressive="yes", identity="@[LAB]", esp="aes_gcm128-null"),
)


def run(lab):
    server = serve(lab, [], users=("user1",), **{"aggressive-mode": True})
    server.ctl("hub", "set", "LAB", "--psk", KEY)
    guest = Guest(lab, "c1")
    for options in ATTEMPTS:
        client = libreswan.Client(guest, "user1@LAB", password("user1"), psk=KEY, **options)
        try:
            client.up()
            udp = "espinudp" in client.sas()
            expect(udp == (options["encap"] == "yes"), f"{options}: the SAs are {client.sas()}")
            expect(client.ping(LAN), f"no echo with {options}")
            client.down()
        finally:
            client.keep_logs(lab, f"libreswan-{options['encap']}")
        wait_until(10, lambda: not server.sessions("user1"), "the end of the session")
    server.stop()

"""Proves tls-auth, tls-crypt and tls-crypt-v2, over UDP and TCP, and TLS 1.2 beside 1.3.

A client whose profile has the key comes up and carries traffic; one without it gets no answer at all. A
server that takes every wrap serves them side by side on one port, and clients without any.
"""

from lab.network import LAN
from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect
from lab.variants import CIPHERS, check_tunnel

LIMIT = 180
WRAPS = ("tls-auth", "tls-crypt", "tls-crypt-v2")


def run(lab):
    lab.start_lan()
    for wrap in WRAPS:
        server = Polyhub(lab, wrap=[wrap]).start()
        if wrap == WRAPS[0]:
            server.office(bridge="lan0")
        for transport in ("udp", "tcp"):
            profile = server.profile(transport=transport)
            expect(
                wrap in profile.blocks, f"a profile of a server with {wrap} has only {list(profile.blocks)}"
            )
            connect(lab, profile)
        stranger(lab, without(server.profile(), WRAPS), wrap)
        server.stop()
    everything(lab, profile)


def everything(lab, wrapped):
    """The keys have outlived the restarts: a profile from before still works."""
    server = Polyhub(lab).start()
    connect(lab, wrapped)
    connect(lab, without(server.profile(), WRAPS))
    for version in ("1.2", "1.3"):
        profile = server.profile().replacing(tls_version_min=version, tls_version_max=version)
        expect(f"TLSv{version}" in connect(lab, profile), f"TLS {version} was not spoken")
    server.stop()


def connect(lab, profile):
    """What the client has logged."""
    with Client(lab, "c1", CIPHERS[0].announced_by(profile), "user1", password("user1")) as client:
        check_tunnel(client, LAN, CIPHERS[0])
        return client.log()


def without(profile, wraps):
    return profile.replacing(key_direction=None, **{wrap.replace("-", "_"): None for wrap in wraps})


def stranger(lab, profile, wrap):
    client = Client(lab, "c2", profile, "user2", password("user2")).start()
    client.process.wait_log(10, "UDPv4 link remote")
    lab.run("c2", "sleep", "3")
    expect("TLS: Initial packet" not in client.log(), f"{wrap}: a client without the key was answered")
    client.discard()

"""Proves tls-auth (with and without a direction), tls-crypt and tls-crypt-v2, over UDP and TCP.

A client with the right key comes up and carries traffic; one without it gets no answer at all.
"""

from lab.network import LAN
from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect
from lab.variants import CIPHERS, WRAPS, check_tunnel

LIMIT = 180


def run(lab):
    lab.start_lan()
    for wrap in WRAPS:
        key = wrap.make(lab)
        server = Polyhub(lab, name=f"state-{wrap}", **wrap.polyhub_options(key)).start().office(bridge="lan0")
        profile = wrap.client(server.profile(), key)
        for transport in ("udp", "tcp"):
            client = Client(lab, "c1", profile.replacing(proto=transport), "user1", password("user1"))
            with client:
                check_tunnel(client, LAN, CIPHERS[0])
        bare = profile.replacing(tls_auth=None, tls_crypt=None, tls_crypt_v2=None, key_direction=None)
        stranger = Client(lab, "c2", bare.replacing(proto="udp"), "user2", password("user2")).start()
        offset = stranger.process.wait_log(10, "UDPv4 link remote")
        lab.run("c2", "sleep", "3")
        expect(
            "TLS: Initial packet" not in stranger.log()[offset:],
            f"{wrap}: a client without the key was answered",
        )
        stranger.discard()
        server.stop()

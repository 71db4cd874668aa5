"""Proves the lab itself, against the real openvpn 2.6 server: what fails here is not Polyhub's fault.

Every cipher, both transports and both kinds of device; a client that negotiates nothing; the three ways
of wrapping the control channel; a wrong password; an expired client certificate; new keys
under load; a client that moves.
"""

from itertools import product

from lab import credentials
from lab.openvpn import Client, silent_binary
from lab.processes import Failure, expect
from lab.reference import OpenVPNServer
from lab.renegotiation import under_load
from lab.roaming import keep_going
from lab.variants import CIPHERS, WRAPS, check_tunnel

LIMIT = 300


def run(lab):
    lab.start_lan()
    lab.spawn("srv", "srv-http", ["busybox", "httpd", "-f", "-p", "80", "-h", lab.path("lan", "www")])
    for transport, cipher in product(("udp", "tcp"), CIPHERS):
        tunnel(lab, cipher, transport=transport)
    for transport in ("udp", "tcp"):
        tunnel(lab, CIPHERS[0], transport=transport, device="tap")
    for cipher in CIPHERS:
        tunnel(lab, cipher, silent=True)
    for wrap in WRAPS:
        wrapped(lab, wrap)
    refusals(lab)
    renegotiation(lab)
    roaming(lab)


def tunnel(lab, cipher, silent=False, **kind):
    fallback = [f"data-ciphers-fallback {cipher.name}"] if silent else []
    server = OpenVPNServer(lab, data_ciphers=cipher.name, auth=cipher.auth, extra=fallback, **kind).start()
    profile = cipher.announced_by(server.profile())
    binary = silent_binary(lab) if silent else "openvpn"
    with Client(lab, "c1", profile, "user1@LAB", "pass-1-secret", binary=binary) as client:
        check_tunnel(client, server.target, cipher)
    if silent:
        expect("IV_CIPHERS" not in server.process.log(), "the silent client announced its ciphers")
    server.stop()
    if server.device == "tap":
        lab.run("srv", "ip", "link", "del", "lanbr")


def wrapped(lab, wrap):
    keys = wrap.make(lab)
    server = OpenVPNServer(lab, extra=wrap.server_lines(keys)).start()
    with Client(lab, "c1", wrap.client(server.profile(), keys), "user1", "pass-1-secret") as client:
        check_tunnel(client, server.target, CIPHERS[0])
    server.stop()


def refusals(lab):
    server = OpenVPNServer(lab, extra=["verify-client-cert require"]).start()
    certificate, key = server.authority.issue("user1", "clientAuth")
    good = server.profile().embedding(cert=credentials.read(certificate), key=credentials.read(key))
    with Client(lab, "c1", good, "user1", "pass-1-secret"):
        pass
    wrong = Client(lab, "c1", good, "user1", "wrong").start()
    wrong.process.wait_log(20, "AUTH_FAILED")
    wrong.process.wait(10)
    certificate, key = server.authority.issue("user1", "clientAuth", start="-9 days", end="-1 day")
    old = server.profile().embedding(cert=credentials.read(certificate), key=credentials.read(key))
    expired = Client(lab, "c1", old, "user1", "pass-1-secret").start()
    server.process.wait_log(20, "certificate has expired")
    expired.discard()
    server.stop()
    try:
        Client(lab, "c1", good, "user1", "pass-1-secret").up(seconds=3)
    except Failure:
        return
    raise Failure("a client came up without a server")


def renegotiation(lab):
    server = OpenVPNServer(lab, extra=["tls-timeout 1"]).start()
    profile = server.profile().replacing(reneg_sec="6", tls_timeout="1")
    with Client(lab, "c1", profile, "user1", "pass-1-secret") as first, Client(
        lab, "c2", profile, "user2", "pass-2-secret"
    ) as second:
        under_load(lab, first, second, 24, pause=4)
    server.stop()


def roaming(lab):
    server = OpenVPNServer(lab).start()
    with Client(lab, "c1", server.profile(), "user1", "pass-1-secret") as client:
        keep_going(lab, client, server.target)
    server.stop()

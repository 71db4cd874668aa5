"""Proves that a real PPP client, pppd, signs in by a certificate within EAP-TLS over SSTP.

It holds a lease of the LAN and reaches it, is the user whom the certificate stands for, and its crypto
binding is verified by the keys of EAP-TLS. This pppd speaks TLS 1.2: its 1.3 is older than RFC 9190, and off
by default. Whoever shows an expired certificate, one of an unknown authority, or one that stands for somebody
else, is refused, and the server's log says who and why; so is a client of EAP without a certificate where the
server has nothing else in EAP, while one with a password signs in by MS-CHAPv2.
"""

from lab import sstp
from lab.credentials import Authority
from lab.guests import Guest
from lab.network import LAN
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until

LIMIT = 240


def run(lab):
    lab.start_lan()
    clients = Authority(lab.path("clients-ca"), "clients")
    sections, authority = sstp.server_sections(
        lab, **{"auth": ["eap-tls", "mschapv2"], "client-ca": clients.certificate}
    )
    server = Polyhub(lab, modules=sections).start().office(bridge="lan0")
    server.ctl("user", "create", "LAB", "holder3", "--certificate", "holder3")
    guest = Guest(lab, "c1")

    def client(user, pair, **options):
        certificate = (*pair, authority) if pair else None
        return sstp.Client(
            guest, authority, f"{user}@LAB", password(user), method="eap", certificate=certificate, **options
        )

    holder = clients.issue("holder3", "clientAuth")
    connection(lab, server, client("holder3", holder))
    expired = clients.issue("holder3", "clientAuth", "-3 days", "-1 day")
    stranger = Authority(lab.path("other-ca"), "others").issue("holder3", "clientAuth")
    for user, pair, why in (
        ("holder3", expired, "certificate has expired"),
        ("holder3", stranger, "unable to get local issuer certificate"),
        ("user1", holder, "certificate"),
        ("holder3", None, "the peer accepts none of the ways"),
    ):
        refused(lab, server, client(user, pair), user, why)
    weaker = sstp.Client(guest, authority, "user1@LAB", password("user1")).up()
    expect(weaker.ping(LAN), f"no echo from {LAN}")
    weaker.down()
    server.stop()


def connection(lab, server, client):
    try:
        client.up()
        expect([lease[2] for lease in lab.leases()] == [client.address()], f"the leases are {lab.leases()}")
        expect(client.ping(LAN), f"no echo from {LAN}")
        expect(len(server.sessions("holder3")) == 1, "there is no session of holder3")
        client.down()
        wait_until(10, lambda: not lab.leases(), "the lease to be released")
    finally:
        client.keep_logs(lab, "eap-tls")


def refused(lab, server, client, user, why):
    before = set(server.logs().splitlines())
    client.start()
    try:
        wait_until(30, lambda: not client.running(), f"the end of {user}, {why}")
        new = [line for line in server.logs().splitlines() if line not in before]
        told = [line for line in new if why in line and (user in line or "none" in why)]
        expect(told, f"no line about {user} and {why}: {new}")
        expect(not lab.leases(), "who was refused has a lease")
    finally:
        client.keep_logs(lab, f"eap-tls-{why.split()[-1]}")

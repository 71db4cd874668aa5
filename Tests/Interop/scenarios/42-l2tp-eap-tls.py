"""Proves that a real L2TP/IPsec client, xl2tpd and pppd under strongSwan, signs in by a certificate within
EAP-TLS, with messages of several fragments both ways; holds a lease and reaches the LAN; and that
a certificate of an authority that is not the administrator's is refused.
"""

from lab import l2tp, sstp
from lab.credentials import Authority, read
from lab.guests import Guest
from lab.network import LAN
from lab.polyhub import password
from lab.processes import expect, wait_until
from lab.strongswan import serve

LIMIT = 180


def run(lab):
    clients = Authority(lab.path("clients-ca"), "clients")
    sections, authority = sstp.server_sections(lab)
    tls = sections["tls"]
    tls["certificate"] = chain(lab, "server-chain.pem", tls["certificate"], authority)
    server = serve(
        lab, [], users=(), tls=tls,
        **{"auth": ["eap-tls"], "client-ca": clients.certificate},
    )  # fmt: skip
    server.ctl("user", "create", "LAB", "holder3", "--certificate", "holder3")
    guest = Guest(lab, "c1")
    certificate, key = clients.issue("holder3", "clientAuth")
    pair = (chain(lab, "client-chain.pem", certificate, clients.certificate), key)
    client = l2tp.Client(
        guest, "holder3@LAB", password("holder3"), method="eap", certificate=(*pair, authority)
    )
    try:
        client.up()
        expect([lease[2] for lease in lab.leases()] == [client.address()], f"the leases are {lab.leases()}")
        expect(client.ping(LAN), f"no echo from {LAN}")
        for fragment in ("sent [EAP Response id=0x", "rcvd [EAP Request id=0x"):
            said = [line for line in client.log().splitlines() if fragment in line and "TLS LM-" in line]
            expect(said, f"no first fragment: {fragment}")
        expect(len(server.sessions("holder3")) == 1, "there is no session of holder3")
    finally:
        client.keep_logs(lab, "l2tp-eap-tls")
    client.down()
    wait_until(10, lambda: not lab.leases(), "the lease to be released")
    pair = Authority(lab.path("other-ca"), "others").issue("holder3", "clientAuth")
    stranger = l2tp.Client(
        guest, "holder3@LAB", password("holder3"), method="eap", certificate=(*pair, authority)
    )
    with l2tp.refused(lab, stranger, "l2tp-stranger"):
        why = "TLS with holder3@LAB failed: unable to get local issuer certificate"
        wait_until(30, lambda: why in server.logs(), "a line in the server's log")
    server.stop()


def chain(lab, name, certificate, authority):
    """A file of a certificate and, more often than it need be, of its authority: too long for a packet."""
    return lab.write(name, read(certificate) + 4 * read(authority))

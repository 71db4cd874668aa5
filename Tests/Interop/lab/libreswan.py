"""The real libreswan as the IKEv1 half of an L2TP/IPsec client, in a guest.

Its package would remove strongSwan's, so that scripts/install-deps unpacks it; its programs want to be where
it was compiled for.
"""

from . import credentials, l2tp, ppp
from .network import SERVER
from .processes import Failure, wait_until
from .strongswan import PSK

TREE = "/usr/local/lib/polyhub-tests/libreswan"
SETTINGS = """config setup
    ikev1-policy=accept
conn lab
    ikev2=no
    {how}
    type=transport
    aggressive={aggressive}
    left={address}
    leftid={identity}
    right={server}
    leftprotoport=17/1701
    rightprotoport=17/1701
    leftupdown=%disabled
    ike={ike}
    phase2alg={esp}
    pfs={pfs}
    encapsulation={encap}
    auto=add
"""
CERTIFICATES = """authby=rsasig
    leftcert=own
    leftsendcert=always
    rightid="{server}\""""
PROGRAMS = "/usr/libexec/ipsec"
WHACK = f"{PROGRAMS}/whack --rundir /run/pluto"


class Client(l2tp.Client):
    """`encap`: "auto", or "yes" to put ESP into UDP where there is no NAT. `certificates`: paths of its
    certificate, its key and the certificate of the server's authority, in the place of the pre-shared key."""

    logs = ("/tmp/xl2tpd.log", "/tmp/ppp.log", "/tmp/pluto.log")

    def __init__(self, guest, user, password, certificates=None, **options):
        ppp.Client.__init__(self, guest, user, password, "mschap-v2", mtu=1360)
        values = dict(
            ike="aes256-sha2_256;modp2048", esp="aes256-sha2_256", psk=PSK, server=SERVER, aggressive="no",
            encap="auto", pfs="no", address=guest.address, identity=guest.address,
        )
        values.update(how="authby=secret")
        values.update(options)
        self.certificates = certificates
        if certificates:
            values.update(how=CERTIFICATES.format(server=values.pop("server_id")))
        guest.write("/tmp/ipsec.conf", SETTINGS.format(**values))
        guest.write("/tmp/ipsec.secrets", f': PSK "{values["psk"]}"\n')
        guest.write("/tmp/xl2tpd.conf", l2tp.XL2TPD)

    def secure(self):
        run = self.guest.run
        run(
            f"mkdir -p /run/pluto /tmp/nss; [ -e {PROGRAMS}/pluto ] ||"
            f" {{ mount -t tmpfs none /usr/libexec && ln -s {TREE}{PROGRAMS} {PROGRAMS}; }}"
        )
        run("[ -e /tmp/nss/cert9.db ] || certutil -N -d sql:/tmp/nss --empty-password")
        if self.certificates:
            self.keep_certificates()
        run(
            f"setsid {PROGRAMS}/pluto --nofork --no-dnssec --config /tmp/ipsec.conf"
            " --secretsfile /tmp/ipsec.secrets --nssdir /tmp/nss --ipsecdir /tmp --rundir /run/pluto"
            " --logfile /tmp/pluto.log >/tmp/pluto.out 2>&1 </dev/null & echo $! >/tmp/pluto.pid"
        )
        wait_until(10, lambda: self.guest.succeeds("test -S /run/pluto/pluto.ctl"), "pluto in the guest")
        run(f"{WHACK} --listen")
        run(f"{PROGRAMS}/addconn --ctlsocket /run/pluto/pluto.ctl --config /tmp/ipsec.conf lab")
        said = run(f"timeout 20 {WHACK} --name lab --initiate", seconds=30, check=False)
        if "IPsec SA established" not in said:
            raise Failure(f"libreswan: {said}")

    def keep_certificates(self):
        """In the database of certificates, where pluto looks for them."""
        for name, path in zip(("own", "key", "authority"), self.certificates):
            self.guest.write(f"/tmp/{name}.pem", credentials.read(path))
        self.guest.run(
            "cd /tmp; openssl pkcs12 -export -in own.pem -inkey key.pem -name own -passout pass: -out own.p12"
            " && pk12util -i own.p12 -d sql:nss -W ''"
            " && certutil -A -d sql:nss -n authority -t CT,, -i authority.pem"
        )

    def insecure(self):
        run = self.guest.run
        run(f"timeout 5 {WHACK} --name lab --terminate", check=False)
        if self.sas().strip():
            raise Failure(f"there are still SAs in the guest: {self.sas()}")
        run("kill $(cat /tmp/pluto.pid)")

"""The real L2TP/IPsec client: strongSwan, xl2tpd and pppd in a guest, whose kernel has ESP."""

from contextlib import contextmanager

from . import ppp
from .network import SERVER
from .processes import Failure, expect, wait_until
from .strongswan import PSK

SETTINGS = """charon {
    load = random nonce aes sha1 sha2 hmac gcm gmp openssl kernel-netlink socket-default vici
    install_routes = no
    retransmit_tries = 3
    retransmit_timeout = 2.0
    filelog {
        log {
            path = /tmp/charon.log
            default = 1
            ike = 2
            flush_line = yes
        }
    }
    plugins {
        vici {
            socket = unix:///run/charon.vici
        }
    }
}
"""
# As phones do it: the identity is the address, whatever it is worth behind a NAT.
CONNECTION = """connections {{
    lab {{
        version = 1
        aggressive = no
        remote_addrs = {server}
        proposals = {ike}
        encap = {encap}
        dpd_delay = 10s
        local {{
            auth = psk
            {identity}
        }}
        remote {{
            auth = psk
        }}
        children {{
            lab {{
                mode = transport
                local_ts = dynamic[udp/1701]
                remote_ts = dynamic[udp/1701]
                esp_proposals = {esp}
                close_action = none
            }}
        }}
    }}
}}
secrets {{
    ike {{
        secret = "{psk}"
    }}
}}
"""
XL2TPD = f"""[global]
port = 1701
access control = no
[lac lab]
lns = {SERVER}
pppoptfile = /tmp/ppp.options
length bit = yes
redial = no
"""
ENVIRONMENT = "export STRONGSWAN_CONF=/tmp/strongswan.conf"
SWANCTL = f"{ENVIRONMENT}; swanctl"
URI = "--uri unix:///run/charon.vici"


class Client(ppp.Client):
    """`encap`: whether ESP is put into UDP where there is no NAT."""

    logs = ("/tmp/xl2tpd.log", "/tmp/ppp.log", "/tmp/charon.log")

    def __init__(
        self, guest, user, password, method="mschap-v2", encap=True, identity=None, ipv6=False,
        certificate=None, **options
    ):  # fmt: skip
        super().__init__(guest, user, password, method, mtu=1360, ipv6=ipv6, certificate=certificate)
        values = dict(ike="aes256-sha256-modp2048", esp="aes256-sha256", psk=PSK, server=SERVER)
        values.update(options)
        guest.write("/tmp/strongswan.conf", SETTINGS)
        guest.write("/tmp/xl2tpd.conf", XL2TPD)
        guest.write(
            "/tmp/swanctl.conf",
            CONNECTION.format(
                encap="yes" if encap else "no", identity=f"id = {identity}" if identity else "", **values
            ),
        )

    def start(self):
        """The SAs, then the tunnel; PPP may still be on its way."""
        run = self.guest.run
        run("rm -f /tmp/*.log; mkdir -p /run/xl2tpd")
        self.secure()
        run(
            "setsid xl2tpd -D -c /tmp/xl2tpd.conf -C /run/xl2tpd/control -p /run/xl2tpd.pid"
            " >/tmp/xl2tpd.log 2>&1 </dev/null &"
        )
        wait_until(5, lambda: self.guest.succeeds("test -p /run/xl2tpd/control"), "xl2tpd in the guest")
        run('echo "c lab" >/run/xl2tpd/control')
        return self

    def secure(self):
        """IKE and its SAs."""
        run = self.guest.run
        charon = "setsid /usr/lib/ipsec/charon >/tmp/charon.out 2>&1 </dev/null"
        run(f"{ENVIRONMENT}; {charon} & echo $! >/tmp/charon.pid")
        stats = f"{SWANCTL} --stats {URI}"
        wait_until(10, lambda: "uptime" in run(stats, check=False), "charon in the guest")
        run(f"{SWANCTL} --load-all --noprompt --file /tmp/swanctl.conf {URI}")
        run(f"{SWANCTL} --initiate --child lab --timeout 20 {URI}", seconds=30)

    def sas(self):
        """The guest's ESP SAs, as `ip xfrm state` prints them."""
        return self.guest.run("ip xfrm state")

    def down(self):
        """Disconnect as a person would: PPP, the tunnel, the SAs."""
        super().down()
        self.leave()

    def hang_up(self):
        """The tunnel goes, and PPP with it."""
        self.guest.run('echo "d lab" >/run/xl2tpd/control')
        self.ended()
        self.leave()

    def leave(self):
        """What is below PPP goes."""
        self.guest.run('echo "d lab" >/run/xl2tpd/control; sleep 0.5; kill $(cat /run/xl2tpd.pid)')
        self.insecure()

    def insecure(self):
        """The SAs go."""
        self.guest.run(f"{SWANCTL} --terminate --ike lab --timeout 2 {URI}", check=False)
        if self.sas().strip():
            raise Failure(f"there are still SAs in the guest: {self.sas()}")
        self.guest.run("kill $(cat /tmp/charon.pid)")


@contextmanager
def refused(lab, client, name):
    """The client comes and has to be refused, while the body looks for what is said of that."""
    client.start()
    try:
        yield
        expect(not lab.leases(), "a client that was refused has a lease")
    finally:
        client.keep_logs(lab, name)
    client.leave()

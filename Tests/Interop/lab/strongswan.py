"""The real strongSwan as an IKEv1 client, with ESP in its own process (libipsec): the lab's kernel has none.

So ESP is tunnelled and in UDP; transport mode and ESP alone are for clients with a kernel of their own.
"""

import os
import re
import shutil
import sys

from . import etherip
from .lease import lease
from .network import LAN, SERVER
from .polyhub import Polyhub
from .processes import Failure, wait_until

PSK = "a long secret of the lab"
LISTEN = ["udp://0.0.0.0:500", "udp://0.0.0.0:4500", "ip://0.0.0.0:50"]
# For `nft` in namespace inet: all clients share its address towards the server.
NAT = (
    "add table ip hide; add chain ip hide out { type nat hook postrouting priority 100; }; "
    'add rule ip hide out oifname "srv" masquerade'
)
WIRE = "wire0"
# Frames of this size fit the tunnel whole.
WIRE_MTU = "1300"
CHARON = "/usr/lib/ipsec/charon"
PLUGINS = (
    "random nonce aes des sha1 sha2 hmac gcm openssl pem pkcs1 x509 kernel-libipsec kernel-netlink"
    " socket-default vici"
)
SETTINGS = """charon {{
    load = {plugins}
    retransmit_tries = 3
    retransmit_timeout = 2.0
    filelog {{
        stderr {{
            default = 1
            ike = {loglevel}
            flush_line = yes
        }}
    }}
    plugins {{
        kernel-libipsec {{
            allow_peer_ts = yes
        }}
        kernel-netlink {{
            fwmark = !0x42
        }}
        socket-default {{
            fwmark = 0x42
        }}
        vici {{
            socket = unix://{socket}
        }}
    }}
}}
"""
CONNECTION = """connections {{
    hub {{
        version = 1
        aggressive = {aggressive}
        remote_addrs = {server}
        proposals = {ike}
        encap = yes
        dpd_delay = 10s
        rekey_time = {ike_rekey}s
        over_time = 10s
        rand_time = 0s
        local {{
            auth = {auth}
            id = {identity}
            {certificate}
        }}
        remote {{
            auth = {auth}
            id = {server_id}
        }}
        children {{
            hub {{
                mode = tunnel
                local_ts = {address}/32[{selector}]
                remote_ts = {server}/32[{selector}]
                esp_proposals = {esp}
                rekey_time = {esp_rekey}s
                life_time = {esp_life}s
                rand_time = 0s
                dpd_action = clear
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


class StrongSwan:
    """charon in namespace `where`; its child SA is called `hub`. `credentials`: paths of its certificate, its
    key and the certificate of the server's authority, in the place of the pre-shared key."""

    def __init__(self, lab, where, identity, psk=PSK, selector="97", credentials=None, **options):
        self.lab = lab
        self.where = where
        self.socket = lab.path(f"{where}-vici")
        settings = SETTINGS.format(
            socket=self.socket, plugins=PLUGINS, loglevel=options.pop("loglevel", 2))
        self.settings = lab.write(f"{where}-strongswan.conf", settings, 0o644)
        values = dict(
            ike="aes256-sha256-modp2048",
            esp="aes256-sha256",
            ike_rekey=3600,
            esp_rekey=1200,
            esp_life=1320,
            server=SERVER,
            address=lab.address(where, "eth0"),
            aggressive="no",
            identity=identity,
            psk=psk,
            selector=selector,
        )
        values.update(options)
        values.setdefault("server_id", values["server"])
        values.update(auth="psk", certificate="")
        # swanctl looks for certificates and keys beside its file.
        folder = lab.path(f"{where}-swanctl")
        os.makedirs(folder, exist_ok=True)
        if credentials:
            values.update(auth="pubkey", certificate="certs = own.pem")
            for path, kind in zip(credentials, ("x509/own.pem", "private/own.pem", "x509ca/authority.pem")):
                os.makedirs(os.path.dirname(os.path.join(folder, kind)), exist_ok=True)
                shutil.copy(path, os.path.join(folder, kind))
        self.connection = lab.write(f"{where}-swanctl/swanctl.conf", CONNECTION.format(**values), 0o600)
        self.process = None

    def start(self):
        # Its pid file has one place for all of them: /run is the process's own.
        script = 'mount -t tmpfs none /run && exec "$0"'
        environment = ["env", f"STRONGSWAN_CONF={self.settings}"]
        self.process = self.lab.spawn(
            self.where, f"{self.where}-charon", [*environment, "sh", "-c", script, CHARON]
        )
        wait_until(10, self.answers, f"charon in {self.where}")
        self.control("--load-all", "--noprompt", "--file", self.connection)
        return self

    def answers(self):
        """Its socket may still be that of one before."""
        return "uptime" in self.control("--stats", check=False)

    def control(self, *arguments, check=True, seconds=30):
        return self.lab.run(
            self.where,
            "env",
            f"STRONGSWAN_CONF={self.settings}",
            "swanctl",
            *arguments,
            "--uri",
            f"unix://{self.socket}",
            seconds=seconds,
            check=check,
        )

    def connect(self, seconds=20):
        self.control("--initiate", "--child", "hub", "--timeout", str(seconds), seconds=seconds + 5)
        return self

    def disconnect(self):
        self.control("--terminate", "--ike", "hub", "--timeout", "5")
        if "ESTABLISHED" in self.control("--list-sas"):
            raise Failure(f"charon in {self.where} still has SAs")

    def stop(self):
        self.process.stop()

    def log(self):
        return self.process.log()

    def rekeyings(self):
        """How many phases 1 and 2 were completed."""
        log = self.log()
        return (
            len(re.findall(r"IKE_SA hub\[\d+\] established", log)),
            len(re.findall(r"CHILD_SA hub\{\d+\} established", log)),
        )


def serve(lab, identities, users=(), tls=None, **options):
    """An office whose users, site1 and so on, are found by these IKE identities. `users` have passwords.
    `tls`: section [tls]; `options` of [ipsec]."""
    lab.start_lan()
    section = {"library": "IPsec", "listen": LISTEN, "psk": PSK, **options}
    server = Polyhub(lab, modules={"ipsec": section}, tls=tls).start().office(bridge="lan0", users=users)
    for number, identity in enumerate(identities, 1):
        server.ctl("user", "create", "LAB", f"site{number}", "--ike-id", identity)
    return server


def wire_up(lab, where):
    """An address for the wire in `where`, from the office's DHCP server; the process that keeps it."""
    lab.run(where, "ip", "link", "set", WIRE, "mtu", WIRE_MTU)
    kept = lease(lab, where, WIRE)
    # The address is there before its network is.
    wait_until(5, lambda: WIRE in lab.run(where, "ip", "route", "get", LAN), f"the route in {where}")
    return kept


class EtherIP:
    """strongSwan in `where` with EtherIP under it, on a device with an address of the office."""

    def __init__(self, lab, where, identity, **options):
        self.lab = lab
        self.where = where
        self.swan = StrongSwan(lab, where, identity, **options).start().connect()
        program = [sys.executable, etherip.__file__, SERVER, WIRE]
        self.wire = lab.spawn(where, f"{where}-etherip", program)
        self.wire.wait_log(5, "ready")
        self.dhcp = wire_up(lab, where)

    def address(self):
        return self.lab.address(self.where, WIRE)

    def down(self):
        self.dhcp.stop()
        self.swan.disconnect()
        self.wire.stop()
        self.swan.stop()

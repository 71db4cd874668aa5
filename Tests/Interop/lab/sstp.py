"""The real SSTP client: sstpc with pppd, in a guest."""

import os
import re

from .credentials import Authority
from .network import SERVER
from .processes import Failure, wait_until

METHODS = ("pap", "chap", "mschap", "mschap-v2", "eap")


def server_sections(lab, **options):
    """Sections of plugins.conf for a server that speaks SSTP, and the authority that clients trust."""
    authority = Authority(lab.path("server-ca"), "server")
    certificate, key = authority.issue(SERVER, "serverAuth")
    sections = {
        "sstp": {"library": "SSTP", "listen": ["tls://0.0.0.0:443"], **options},
        "tls": {"certificate": certificate, "key": key},
    }
    return sections, authority.certificate


class Client:
    """pppd with sstpc behind it. Its device is ppp0, and all traffic to the LAN goes there."""

    device = "ppp0"

    def __init__(self, guest, authority, user, password, method="mschap-v2", server=SERVER):
        self.guest = guest
        with open(authority) as file:
            guest.write("/tmp/ca.pem", file.read())
        options = [
            "noauth",
            f"user {user}",
            f"password {password}",
            "noipdefault",
            "ipcp-accept-local",
            "ipcp-accept-remote",
            "nodefaultroute",
            "usepeerdns",
            "noipv6",
            "mtu 1400",
            "mru 1400",
            "debug",
            "logfile /tmp/ppp.log",
            *(f"refuse-{other}" for other in METHODS if other != method),
        ]
        guest.write("/tmp/ppp.options", "\n".join([*options, ""]))
        # The plugin hands pppd's keys to sstpc, which makes the crypto binding of them.
        client = (
            "sstpc --ipparam lab --nolaunchpppd --log-level 5 --log-stderr --cert-warn"
            f" --ca-cert /tmp/ca.pem {server}:443 2>/tmp/sstpc.log"
        )
        guest.write(
            "/tmp/start",
            "mkdir -p /run/sstpc\n"
            "exec pppd nodetach file /tmp/ppp.options ipparam lab plugin sstp-pppd-plugin.so"
            f' sstp-sock /run/sstpc/sstpc-lab pty "{client}"\n',
        )

    def start(self):
        start = "setsid sh /tmp/start >/tmp/pppd.out 2>&1 </dev/null & echo $! >/tmp/pppd.pid"
        self.guest.run(f"rm -f /tmp/*.log; {start}")
        return self

    def up(self, lan="10.88.0.0/24", seconds=40):
        self.start()
        try:
            wait_until(seconds, self.address, "an address on ppp0")
        except Failure as failure:
            raise Failure(f"{failure}: {self.log()[-600:]}") from None
        self.guest.run(f"ip route replace {lan} dev {self.device}")
        return self

    def address(self):
        """The address of the device, once it is up."""
        line = self.guest.run(f"ip -4 -o address show dev {self.device} up", check=False).split()
        return line[3].split("/")[0] if len(line) > 3 and "inet" in line else None

    def dns(self):
        return re.findall(r"(?:primary|secondary)\s+DNS address (\S+)", self.log())

    def ping(self, address, *options, count=3):
        words = " ".join(options)
        answer = self.guest.run(f"ping -n -c {count} -i 0.3 -W 3 {words} {address}", check=False)
        return " 0% packet loss" in answer

    def running(self):
        return self.guest.succeeds("kill -0 $(cat /tmp/pppd.pid)")

    def ended(self, seconds=30):
        wait_until(seconds, lambda: not self.running(), "the end of pppd")

    def down(self):
        """Disconnect as a person would."""
        self.guest.run("kill -TERM $(cat /tmp/pppd.pid)")
        self.ended()
        if self.guest.succeeds(f"ip link show {self.device}"):
            raise Failure(f"{self.device} is still there in the guest")

    def log(self):
        return self.guest.run("cat /tmp/ppp.log /tmp/sstpc.log /tmp/pppd.out", check=False)

    def keep_logs(self, lab):
        lab.write(f"{os.path.basename(self.guest.where)}-sstp.log", self.log())

"""A PPP client, pppd, in a guest; what carries its frames is a subclass's business."""

import os
import re

from .processes import Failure, wait_until

METHODS = ("pap", "chap", "mschap", "mschap-v2", "eap")


class Client:
    """Its device is ppp0, and all traffic to the LAN goes there."""

    device = "ppp0"
    pid_file = f"/run/{device}.pid"
    # Whose words are worth keeping.
    logs = ("/tmp/ppp.log",)

    def __init__(
        self, guest, user, password, method="mschap-v2", mtu=1400, ipv6=False, certificate=None
    ):
        """`certificate`: paths of one, of its key, and of the authority of the server's, for EAP-TLS."""
        self.guest = guest
        options = [
            "noauth",
            f"user {user}",
            f"password {password}",
            "noipdefault",
            "ipcp-accept-local",
            "ipcp-accept-remote",
            "nodefaultroute",
            "usepeerdns",
            "+ipv6" if ipv6 else "noipv6",
            f"mtu {mtu}",
            f"mru {mtu}",
            "debug",
            "logfile /tmp/ppp.log",
            *(f"refuse-{other}" for other in METHODS if other != method),
        ]
        for option, path in zip(("cert", "key", "ca"), certificate or ()):
            with open(path) as file:
                guest.write(f"/tmp/ppp-{option}.pem", file.read())
            options.append(f"{option} /tmp/ppp-{option}.pem")
        guest.write("/tmp/ppp.options", "\n".join([*options, ""]))

    def start(self):
        raise NotImplementedError

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

    def addresses6(self):
        """The IPv6 addresses that the guest's kernel has formed of a router's advertisement."""
        shown = f"ip -6 -o address show dev {self.device} scope global -tentative"
        return re.findall(r"inet6 ([0-9a-f:]+)/", self.guest.run(shown, check=False))

    def dns(self):
        return re.findall(r"(?:primary|secondary)\s+DNS address (\S+)", self.log())

    def ping(self, address, *options, count=3):
        words = " ".join(options)
        answer = self.guest.run(f"ping -n -c {count} -i 0.3 -W 3 {words} {address}", check=False)
        return " 0% packet loss" in answer

    def running(self):
        # Nobody takes note of what ends in the guest: it may stay as a zombie.
        alive = "^State:[[:space:]]*[^Z[:space:]]"
        return self.guest.succeeds(f"grep -q '{alive}' /proc/$(head -n1 {self.pid_file})/status")

    def ended(self, seconds=30):
        try:
            wait_until(seconds, lambda: not self.running(), "the end of pppd")
        except Failure as failure:
            raise Failure(f"{failure}: {self.log()[-600:]}") from None

    def down(self):
        """Disconnect as a person would."""
        self.guest.run(f"kill -TERM $(head -n1 {self.pid_file})")
        self.ended()
        if self.guest.succeeds(f"ip link show {self.device}"):
            raise Failure(f"{self.device} is still there in the guest")

    def log(self):
        return self.guest.run(f"cat {' '.join(self.logs)}", check=False)

    def keep_logs(self, lab, name):
        lab.write(f"{os.path.basename(self.guest.where)}-{name}.log", self.log())

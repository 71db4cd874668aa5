"""The real openvpn client, one process a connection."""

import os
import re

from . import client
from .processes import Failure

UP = "Initialization Sequence Completed"


class Client(client.Client):
    """A client in namespace `where`. Its device is called `vpn0`."""

    device = "vpn0"

    def __init__(self, lab, where, profile, user=None, password=None, binary="openvpn"):
        super().__init__(lab, where)
        self.binary = binary
        kind = (profile.get("dev-type") or profile.get("dev") or ["tun"])[0]
        self.is_tap = kind.startswith("tap")
        changes = dict(dev=self.device, dev_type="tap" if self.is_tap else "tun", verb="4")
        if user is not None:
            secret = lab.write(f"{where}-auth", f"{user}\n{password}\n")
            changes["auth_user_pass"] = secret
        self.profile = profile.replacing(**changes)
        self.config = lab.write(f"{where}-client.ovpn", self.profile.text())

    def start(self):
        """Start it without waiting for a tunnel."""
        # --disable-dco: the lab's kernel has none, and the log stays free of the search for it.
        self.process = self.lab.spawn(
            self.where, f"{self.where}-openvpn", [self.binary, "--config", self.config, "--disable-dco"]
        )
        return self

    def up(self, seconds=30):
        self.start()
        self.process.wait_log(seconds, UP)
        if self.is_tap:
            self.lease()
        self.wait_address()
        return self

    def down(self):
        """Disconnect as a person would; to leave the device behind is a failure."""
        if self.dhcp:
            self.dhcp.stop()
            self.dhcp = None
        self.process.stop()
        if "process exiting" not in self.process.log():
            raise Failure(f"openvpn in {self.where} did not end in order: {self.process.last_words()}")
        if self.lab.succeeds(self.where, "ip", "link", "show", self.device):
            raise Failure(f"{self.device} is still there in {self.where}")

    def leave(self):
        """Ask it to go, whether or not it has ended by itself."""
        self.process.stop()

    def log(self):
        return self.process.log()

    def connections(self):
        """How often a tunnel was complete so far."""
        return self.log().count(UP)

    def cipher(self):
        """The data channel's cipher as last negotiated, as the client itself reports it."""
        found = re.findall(r"Data Channel: [cC]ipher '([^']+)'(?:, auth '([^']+)')?", self.log())
        if not found:
            raise Failure(f"no data channel in the log of openvpn in {self.where}")
        return found[-1][0], found[-1][1] or None

    def pushed(self):
        """The options of the last push reply."""
        found = re.findall(r"PUSH: Received control message: 'PUSH_REPLY,(.*?)'", self.log())
        return found[-1].split(",") if found else []

    def dns(self):
        """The DNS servers that the server named."""
        return [option.split()[2] for option in self.pushed() if option.startswith("dhcp-option DNS ")]

    def fetch(self, url, seconds=20):
        """A web page, by way of the tunnel's device and no other. The body."""
        return self.lab.run(
            self.where,
            "curl",
            "-sS",
            "--fail",
            "--interface",
            self.device,
            "--max-time",
            str(seconds),
            url,
            seconds=seconds + 5,
        )


def silent_binary(lab):
    """A private copy of openvpn 2.6 that announces no ciphers and no abilities, as 2.3 and older did.

    2.6 has no option left for that, so the names in its announcement are made such as no server knows.
    """
    copy = lab.path("openvpn-silent")
    if os.path.exists(copy):
        return copy
    whole = lab.run("c1", "sh", "-c", "command -v openvpn").strip()
    with open(whole, "rb") as file:
        program = file.read()
    for name in (b"IV_CIPHERS=%s\n", b"IV_NCP=2\n", b"IV_PROTO=%d\n"):
        if program.count(name) != 1:
            raise Failure(f"{whole} has {program.count(name)} times {name!r}: this test knows openvpn 2.6")
        program = program.replace(name, b"UV" + name[2:])
    with open(copy, "wb") as file:
        file.write(program)
    os.chmod(copy, 0o755)
    return copy

"""The real SoftEther VPN client of Debian: vpnclient, driven by vpncmd."""

import os
import re
import shutil
import subprocess

from . import client
from .network import SERVER
from .processes import Failure, wait_until

PROGRAM = "/usr/libexec/softether/vpnclient/vpnclient"
ACCOUNT = "lab"
# The paths of its state are compiled in: private directories are mounted over them.
PRIVATE = ("/var/lib/softether", "/var/log/softether", "/run/softether", "/tmp")


def private(folder):
    """Shell words that mount directories of its own in `folder` over those paths."""
    mounts = []
    for path in PRIVATE:
        own = os.path.join(folder, path.replace("/", "-"))
        os.makedirs(own, exist_ok=True)
        mounts.append(f"mkdir -p {path} && mount --bind {own} {path}")
    return " && ".join(mounts)


class Client(client.Client):
    """A client in namespace `where`, with a network card of its own; `settings` are vpncmd's words.

    An error that the server gives is shown by `error()`.
    """

    device = "vpn_lab"

    def __init__(self, lab, where, user, password, hub="LAB", port=443, **settings):
        super().__init__(lab, where)
        self.user = user
        self.password = password
        self.hub = hub
        self.port = port
        self.settings = dict(settings)

    def start(self):
        """Start the program and tell it to connect, without waiting for a session."""
        self.run_program()
        self.command("NicCreate", "lab")
        self.command(
            "AccountCreate", ACCOUNT, f"/SERVER:{SERVER}:{self.port}", f"/HUB:{self.hub}",
            f"/USERNAME:{self.user}", "/NICNAME:lab",
        )  # fmt: skip
        self.sign_in()
        words = dict(
            MAXTCP=1, INTERVAL=1, TTL=0, HALF="no", BRIDGE="no", MONITOR="no", NOTRACK="yes", NOQOS="yes",
            DISABLEUDP="yes",
        )  # fmt: skip
        encrypt = self.settings.pop("ENCRYPT", "yes")
        compress = self.settings.pop("COMPRESS", "no")
        words.update(self.settings)
        self.command("AccountDetailSet", ACCOUNT, *(f"/{word}:{value}" for word, value in words.items()))
        self.command("AccountEncryptEnable" if encrypt == "yes" else "AccountEncryptDisable", ACCOUNT)
        self.command("AccountCompressEnable" if compress == "yes" else "AccountCompressDisable", ACCOUNT)
        self.command("AccountConnect", ACCOUNT)
        return self

    def sign_in(self):
        """Tell it how to prove who it is: `radius` sends the password itself, `certificate` (a pair of paths)
        what is in these files."""
        pair = self.settings.pop("certificate", None)
        if pair:
            names = [shutil.copy(path, self.lab.directory) for path in pair]
            certificate, key = (os.path.basename(name) for name in names)
            return self.command("AccountCertSet", ACCOUNT, f"/LOADCERT:{certificate}", f"/LOADKEY:{key}")
        kind = self.settings.pop("TYPE", "standard")
        self.command("AccountPasswordSet", ACCOUNT, f"/PASSWORD:{self.password}", f"/TYPE:{kind}")

    def run_program(self):
        # One that was killed a moment ago may still have the device.
        show = ("ip", "link", "show", self.device)
        wait_until(10, lambda: not self.lab.succeeds(self.where, *show), f"{self.device} to be gone")
        shutil.rmtree(self.folder(), ignore_errors=True)
        script = f"{private(self.folder())} && exec {PROGRAM} execsvc"
        self.process = self.lab.spawn(self.where, f"{self.where}-vpnclient", ["sh", "-c", script])
        wait_until(15, self.answers, "vpnclient to answer vpncmd")

    def answers(self):
        return "The command completed successfully" in self.ask("VersionGet")

    def up(self, seconds=30):
        self.start()
        wait_until(seconds, self.connected, f"a session: {self.status().get('Session Status')}")
        self.lease()
        self.wait_address()
        return self

    def down(self):
        """Disconnect as a person would."""
        self.dhcp.stop()
        self.command("AccountDisconnect", ACCOUNT)
        self.discard()

    def connected(self):
        return self.status().get("Session Status", "").startswith("Connection Completed")

    def status(self):
        """What vpncmd shows of the connection, by the words in front of each line's bar."""
        said = self.ask("AccountStatusGet", ACCOUNT)
        return dict(re.findall(r"^(\S[^|\n]*?) *\|(.*)$", said, re.M))

    def connections(self):
        return int(self.status().get("Number of TCP Connections", "0").split()[0])

    def error(self):
        """The number of the error that the client last showed; None without one."""
        found = re.findall(r"\(code (\d+)\)", self.log())
        return int(found[-1]) if found else None

    def log(self):
        """What the program has written to its own log."""
        folder = self.folder("-var-log-softether")
        return self.lab.run(self.where, "sh", "-c", f"cat {folder}/*/*", check=False)

    def folder(self, *parts):
        return os.path.join(self.lab.path(f"{self.where}-softether"), *parts)

    def ask(self, *words):
        done = subprocess.run(
            self.lab.inside(self.where, ["vpncmd", "localhost", "/CLIENT", "/CMD", *words]),
            capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
            cwd=self.lab.directory,
        )  # fmt: skip
        return done.stdout

    def command(self, *words):
        said = self.ask(*words)
        if "The command completed successfully" not in said:
            raise Failure(f"vpncmd {' '.join(words)}: {said.strip().splitlines()[-3:]}")

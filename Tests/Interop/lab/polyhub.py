"""The server under test, in namespace `srv`."""

import json
import os
import re
import signal
import subprocess

from .network import OUTSIDE, SERVER
from .processes import Failure, expect
from .profile import Profile

REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))


def programs():
    """The folder of polyhubd and polyhubctl: $POLYHUB_BIN, or that of the release build."""
    if os.environ.get("POLYHUB_BIN"):
        return os.environ["POLYHUB_BIN"]
    shown = subprocess.run(
        ["swift", "build", "--show-bin-path", "-c", "release"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    os.environ["POLYHUB_BIN"] = shown.stdout.strip()
    return os.environ["POLYHUB_BIN"]


class Polyhub:
    def __init__(self, lab, default_hub="LAB", lanes=None, name="state", modules=None, tls=None, **options):
        """`options` are those of [openvpn] in plugins.conf, `modules` other sections with their options,
        `tls` what [tls] holds, `name` that of the state directory."""
        self.lab = lab
        self.lanes = lanes
        self.state = lab.path(name)
        self.process = None
        self.modules = {**({"tls": tls} if tls else {}), **(modules or {})}
        self.configure(default_hub, **options)

    def configure(self, default_hub="LAB", **options):
        """`options` are those of [openvpn]; `_` in a name is `-`."""
        values = {"library": "OpenVPN", "listen": ["udp://0.0.0.0:1194", "tcp://0.0.0.0:1194"], **options}
        lines = [f"default_hub = {json.dumps(default_hub)}", f"public_name = {json.dumps(SERVER)}"]
        for name, section in {"openvpn": values, **self.modules}.items():
            lines += ["", f"[{name}]"]
            lines += [f"{key.replace('_', '-')} = {json.dumps(value)}" for key, value in section.items()]
        self.config = self.lab.write("plugins.conf", "\n".join([*lines, ""]))

    def start(self):
        """Start it and wait until it says that it is ready."""
        daemon = [os.path.join(programs(), "polyhubd"), "--config", self.config, "--state", self.state]
        if self.lanes:
            daemon += ["--lanes", str(self.lanes)]
        # The names that SecureNAT looks up on behalf of its clients come from the host outside.
        resolver = self.lab.write("resolv.conf", f"nameserver {OUTSIDE}\n", 0o644)
        script = f'mount --bind {resolver} /etc/resolv.conf && exec "$@"'
        self.process = self.lab.spawn("srv", "polyhubd", ["sh", "-c", script, "sh", *daemon])
        self.process.wait_log(20, "polyhubd ready\n")
        return self

    def stop(self):
        """SIGTERM, as an init system does; anything but status 0 is a failure."""
        status = self.process.stop(signal.SIGTERM, seconds=15)
        expect(status == 0, f"polyhubd ended with status {status}: {self.process.last_words()}")

    def kill(self):
        self.process.send(signal.SIGKILL)
        self.process.wait(5)

    def call(self, *arguments, stdin=None):
        """Run polyhubctl; the finished process."""
        argv = [os.path.join(programs(), "polyhubctl"), "--state", self.state, *arguments]
        return subprocess.run(
            self.lab.inside("srv", argv),
            capture_output=True,
            text=True,
            timeout=30,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
        )

    def ctl(self, *arguments, stdin=None):
        """Run polyhubctl; its output. Refusal is a failure."""
        done = self.call(*arguments, stdin=stdin)
        expect(
            done.returncode == 0,
            f"polyhubctl {' '.join(arguments)}: {done.returncode}: {done.stderr.strip()}",
        )
        return done.stdout

    def ask(self, *arguments):
        """The answer of a command as JSON."""
        return json.loads(self.ctl("--json", *arguments))

    def office(self, hub="LAB", users=("user1", "user2"), bridge=None):
        """A hub with users whose password is `pass` and the number in their name."""
        self.ctl("hub", "create", hub)
        for user in users:
            self.ctl("user", "create", hub, user, "--password", password(user))
        if bridge:
            self.ctl("bridge", "add", hub, "--interface", bridge)
        return self

    def profile(self, hub="LAB", user="user1", device="tun", transport="udp"):
        """What the server gives a person to connect with, for one kind of device over one transport."""
        command = "profile" if device == "tun" else "profile-tap"
        profile = Profile(self.ctl("module", "call", "openvpn", command, hub, user))
        expect(
            profile.get("dev") == [device], f"the profile is for dev {profile.get('dev')}, not for {device}"
        )
        remotes = [line.split()[1:] for line in profile.lines if line.startswith("remote ")]
        wanted = [remote for remote in remotes if remote[2].startswith(transport)]
        expect(wanted, f"the profile has no remote over {transport}: {remotes}")
        expect(wanted[0][0] == SERVER, f"the profile points to {wanted[0][0]}, not to {SERVER}")
        return profile.replacing(remote=" ".join(wanted[0]))

    def sessions(self, user, hub="LAB"):
        """The sessions of one user, as JSON rows."""
        return [row for row in self.ask("session", "list", hub) if row["user"].split("@")[0] == user]

    def resident(self):
        """Resident memory in kB."""
        with open(f"/proc/{self.process.popen.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def logs(self):
        """All that the server has written for people: its output, and the logs in its state."""
        text = self.process.log()
        for folder, _, names in os.walk(self.state):
            for name in sorted(names):
                if re.search(r"\.log(\.|$)", name):
                    with open(os.path.join(folder, name), errors="replace") as file:
                        text += file.read()
        return text


def password(user):
    number = re.search(r"\d+$", user)
    if not number:
        raise Failure(f"the user {user} has no number")
    return f"pass-{number[0]}-secret"

"""Proves the first minute: `scripts/run`, then `openvpn --config` with the profile that it printed, from
another host. Every module runs.

The client gets an address from the hub, its DNS server answers, and a web page comes from a host outside
through SecureNAT. A second `scripts/run` changes nothing. (The fresh clone and the build are left out:
--no-build.)
"""

import os
import re
import subprocess

from lab.network import OUTSIDE, SERVER
from lab.openvpn import Client
from lab.polyhub import REPOSITORY, programs
from lab.processes import expect
from lab.profile import Profile


def run(lab):
    lab.start_outside()
    try:
        first = scripts_run(lab, "--detach", "--address", SERVER)
        password = re.search(r"^ *password: (\S+)$", first, re.M)
        expect(password and len(password[1]) >= 12, f"no password was printed: {first}")
        user = re.search(r"^ *user: (\S+)$", first, re.M)[1]
        path = re.search(r"^ *profile: (\S+)$", first, re.M)[1]
        profile = read(path)
        connect(lab, Profile(profile), user, password[1])
        for module in ("openvpn", "softether", "sstp", "ipsec"):
            expect(re.search(rf"^{module} .* running ", modules(lab), re.M), f"{module} does not run")
        again = scripts_run(lab, "--detach", "--address", SERVER)
        expect("password:" not in again, "the second run printed a password")
        expect(read(path) == profile, "the second run changed the profile")
        connect(lab, Profile(profile), user, password[1])
    finally:
        scripts_run(lab, "--stop")


def modules(lab):
    control = [os.path.join(programs(), "polyhubctl"), "--state", lab.path("run-state")]
    return lab.run("srv", *control, "module", "list")


def scripts_run(lab, *options):
    resolver = lab.write("resolv.conf", f"nameserver {OUTSIDE}\n", 0o644)
    inside = f'mount --bind {resolver} /etc/resolv.conf && exec "$@"'
    argv = [
        "sh",
        "-c",
        inside,
        "sh",
        os.path.join(REPOSITORY, "scripts/run"),
        "--no-build",
        "--state",
        lab.path("run-state"),
    ]
    with open(lab.path("scripts-run.log"), "a+") as log:
        start = log.tell()
        done = subprocess.run(
            lab.inside("srv", [*argv, *options]),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        log.seek(start)
        said = log.read()
    expect(done.returncode == 0, f"scripts/run {' '.join(options)}: {said}")
    return said


def connect(lab, profile, user, password):
    with Client(lab, "c1", profile, user, password) as client:
        expect(client.address().startswith("192.168.30."), f"{client.address()} is not an address of the hub")
        expect(client.dns(), f"no DNS server was pushed: {client.pushed()}")
        answer = lab.run("c1", "busybox", "nslookup", "-type=a", "www.example", client.dns()[0])
        expect(OUTSIDE in answer.split("Name:")[-1], f"no answer from {client.dns()[0]}: {answer}")
        # busybox httpd writes IPv4 addresses as [::ffff:10.77.9.2].
        asked = client.fetch(f"http://{OUTSIDE}/cgi-bin/who").strip("[]\n").removeprefix("::ffff:")
        expect(asked == SERVER, f"the page was asked for by {asked}, not through SecureNAT by {SERVER}")


def read(path):
    with open(path) as file:
        return file.read()

"""The lab's network: namespaces that exist for one scenario and leave nothing behind.

  10.77.1.0/24         10.77.9.0/24          10.88.0.0/24
[c1 .2] ---+                                 (bridged by the server)
           +--- [inet .1] ------- [srv .2] lan0 ------- [lan .1] dnsmasq, httpd, iperf3
[c2 .2] ---+         |
  10.77.2.0/24       +----------- [outside 198.51.100.2] httpd, dnsmasq for DNS
                                  (knows no way back to c1 and c2)

A scenario that wants more clients (`CLIENT_NAMESPACES`) has c3 and so on beside these.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile

from .processes import Failure, Process, birth, end_process, wait_until

SERVER = "10.77.9.2"
LAN = "10.88.0.1"
OUTSIDE = "198.51.100.2"
NAMESPACES = ("inet", "srv", "lan", "outside")
NAME = re.compile(r"ph-(\d+)-(\w+)$")
DIRECTORY = re.compile(r"polyhub-lab\.(\d+)\.")


class Lab:
    """Namespaces, those of `clients` called c1, c2 and so on; a directory of its own, and all processes in
    them. Use it in a `with`."""

    def __init__(self, keep_logs=None, clients=2):
        self.clients = [f"c{number}" for number in range(1, clients + 1)]
        self.directory = tempfile.mkdtemp(prefix=f"polyhub-lab.{os.getpid()}.")
        self.keep_logs = keep_logs
        self.processes = []
        self.prefix = f"ph-{os.getpid()}-"

    def __enter__(self):
        remove_stale()
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def close(self):
        """End every process, remove every namespace, keep the logs if someone wants them."""
        # The stack runs from its end, and to its end whatever fails on the way.
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
            if self.keep_logs:
                stack.callback(
                    shutil.copytree, self.directory, self.keep_logs, dirs_exist_ok=True, ignore=not_regular
                )
            for name in (*NAMESPACES, *self.clients):
                stack.callback(remove_namespace, self.prefix + name)
            for process in self.processes:
                stack.callback(process.discard)

    # ---- what scenarios use -------------------------------------------------------------------------

    def path(self, *parts):
        path = os.path.join(self.directory, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def inside(self, namespace, argv):
        return ["ip", "netns", "exec", self.prefix + namespace, *argv]

    def spawn(self, namespace, name, argv):
        """Start a process in the background; its log is NAME.log in the lab's directory."""
        process = Process(name, self.inside(namespace, argv), self.path(f"{name}.log"), self._record)
        self.processes.append(process)
        return process

    def run(self, namespace, *argv, seconds=30, check=True, stdin=None):
        """Run a command to its end; its standard output."""
        command = self.inside(namespace, argv)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, input=stdin)
        except subprocess.TimeoutExpired:
            raise Failure(f"{' '.join(argv)} in {namespace} took more than {seconds} s") from None
        if check and done.returncode:
            raise Failure(
                f"{' '.join(argv)} in {namespace}: {done.returncode}: {(done.stderr or done.stdout).strip()}"
            )
        return done.stdout

    def succeeds(self, namespace, *argv, seconds=30):
        return (
            subprocess.run(
                self.inside(namespace, argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=seconds,
            ).returncode
            == 0
        )

    def ping(self, namespace, address, *options, count=3):
        """All of `count` echoes come back."""
        answer = self.run(
            namespace, "ping", "-n", "-c", str(count), "-i", "0.2", "-W", "2", *options, address, check=False
        )
        return " 0% packet loss" in answer

    def address(self, namespace, device):
        """The first IPv4 address of a device, without its prefix; None where there is none."""
        line = self.run(namespace, "ip", "-4", "-o", "address", "show", "dev", device, check=False).split()
        return line[3].split("/")[0] if len(line) > 3 else None

    def move(self, namespace):
        """Give a client another outside address, as when a telephone leaves the wireless network."""
        number = namespace[1:]
        self.run(namespace, "ip", "address", "del", f"10.77.{number}.2/24", "dev", "eth0")
        self.run(namespace, "ip", "address", "add", f"10.77.{number}.77/24", "dev", "eth0")
        self.run(namespace, "ip", "route", "replace", "default", "via", f"10.77.{number}.1")

    def start_lan(self, lease="10m", pool=("10.88.0.100", "10.88.0.199")):
        """The office: a DHCP server of its own, a web page and iperf3. Returns the DHCP server."""
        self.run("lan", "ip", "address", "add", f"{LAN}/24", "dev", "eth0")
        self.spawn("lan", "lan-http", ["busybox", "httpd", "-f", "-p", "80", "-h", self._web_root("lan")])
        self.spawn("lan", "lan-iperf", ["iperf3", "-s"])
        server = self.spawn(
            "lan",
            "lan-dhcp",
            [
                "dnsmasq",
                "--no-daemon",
                "--conf-file=/dev/null",
                "--interface=eth0",
                "--bind-interfaces",
                "--no-resolv",
                "--no-hosts",
                "--no-ping",
                "--log-dhcp",
                "--dhcp-authoritative",
                f"--dhcp-range={pool[0]},{pool[1]},255.255.255.0,{lease}",
                "--dhcp-option=3",
                f"--dhcp-option=6,{LAN}",
                f"--address=/www.lan.example/{LAN}",
                f"--dhcp-leasefile={self.path('lan', 'leases')}",
                f"--pid-file={self.path('lan', 'dnsmasq.pid')}",
            ],
        )
        server.wait_log(5, "DHCP, IP range")
        return server

    def start_outside(self):
        """A host that only the server can reach: a web page that says who asked, and DNS."""
        self.spawn(
            "outside", "outside-http", ["busybox", "httpd", "-f", "-p", "80", "-h", self._web_root("outside")]
        )
        self.spawn(
            "outside",
            "outside-dns",
            [
                "dnsmasq",
                "--no-daemon",
                "--conf-file=/dev/null",
                "--no-resolv",
                "--no-hosts",
                "--bind-interfaces",
                f"--listen-address={OUTSIDE}",
                f"--address=/www.example/{OUTSIDE}",
                "--log-queries",
                f"--pid-file={self.path('outside', 'dnsmasq.pid')}",
            ],
        ).wait_log(5, "started")

    def leases(self):
        """The lines of the LAN's lease file: expiry, MAC, address, name, client id."""
        path = self.path("lan", "leases")
        if not os.path.exists(path):
            return []
        with open(path) as file:
            return [line.split() for line in file if line.strip() and not line.startswith("duid")]

    # ---- building -----------------------------------------------------------------------------------

    def _record(self, line):
        with open(self.path("processes"), "a") as file:
            file.write(line)

    def _build(self):
        for name in (*NAMESPACES, *self.clients):
            subprocess.run(["ip", "netns", "add", self.prefix + name], check=True)
            self.run(name, "ip", "link", "set", "lo", "up")
            self.run(
                name,
                "sh",
                "-c",
                "for f in all default; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done",
            )
        self.run("inet", "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        self._wire("srv", "eth0", f"{SERVER}/24", "inet", "srv", "10.77.9.1/24")
        self._wire("outside", "eth0", f"{OUTSIDE}/24", "inet", "outside", "198.51.100.1/24")
        for name in self.clients:
            network = f"10.77.{name[1:]}"
            self._wire(name, "eth0", f"{network}.2/24", "inet", name, f"{network}.1/24")
            self.run(name, "ip", "route", "add", "default", "via", f"{network}.1")
        self.run("srv", "ip", "route", "add", "default", "via", "10.77.9.1")
        self.run("outside", "ip", "route", "add", "10.77.9.0/24", "via", "198.51.100.1")
        self.wire_lan()
        wait_until(5, lambda: self.succeeds("c1", "ping", "-c1", "-W1", SERVER), "c1 to reach srv")

    def wire_lan(self):
        """The cable between the server and the office; neither end has an address."""
        self._wire("lan", "eth0", None, "srv", "lan0", None)
        # A raw socket on a veth sees frames of 64 KB and blank checksums while the other end's offloads are on.
        for feature in ("tx", "rx", "tso", "gso", "gro", "sg"):
            self.succeeds("lan", "ethtool", "-K", "eth0", feature, "off")

    def wire_outside(self):
        """A second cable: from the office to the host outside, without the server between them."""
        self._wire("lan", "eth1", None, "outside", "eth1", None)

    def _wire(self, one, one_device, one_address, two, two_device, two_address):
        subprocess.run(
            [
                "ip",
                "link",
                "add",
                one_device,
                "netns",
                self.prefix + one,
                "type",
                "veth",
                "peer",
                "name",
                two_device,
                "netns",
                self.prefix + two,
            ],
            check=True,
        )
        for name, device, address in ((one, one_device, one_address), (two, two_device, two_address)):
            if address:
                self.run(name, "ip", "address", "add", address, "dev", device)
            self.run(name, "ip", "link", "set", device, "up")

    def _web_root(self, name):
        self.write(f"{name}/www/index.html", f"hello from {name}\n", 0o644)
        self.write(f"{name}/www/cgi-bin/who", '#!/bin/sh\nprintf "\\r\\n%s\\n" "$REMOTE_ADDR"\n', 0o755)
        with open(self.path(name, "www", "megabyte"), "wb") as file:
            file.write(bytes(range(256)) * 4096)
        return os.path.dirname(self.path(name, "www", "index.html"))


def remove_namespace(name):
    """Remove a namespace of ours, with whatever still runs in it."""
    listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
    for pid in listed.stdout.split():
        end_process(int(pid), birth(pid), signal.SIGKILL, 2)
    subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


def remove_stale():
    """What a run that was killed has left behind: its pid stands in the names."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    for line in listed.splitlines():
        match = NAME.match(line.split(" ")[0])
        if match and birth(int(match[1])) is None:
            remove_namespace(match[0])
    for name in os.listdir(tempfile.gettempdir()):
        match = DIRECTORY.match(name)
        if match and birth(int(match[1])) is None:
            shutil.rmtree(os.path.join(tempfile.gettempdir(), name), ignore_errors=True)


def not_regular(folder, names):
    """Sockets and the like, which cannot be copied."""
    paths = ((name, os.path.join(folder, name)) for name in names)
    return [name for name, path in paths if not os.path.isfile(path) and not os.path.isdir(path)]

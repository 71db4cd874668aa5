"""Proves that a module in C, compiled with cc and the headers alone, is a module like any other.

The example for virtual machines is built outside of the package and loaded through plugins.conf. Its frames
reach a tap and a tun client of OpenVPN and come back. Its commands are called with every type of argument,
and wrong arguments are refused before the call. It is swapped for another version while the machine is heard
without a break. It is unloaded, its mapping is gone, and it is loaded again;
then it comes and goes a thousand times, with a session and frames each time, and memory stays flat.
"""

import json
import os
import socket
import statistics
import subprocess
import time

from lab.machine import Machine
from lab.network import SERVER
from lab.openvpn import Client
from lab.polyhub import REPOSITORY, Polyhub, password
from lab.processes import Failure, expect, wait_until

LIMIT = 300
ALONE = True
PORT = 7700
INSIDE = "192.168.30.77"
MACHINE = "10.77.2.2:7701"
CYCLES = 1000
WINDOW = 100
# What a window of so many cycles may leave behind, in kB: a leak of 600 octets a cycle is more than this. The
# middle one of all windows counts, for what a process takes once falls into one of them.
GROWTH = 50


def run(lab):
    library = build(lab, lab.path("vmport"))
    server = Polyhub(lab)
    with open(server.config, "a") as file:
        file.write(section(library))
    server.start().office(users=("user1", "user2", "user3"))
    server.ctl("nat", "enable", "LAB", "--network", "192.168.30.1/24")
    machine = Machine(lab, "c2", ("10.77.2.2", 7701), (SERVER, PORT)).use(f"{INSIDE}/24")
    frames_reach_clients(lab, server)
    commands(lab, server)
    is_swapped(lab, server, build(lab, lab.path("vmport-2"), version=2))
    comes_and_goes(lab, server)
    stays_flat(lab, server)
    machine.stop()
    server.stop()


def build(lab, folder, version=1):
    """The library, built from a copy of the example and of the headers alone."""
    os.makedirs(folder, exist_ok=True)
    for tree in ("Examples/vmport", "Sources/PluginABI/include"):
        subprocess.run(["cp", "-r", os.path.join(REPOSITORY, tree), folder], check=True)
    include = os.path.join(folder, "include")
    argv = ["make", "-C", os.path.join(folder, "vmport"), f"INCLUDE={include}", "CFLAGS=-O2 -Wall -Werror"]
    argv.append(f"VERSION={version}")
    built = subprocess.run(argv, capture_output=True, text=True)
    expect(built.returncode == 0, f"the example does not compile: {built.stderr}")
    return os.path.join(folder, "vmport", "vmport.so")


def section(library):
    values = {
        "library": library,
        "listen": [f"udp://0.0.0.0:{PORT}"],
        "user": "user3@LAB",
        "password": password("user3"),
        "machines": [MACHINE],
    }
    return "\n".join(["[vmport]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), ""])


def frames_reach_clients(lab, server):
    wait_until(10, lambda: lab.ping("c2", "192.168.30.1", count=1), "the machine to reach its hub's router")
    rows = server.sessions("user3")
    expect([row["module"] for row in rows] == ["VM port"], f"the machine's sessions are {rows}")
    for device in ("tun", "tap"):
        with Client(lab, "c1", server.profile(device=device), "user1", password("user1")) as client:
            expect(lab.ping("c1", INSIDE, "-I", client.device), f"{device}: no way to the machine")
            expect(lab.ping("c2", client.address()), f"{device}: no way back from the machine")
            expect(lab.ping("c1", INSIDE, "-s", "1472", "-I", client.device), f"{device}: no full frames")


def commands(lab, server):
    def call(*arguments):
        return server.ctl("module", "call", "vmport", *arguments).strip()

    expect(call("machines").startswith(f"{MACHINE} joined, "), f"machines: {call('machines')}")
    expect(int(call("frames", MACHINE)) > 10, f"frames: {call('frames', MACHINE)}")
    expect(call("pause", MACHINE, "true") == "false", "the machine was paused already")
    expect(not lab.ping("c2", "192.168.30.1", count=1), "a paused machine still reaches the hub")
    expect(call("pause", MACHINE, "false") == "true", "the machine was not paused")
    expect(lab.ping("c2", "192.168.30.1"), "the machine does not go on after its pause")
    expect(call("limit", MACHINE, "0.5") == "0.0", "there was a limit")
    expect(call("limit", MACHINE, "0") == "0.5", "the limit was not kept")
    expect(call("silence", "60") == "300", "the silence was not that of plugins.conf")
    refused = {
        ("pause", MACHINE, "perhaps"): 'PAUSED is "perhaps"; accepted is true or false',
        ("limit", MACHINE, "fast"): 'MBITS is "fast"; accepted is a number',
        ("silence", "1.5"): 'SECONDS is "1.5"; accepted is an integer',
        ("frames",): "takes 1 arguments, not 0: frames MACHINE",
        ("frames", "10.0.0.1:1"): "is none of the machines",
        ("fly",): "has no command fly; it has: machines",
    }
    for arguments, wanted in refused.items():
        done = server.call("module", "call", "vmport", *arguments)
        expect(done.returncode == 1 and wanted in done.stderr, f"{arguments}: {done.stderr.strip()}")


def is_swapped(lab, server, library):
    before = server.sessions("user3")
    server.ctl("module", "call", "vmport", "limit", MACHINE, "40")
    pings = lab.spawn("c2", "c2-ping", ["ping", "-n", "-i", "0.01", "-c", "300", "192.168.30.1"])
    for _ in range(5):
        time.sleep(0.4)
        report = server.ask("module", "swap", "vmport", library)
        expect(sum(lane["carried"] for lane in report["lanes"]) == 1, f"the swap carried: {report}")
    pings.wait(15)
    expect("300 received" in pings.log(), f"swapped under traffic: {pings.last_words()}")
    version = [row["version"] for row in server.ask("module", "list") if row["name"] == "vmport"]
    expect(version == ["2"], f"after the swap the versions are {version}")
    after = server.sessions("user3")
    expect([row["id"] for row in before] == [row["id"] for row in after], f"the session is another: {after}")
    limit = server.ctl("module", "call", "vmport", "limit", MACHINE, "0").strip()
    expect(limit == "40.0", f"the limit did not come along: {limit}")


def comes_and_goes(lab, server):
    expect(mapped(server), "the private copy of the library is not mapped")
    server.ctl("module", "unload", "vmport")
    expect(not mapped(server), "the library is still mapped")
    expect(not server.sessions("user3"), "its session outlived it")
    server.ctl("module", "load", "vmport")
    wait_until(15, lambda: lab.ping("c2", "192.168.30.1", count=1), "the machine to join again")


def stays_flat(lab, server):
    """By a connection of its own: polyhubctl 2,000 times would take longer than what is measured."""
    control, readings = Control(server), []
    talk = lab.spawn("c2", "c2-talk", ["ping", "-q", "-n", "-i", "0.002", "192.168.30.1"])
    for cycle in range(CYCLES):
        control.ask("module.unload", module="vmport")
        expect(not mapped(server), f"the library is still mapped in cycle {cycle}")
        control.ask("module.load", module="vmport")
        # More often than `wait_until` looks.
        end = time.monotonic() + 10
        while not carries(control):
            expect(time.monotonic() < end, f"no session with frames in cycle {cycle}")
            time.sleep(0.003)
        if cycle % WINDOW == 0:
            readings.append(resident(server))
    readings.append(resident(server))
    talk.discard()
    print(f"     {CYCLES} cycles with sessions, kB resident: {readings}", flush=True)
    growths = [later - earlier for earlier, later in zip(readings, readings[1:])]
    expect(statistics.median(growths) < GROWTH, f"memory grows by {growths} kB")


def carries(control):
    """Whether the machine has a session, and frames went both ways in it."""
    return any(
        row["user"] == "user3" and row["framesIn"] and row["framesOut"]
        for row in control.ask("session.list", hub="LAB")
    )


class Control:
    """The server's control socket: JSON-RPC 2.0, a JSON text a line."""

    def __init__(self, server):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(server.state, "control.sock"))
        self.lines = self.socket.makefile("r")

    def ask(self, method, **params):
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(self.lines.readline())
        if "error" in answer:
            raise Failure(f"{method}: {answer['error']}")
        return answer["result"]


def mapped(server):
    """Whether there is a private copy of a library in the server's memory beside that of OpenVPN."""
    with open(f"/proc/{server.process.pid}/maps") as file:
        return len({line.split()[5] for line in file if f"{server.state}/modules/" in line}) > 1


def resident(server):
    with open(f"/proc/{server.process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))

"""Proves that a library which cannot take over changes nothing for the clients, and that the server says why.

What is no library, what is no module, another module, another ABI, one that does not know an option or takes
less of it, one that refuses to start, one that enters no lane, a path that does not exist.
"""

import os
import shutil
import subprocess

from lab.network import LAN
from lab.openvpn import Client
from lab.polyhub import REPOSITORY, Polyhub, password
from lab.processes import expect
from lab.traffic import Ping


def run(lab):
    lab.start_lan()
    server = Polyhub(lab, ping_restart=120).start().office(bridge="lan0")
    identity = '-DIDENTITY="org.polyhub.openvpn"'
    knows = '-DKNOWS="ping-restart"'
    kinds = {
        "cannot be read": lab.path("absent.so"),
        "cannot be loaded": lab.write("text.so", "hello"),
        "does not export packet_adapter_entry": next(
            path for path in ("/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6")
            if os.path.exists(path)
        ),
        "the library is org.polyhub.counting": build(lab, "other"),
        "ABI 9.0": build(lab, "abi", identity, "-DMAJOR=9"),
        "ping-restart is not known": build(lab, "options", identity),
        "ping-restart is not accepted: 1 to 100": build(lab, "range", identity, knows),
        "it was compiled to fail": build(lab, "fails", identity, knows, "-DMOST=300", "-DFAILS"),
        "did not accept lane 0": build(lab, "lane", identity, knows, "-DMOST=300", "-DFAILS_ON_LANE=0"),
    }
    profile = server.profile()
    tap = server.profile(user="user2", device="tap", transport="tcp")
    with Client(lab, "c1", profile, "user1", password("user1")) as one, Client(
        lab, "c2", tap, "user2", password("user2")
    ) as two:
        ping = Ping(lab, "c1", LAN, 2 * len(kinds))
        before = server.ask("module", "list")
        for why, library in kinds.items():
            done = server.call("module", "swap", "openvpn", library)
            expect(done.returncode == 1, f"{library}: status {done.returncode}: {done.stdout}")
            expect(why in done.stderr, f"{library} was refused with {done.stderr.strip()}, not with {why}")
        expect(server.ask("module", "list") == before, f"something has changed: {before}")
        lost = ping.lost()
        expect(not lost, f"pings were lost: {lost}")
        expect(lab.ping("c2", LAN), "the TCP client is cut off")
        for client in (one, two):
            expect(client.connections() == 1, f"{client.where} connected anew")
    server.stop()


def build(lab, name, *options):
    compiler = shutil.which("cc")
    expect(compiler, "there is no C compiler")
    output = lab.path(f"{name}.so")
    source = os.path.join(REPOSITORY, "Tests/Modules/counting.c")
    include = os.path.join(REPOSITORY, "Sources/PluginABI/include")
    command = [compiler, "-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-I", include, *options]
    subprocess.run([*command, "-o", output, source], check=True, timeout=60)
    return output

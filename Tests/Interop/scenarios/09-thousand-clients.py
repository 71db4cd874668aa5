"""Proves that 1,000 clients that connect, exchange frames and leave, three times over, leave no memory.

The clients are simulated (openvpn-soak), the server is the real one. Its resident memory after the first
crowd holds what any crowd makes it keep (tables grown once, the allocator's cuttings); after the third it
has grown by no more than a tenth of that.
"""

import os
import subprocess
import time

from lab.polyhub import Polyhub, password, programs
from lab.processes import expect, wait_until

LIMIT = 400
ALONE = True
CLIENTS = 1000
ROUNDS = 3


def run(lab):
    server = Polyhub(lab).start().office()
    before = server.resident()
    after = []
    for _ in range(ROUNDS):
        soak(lab)
        wait_until(60, lambda: not server.ask("session", "list"), "all sessions to end")
        # The server looks every ten seconds whether there is memory to give back.
        time.sleep(15)
        after.append(server.resident())
    print(f"resident kB: {before} at first, then {after}")
    expect(after[-1] <= after[0] * 1.1, f"memory grows with each crowd: {before} kB, then {after}")
    server.stop()


def soak(lab):
    argv = [os.path.join(programs(), "openvpn-soak"), "1194", str(CLIENTS), "user1@LAB", password("user1")]
    done = subprocess.run(lab.inside("srv", argv), capture_output=True, text=True, timeout=200)
    expect(done.returncode == 0, f"openvpn-soak: {done.stdout}{done.stderr}")

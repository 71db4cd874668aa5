"""User Mode Linux guests, for clients that need what the host's kernel may lack: PPP."""

import base64
import json
import os
import subprocess
import sys

from .processes import Failure, wait_until

FOLDER = os.path.join(os.path.dirname(os.path.realpath(__file__)), "guest")
PORT = 2222
# One connection to the agent: standard input there, its answer to standard output.
CALL = """
import socket, sys
peer = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
peer.settimeout(float(sys.argv[3]))
peer.sendall(sys.stdin.buffer.read())
peer.shutdown(socket.SHUT_WR)
while piece := peer.recv(65536):
    sys.stdout.buffer.write(piece)
"""


class Guest:
    """A guest behind namespace `where`, which is its router."""

    def __init__(self, lab, where, memory="192M"):
        self.lab = lab
        self.where = where
        number = where[1:]
        self.network = f"10.77.10{number}"
        self.address = f"{self.network}.10"
        self.router = f"{self.network}.1"
        run = lab.run
        run(where, "ip", "tuntap", "add", "uml0", "mode", "tap")
        run(where, "ip", "address", "add", f"{self.router}/24", "dev", "uml0")
        run(where, "ip", "link", "set", "uml0", "up")
        run(where, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        run("inet", "ip", "route", "add", f"{self.network}.0/24", "via", f"10.77.{number}.2")
        home = os.path.dirname(lab.path(f"{where}-uml", "x"))
        self.process = lab.spawn(
            where,
            f"{where}-guest",
            [
                "env",
                "TMPDIR=/dev/shm",
                f"HOME={home}",
                "linux.uml",
                f"mem={memory}",
                f"umid={where}-{os.getpid()}",
                "root=/dev/root",
                "rootfstype=hostfs",
                "rootflags=/",
                "ro",
                f"init={FOLDER}/init.sh",
                f"vec0:transport=tap,ifname=uml0,depth=64,gro=1,mac=02:77:00:00:0{number}:10",
                "con=null",
                "con0=null,fd:1",
                "ssl=null",
                f"labip={self.address}/24",
                f"labgw={self.router}",
                f"labport={PORT}",
                f"labdir={FOLDER}",
            ],
        )
        wait_until(40, self._answers, f"the guest of {where}: {self.process.last_words()}")

    def run(self, script, seconds=30, check=True):
        """Run a shell script; its output."""
        done = subprocess.run(
            self.lab.inside(self.where, [sys.executable, "-c", CALL, self.address, str(PORT), str(seconds)]),
            input=script.encode(),
            capture_output=True,
            timeout=seconds + 10,
        )
        if done.returncode:
            raise Failure(f"the guest of {self.where} does not answer: {done.stderr.decode().strip()[-200:]}")
        answer = json.loads(done.stdout)
        if check and answer["status"]:
            raise Failure(f"{script!r} in the guest of {self.where}: {answer['status']}: {answer['output']}")
        return answer["output"]

    def succeeds(self, script, seconds=30):
        return self.run(f"({script}) >/dev/null 2>&1 && echo yes || echo no", seconds).strip() == "yes"

    def write(self, path, text):
        self.run(f"echo {base64.b64encode(text.encode()).decode()} | base64 -d >{path}")

    def _answers(self):
        if not self.process.running:
            raise Failure(f"the guest of {self.where} ended: {self.process.last_words()}")
        try:
            return self.run("true", seconds=2) == ""
        except (Failure, ValueError, subprocess.TimeoutExpired):
            return False

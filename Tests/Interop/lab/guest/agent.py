"""Runs shell commands for the lab inside of a guest: a script comes over TCP up to the end of the stream, its
exit status and output go back as JSON."""

import json
import socketserver
import subprocess
import sys


class Agent(socketserver.StreamRequestHandler):
    def handle(self):
        script = self.rfile.read().decode()
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        answer = {"status": done.returncode, "output": done.stdout.decode(errors="replace")}
        self.wfile.write(json.dumps(answer).encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("0.0.0.0", int(sys.argv[1])), Agent).serve_forever()

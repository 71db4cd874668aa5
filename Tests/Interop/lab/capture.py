"""What passes the server's interface, in a file that holds all of it."""

from .processes import wait_until

# Port 9 is discard's (RFC 863). What is sent there comes behind everything else.
MARK_PORT = 9
MARK = b"end of the capture"
SEND_MARK = f"""
import socket
mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
mark.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
mark.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
mark.sendto({MARK!r}, ("255.255.255.255", {MARK_PORT}))
"""


class Capture:
    """tcpdump of what `expression` tells, from now on, into file `path`."""

    def __init__(self, lab, path, expression):
        self.lab = lab
        self.path = path
        program = ["tcpdump", "-n", "-U", "--immediate-mode", "-i", "eth0", "-w", path]
        program.append(f"({expression}) or udp port {MARK_PORT}")
        self.tcpdump = lab.spawn("srv", "srv-tcpdump", program)
        self.tcpdump.wait_log(5, "listening")

    def end(self):
        """Who ends tcpdump at once loses what the kernel has not given it yet."""
        self.lab.run("srv", "python3", "-c", SEND_MARK)
        wait_until(20, self._is_complete, "the end of the capture in its file")
        self.tcpdump.stop()

    def _is_complete(self):
        with open(self.path, "rb") as file:
            return MARK in file.read()

"""An EtherIP client (RFC 3378) on a TAP device: two octets in front of each frame, in IP protocol 97.

usage: etherip.py SERVER TAP

What protects the packets is the business of whoever handles IPsec in the namespace. Prints `ready`; ends
with SIGTERM.
"""

import fcntl
import os
import select
import signal
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
PROTOCOL = 97
HEADER = b"\x30\x00"
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def open_link(server):
    link = socket.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOL)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    link.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
    link.connect((server, 0))
    link.setblocking(False)
    return link


def to_link(tap, link):
    try:
        link.send(HEADER + os.read(tap, 2048))
    except OSError:
        return False
    return True


def to_tap(link, tap):
    try:
        packet = link.recv(65535)
    except BlockingIOError:
        return False
    payload = packet[(packet[0] & 15) * 4 :]
    if payload[:2] == HEADER and len(payload) >= 16:
        try:
            os.write(tap, payload[2:])
        except OSError:
            # The device is not up yet: what comes for it is lost, as on any card.
            pass
    return True


def run(server, name):
    tap, link = open_tap(name), open_link(server)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    print("ready", flush=True)
    while not ended:
        readable, _, _ = select.select([tap, link], [], [], 0.5)
        if tap in readable:
            while to_link(tap, link):
                pass
        if link in readable:
            while to_tap(link, tap):
                pass


if __name__ == "__main__":
    run(*sys.argv[1:])

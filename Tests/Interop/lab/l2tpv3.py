"""A router with one Ethernet pseudowire of L2TPv3 (RFC 3931) on a TAP device.

usage: l2tpv3.py ip|udp SERVER TAP

It signals as routers do: SCCRQ, SCCCN, ICRQ, ICCN. What protects the packets is the business of whoever
handles IPsec in the namespace. Prints `ready` once the pseudowire stands; SIGTERM sends CDN and StopCCN.
"""

import os
import select
import signal
import socket
import struct
import sys
import time

from etherip import IP_MTU_DISCOVER, IP_PMTUDISC_DONT, open_tap

PROTOCOL, PORT = 115, 1701
CONTROL = 0xC803
SCCRQ, SCCRP, SCCCN, STOPCCN, HELLO, ICRQ, ICRP, ICCN, CDN = 1, 2, 3, 4, 6, 10, 11, 12, 14
MESSAGE, RESULT, HOST, ROUTER, CONNECTION, KINDS = 0, 1, 7, 60, 61, 62
LOCAL, REMOTE, COOKIE, END, KIND, CIRCUIT = 63, 64, 65, 66, 68, 71
ETHERNET = struct.pack(">H", 5)


def avp(kind, value):
    return struct.pack(">HHH", 0x8000 | 6 + len(value), 0, kind) + value


def u32(value):
    return struct.pack(">I", value)


class Router:
    def __init__(self, transport, server):
        self.is_udp = transport == "udp"
        kind = socket.SOCK_DGRAM if self.is_udp else socket.SOCK_RAW
        self.link = socket.socket(socket.AF_INET, kind, 0 if self.is_udp else PROTOCOL)
        self.link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.link.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
        if self.is_udp:
            self.link.bind(("", PORT))
        self.link.connect((server, PORT if self.is_udp else 0))
        self.link.setblocking(False)
        self.ns = self.nr = self.acknowledged = 0
        self.connection = int.from_bytes(os.urandom(4), "big") | 1
        self.session = int.from_bytes(os.urandom(4), "big") | 1
        # We want to see these octets in each packet.
        self.cookie = os.urandom(8)
        self.their_connection = self.their_session = 0
        self.ended = False

    def packet(self):
        try:
            octets = self.link.recv(65535)
        except (BlockingIOError, ConnectionRefusedError):
            return None
        return octets if self.is_udp else octets[(octets[0] & 15) * 4 :]

    # ---- control ------------------------------------------------------------------------------------

    def put(self, body, ns):
        header = struct.pack(">HHIHH", CONTROL, 12 + len(body), self.their_connection, ns, self.nr)
        self.link.send((b"" if self.is_udp else bytes(4)) + header + body)

    def message(self, octets):
        """A control message as its type and AVPs; None for everything else."""
        if not self.is_udp:
            if octets[:4] != bytes(4):
                return None
            octets = octets[4:]
        flags, length, _, ns, nr = struct.unpack(">HHIHH", octets[:12])
        if not flags & 0x8000:
            return None
        self.acknowledged = nr
        avps, start = {}, 12
        while start + 6 <= length:
            size, vendor, kind = struct.unpack(">HHH", octets[start : start + 6])
            avps[kind] = octets[start + 6 : start + (size & 0x3FF)]
            start += size & 0x3FF
        if MESSAGE not in avps:
            return None
        if ns == self.nr:
            self.nr = self.nr + 1 & 0xFFFF
        kind = struct.unpack(">H", avps[MESSAGE])[0]
        if kind in (STOPCCN, CDN):
            self.ended = True
        return kind, avps

    def call(self, kind, avps, answer=None):
        """Send a message until it is answered, or acknowledged where no answer is due."""
        body = avp(MESSAGE, struct.pack(">H", kind)) + b"".join(avp(*one) for one in avps)
        ns, self.ns = self.ns, self.ns + 1 & 0xFFFF
        for wait in (1, 2, 4):
            self.put(body, ns)
            end = time.monotonic() + wait
            while time.monotonic() < end:
                select.select([self.link], [], [], 0.1)
                octets = self.packet()
                found = self.message(octets) if octets else None
                if found:
                    self.put(b"", self.ns)
                    if found[0] == answer:
                        return found[1]
                    if self.ended:
                        raise SystemExit(f"refused by message {found[0]}: {found[1].get(RESULT, b'').hex()}")
                if answer is None and self.acknowledged == self.ns:
                    return {}
        raise SystemExit(f"no answer to message {kind}")

    def connect(self):
        found = self.call(
            SCCRQ,
            [(HOST, b"router"), (ROUTER, u32(1)), (CONNECTION, u32(self.connection)), (KINDS, ETHERNET)],
            SCCRP,
        )
        self.their_connection = struct.unpack(">I", found[CONNECTION])[0]
        self.call(SCCCN, [])
        mine = (LOCAL, u32(self.session))
        wish = [mine, (REMOTE, u32(0)), (KIND, ETHERNET), (END, b"1"), (CIRCUIT, b"\0\3")]
        found = self.call(ICRQ, [*wish, (COOKIE, self.cookie)], ICRP)
        self.their_session = struct.unpack(">I", found[LOCAL])[0]
        self.call(ICCN, [mine, (REMOTE, u32(self.their_session)), (CIRCUIT, b"\0\3")])

    def disconnect(self):
        names = [(LOCAL, u32(self.session)), (REMOTE, u32(self.their_session))]
        self.call(CDN, [(RESULT, b"\0\3"), *names])
        self.call(STOPCCN, [(RESULT, b"\0\1"), (CONNECTION, u32(self.connection))])

    # ---- data ---------------------------------------------------------------------------------------

    def send(self, frame):
        self.link.send((b"\0\3\0\0" if self.is_udp else b"") + u32(self.their_session) + frame)

    def frame(self, octets):
        """The frame of a data packet; messages are answered."""
        data = octets[4:] if self.is_udp and not octets[0] & 0x80 else octets
        head = u32(self.session) + self.cookie
        if data.startswith(head):
            return data[len(head) :]
        if self.message(octets):
            self.put(b"", self.ns)
        return None


def write(tap, frame):
    try:
        os.write(tap, frame)
    except OSError:
        # The device is not up yet: what comes for it is lost, as on any card.
        pass


def run(transport, server, name):
    router = Router(transport, server)
    router.connect()
    tap = open_tap(name)
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    print("ready", flush=True)
    while not stopped and not router.ended:
        readable, _, _ = select.select([tap, router.link], [], [], 0.5)
        if tap in readable:
            try:
                router.send(os.read(tap, 2048))
            except OSError:
                pass
        octets = router.packet() if router.link in readable else None
        while octets:
            frame = router.frame(octets)
            if frame:
                write(tap, frame)
            octets = router.packet()
    if not router.ended:
        router.disconnect()
    print("over", flush=True)


if __name__ == "__main__":
    run(*sys.argv[1:])

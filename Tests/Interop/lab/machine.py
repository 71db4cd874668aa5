"""A virtual machine's network card without the machine: a TAP device whose frames travel in UDP datagrams.

What QEMU does with `-netdev dgram`: one raw Ethernet frame a datagram, nothing around it. Run by itself:
machine.py DEVICE LOCAL-ADDRESS LOCAL-PORT REMOTE-ADDRESS REMOTE-PORT
"""

import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
LARGEST = 9018


class Machine:
    """In namespace `where`, with the device `vm0`."""

    device = "vm0"

    def __init__(self, lab, where, local, remote):
        """`local` and `remote` are (address, port)."""
        self.lab = lab
        self.where = where
        ends = [str(part) for part in (*local, *remote)]
        self.process = lab.spawn(
            where, f"{where}-machine", ["python3", os.path.abspath(__file__), self.device, *ends]
        )
        self.process.wait_log(5, "carrying frames")

    def use(self, address):
        self.lab.run(self.where, "ip", "address", "add", address, "dev", self.device)
        return self

    def stop(self):
        self.process.stop()


def carry(device, local, remote):
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP | IFF_NO_PI))
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.bind(local)
    wire.connect(remote)
    os.system(f"ip link set {device} up")
    print("carrying frames", flush=True)
    while True:
        for ready in select.select([tap, wire], [], [])[0]:
            try:
                if ready is tap:
                    wire.send(os.read(tap, LARGEST))
                else:
                    os.write(tap, wire.recv(LARGEST))
            except ConnectionRefusedError:
                pass  # nobody listens at the moment


if __name__ == "__main__":
    carry(sys.argv[1], (sys.argv[2], int(sys.argv[3])), (sys.argv[4], int(sys.argv[5])))

"""Libraries that differ from the server's own by their version alone, and swapping to them."""

import os

from .polyhub import programs
from .processes import expect

# As Plugins/OpenVPN/Adapter/OpenVPNModule.swift has it.
VERSION = b"1.0.0, OpenVPN protocol 2.6"


def image_size():
    """Octets of the module's library."""
    return os.path.getsize(os.path.join(programs(), "libOpenVPN.so"))


def rebuilt(lab, number):
    """A copy of the OpenVPN module with another version; its path and that version."""
    with open(os.path.join(programs(), "libOpenVPN.so"), "rb") as file:
        content = file.read()
    found = content.count(VERSION)
    expect(found == 1, f"the library says {found} times which version it is")
    version = VERSION.replace(b"1.0.0", b"1.%03d" % number)
    path = lab.path(f"libOpenVPN-{number}.so")
    with open(path, "wb") as file:
        file.write(content.replace(VERSION, version))
    return path, version.decode()


def swap(lab, server, number):
    """Swap to library `number`; what the server reports."""
    path, version = rebuilt(lab, number)
    report = server.ask("module", "swap", "openvpn", path)
    os.remove(path)
    expect(report["to"] == version, f"swapped to {report['to']}, not to {version}")
    expect(sum(lane["draining"] for lane in report["lanes"]) == 0, f"connections stay behind: {report}")
    return report

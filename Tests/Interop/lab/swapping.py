"""Libraries that differ from the server's own by their version alone, and swapping to them."""

import os

from .polyhub import programs
from .processes import expect

# By the module's name: its library, and the version that it says, as its descriptor has it.
LIBRARIES = {
    "openvpn": ("libOpenVPN.so", b"1.0.0, OpenVPN protocol 2.6"),
    "softether": ("libSoftEther.so", b"1.0.0, SoftEther protocol 5.02"),
    "sstp": ("libSSTP.so", b"1.0.0, SSTP protocol 1.0"),
}


def image_size(module="openvpn"):
    """Octets of the module's library."""
    return os.path.getsize(os.path.join(programs(), LIBRARIES[module][0]))


def rebuilt(lab, number, module="openvpn"):
    """A copy of the module's library with another version; its path and that version."""
    library, known = LIBRARIES[module]
    with open(os.path.join(programs(), library), "rb") as file:
        content = file.read()
    found = content.count(known)
    expect(found == 1, f"the library says {found} times which version it is")
    version = known.replace(b"1.0.0", b"1.%03d" % number)
    path = lab.path(f"{number}-{library}")
    with open(path, "wb") as file:
        file.write(content.replace(known, version))
    return path, version.decode()


def swap(lab, server, number, module="openvpn"):
    """Swap to library `number`; what the server reports."""
    path, version = rebuilt(lab, number, module)
    report = server.ask("module", "swap", module, path)
    os.remove(path)
    expect(report["to"] == version, f"swapped to {report['to']}, not to {version}")
    expect(sum(lane["draining"] for lane in report["lanes"]) == 0, f"connections stay behind: {report}")
    return report


def described(when, times):
    """A moment, and how it lies to swaps, each from when to when."""
    for number, (began, ended) in enumerate(times):
        if began - 0.1 <= when <= ended + 0.1:
            return f"{when:.3f} (swap {number}: {began:.3f} to {ended:.3f})"
    return f"{when:.3f} (no swap)"

"""Libraries that differ from the server's own by their version alone, and swapping to them."""

import os
import time

from .polyhub import programs
from .processes import expect

# By the module's name: its library, and the version that it says, as its descriptor has it.
LIBRARIES = {
    "openvpn": ("libOpenVPN.so", b"1.0.0, OpenVPN protocol 2.6"),
    "softether": ("libSoftEther.so", b"1.0.0, SoftEther protocol 5.02"),
    "sstp": ("libSSTP.so", b"1.0.0, SSTP protocol 1.0"),
    "ipsec": ("libIPsec.so", b"1.0.0, IKEv1 and ESP"),
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


class Swaps:
    """Swaps in a row to the libraries `numbers`, with time between them, and what they cost."""

    def __init__(self, lab, server, numbers, module="openvpn"):
        self.module = module
        self.times = []
        self.reports = []
        resident = server.resident()
        for number in numbers:
            began = time.time()
            self.reports.append(swap(lab, server, number, module))
            self.times.append((began, time.time()))
            time.sleep(0.5)
        # In kB.
        self.grown = server.resident() - resident
        lanes = [lane for report in self.reports for lane in report["lanes"]]
        pauses = sorted(lane["longestPauseMicroseconds"] for lane in lanes)
        self.longest_pauses = pauses[-3:]
        carried, each = sum(self.carried()), self.grown // len(self.reports)
        print(f"longest pauses {self.longest_pauses} us, {each} kB a swap, {carried} carried over")

    def carried(self):
        """The connections that each of them carried over."""
        return [sum(lane["carried"] for lane in report["lanes"]) for report in self.reports]

    def expect_short_pauses(self, limit):
        """No lane stood still for `limit` microseconds. A machine that runs something else for a while makes
        a lane wait, too, but not time and again.
        """
        expect(self.longest_pauses[0] < limit, f"lanes paused for {self.longest_pauses} us")

    def expect_images_only(self):
        """The server has grown by no more than the images that stay mapped."""
        count = len(self.reports)
        expect(self.grown * 1024 < count * image_size(self.module), f"{count} swaps took {self.grown} kB")

    def described(self, when):
        """A moment, and how it lies to them."""
        for number, (began, ended) in enumerate(self.times):
            if began - 0.1 <= when <= ended + 0.1:
                return f"{when:.3f} (swap {number}: {began:.3f} to {ended:.3f})"
        return f"{when:.3f} (no swap)"

    def lost(self, ping):
        """When the pings were sent that were lost."""
        lost = ping.lost()
        print(f"{ping.sent} pings, lost: {[self.described(when) for when in lost]}")
        return lost

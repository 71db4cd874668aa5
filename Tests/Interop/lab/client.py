"""What real clients in namespaces have in common."""

from .lease import lease
from .processes import wait_until


class Client:
    """A program in namespace `where`, its device, and on that an address, perhaps by DHCP. Used as a context
    it is connected, and disconnected at the end.
    """

    device = None

    def __init__(self, lab, where):
        self.lab = lab
        self.where = where
        self.process = None
        self.dhcp = None

    def __enter__(self):
        return self.up()

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.down()
        else:
            self.discard()

    def discard(self):
        for process in (self.dhcp, self.process):
            if process:
                process.discard()

    def address(self):
        return self.lab.address(self.where, self.device)

    def lease(self):
        self.dhcp = lease(self.lab, self.where, self.device)

    def wait_address(self):
        wait_until(5, self.address, f"an address on {self.device} in {self.where}")

"""What `scripts/bench` compares: clients of a kind, the servers that they connect to, and what their ciphers
cost by themselves."""

import re
import subprocess
import time

from . import l2tp, openvpn, softether, sstp
from .guests import Guest
from .network import LAN
from .polyhub import Polyhub, password
from .processes import Failure, wait_until
from .reference import OpenVPNServer, SoftEtherServer
from .strongswan import LISTEN
from .traffic import InGuest, InNamespace
from .variants import Cipher

# Octets of a packet of a transfer.
PACKET = 1400
# Of both servers: the vpnserver takes no longer one.
PSK = "labsecret"


class Ours:
    """Our server with all modules, and an office."""

    name = "polyhub"

    def __init__(self, lab):
        sections, self.authority = sstp.server_sections(lab)
        sections["softether"] = dict(library="SoftEther")
        sections["ipsec"] = dict(library="IPsec", listen=LISTEN, psk=PSK)
        self.server = Polyhub(lab, name=f"state-{time.monotonic_ns()}", modules=sections).start()
        self.server.office(bridge="lan0")
        self.process = self.server.process
        self.stop = self.server.stop

    def profile(self, client, user):
        with open(self.authority) as file:
            ca = file.read()
        given = self.server.profile(user=user, device=client.device, transport=client.transport)
        return client.cipher.announced_by(given.embedding(ca=ca).replacing(verify_x509_name=None))


class TheirOpenVPN:
    """The real openvpn server with `client-to-client`: clients of one kind."""

    name = "openvpn"

    def __init__(self, lab, kind):
        cipher = kind.cipher
        self.server = OpenVPNServer(lab, kind.device, kind.transport, cipher.name, cipher.auth).start()
        self.process = self.server.process
        self.stop = self.server.stop

    def profile(self, client, user):
        return client.cipher.announced_by(self.server.profile())

    @staticmethod
    def version():
        said = subprocess.run(["openvpn", "--version"], capture_output=True, text=True).stdout
        return f"openvpn {said.split()[1]}"


class TheirSoftEther:
    """The real vpnserver, which speaks several protocols, too."""

    name = "vpnserver"

    def __init__(self, lab):
        self.server = SoftEtherServer(lab, psk=PSK).start()
        self.process = self.server.process
        self.stop = self.server.stop

    def profile(self, client, user):
        given = self.server.profile(client.cipher.name, client.device)
        return client.cipher.announced_by(given)

    @staticmethod
    def version():
        said = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Version}", "softether-vpnserver"], capture_output=True, text=True
        )
        return f"vpnserver {said.stdout.split('+')[0]}"


class Stage:
    """The lab, and guests that stay from one transfer to the next."""

    def __init__(self, lab):
        self.lab = lab
        self._guests = {}

    def guest(self, where):
        if where not in self._guests:
            self._guests[where] = Guest(self.lab, where)
        return self._guests[where]


# MARK: Kinds of clients


class OpenVPN:
    def __init__(self, device, arguments):
        self.device = device
        self.cipher = Cipher(arguments.cipher, arguments.auth)
        self.transport = arguments.transport or "udp"

    def __str__(self):
        return f"OpenVPN {self.device} over {self.transport.upper()} with {self.cipher}"

    def connect(self, stage, server, where, user):
        client = openvpn.Client(stage.lab, where, server.profile(self, user), user, password(user)).up()
        used = client.cipher()[0]
        if used != self.cipher.name:
            raise Failure(f"the client uses {used} instead of {self.cipher}")
        return client, InNamespace(stage.lab, where)

    def floor(self):
        return floor(self.cipher.name, PACKET)


class SoftEther:
    # What clients and servers agree on in TLS, and what UDP acceleration has.
    TLS = "AES-256-GCM", 16_384
    ACCELERATION = "ChaCha20-Poly1305", PACKET

    def __init__(self, arguments):
        self.connections = arguments.connections
        self.accelerated = arguments.transport == "udp"

    def __str__(self):
        return f"SoftEther with {'UDP acceleration' if self.accelerated else f'{self.connections} TCP'}"

    def connect(self, stage, server, where, user):
        client = softether.Client(
            stage.lab, where, user, password(user), MAXTCP=self.connections,
            DISABLEUDP="no" if self.accelerated else "yes",
        ).up()  # fmt: skip
        wait_until(60, lambda: client.connections() == self.connections, "all TCP connections")
        if self.accelerated:
            shown = "UDP Acceleration is Active"
            wait_until(60, lambda: client.status().get(shown) == "Yes", "UDP acceleration")
        return client, InNamespace(stage.lab, where)

    def floor(self):
        return floor(*(self.ACCELERATION if self.accelerated else self.TLS))


class L2TP:
    # What both servers take.
    IKE = "aes256-sha1-modp2048"
    ESP = "aes256-sha1"

    def __init__(self, arguments):
        pass

    def __str__(self):
        return f"L2TP over IPsec with {self.ESP}"

    def connect(self, stage, server, where, user):
        guest = stage.guest(where)
        client = l2tp.Client(guest, f"{user}@LAB", password(user), psk=PSK, ike=self.IKE, esp=self.ESP)
        return client.up(), InGuest(guest)

    def floor(self):
        digest = floor("sha1", PACKET, "-hmac")[0]
        return [cost + digest for cost in floor("aes-256-cbc", PACKET)]


class SSTP:
    def __init__(self, arguments):
        pass

    def __str__(self):
        return "SSTP"

    def connect(self, stage, server, where, user):
        guest = stage.guest(where)
        client = sstp.Client(guest, server.authority, f"{user}@LAB", password(user))
        return client.up(), InGuest(guest)

    def floor(self):
        return floor("AES-256-GCM", PACKET)


class LANHost:
    """No client: the host of the LAN to which the hub is bridged."""

    def __str__(self):
        return "the LAN"

    def connect(self, stage, server, where, user):
        return self, InNamespace(stage.lab, "lan", serves=True)

    def address(self):
        return LAN

    def down(self):
        pass

    def floor(self):
        return 0, 0


KINDS = {
    "openvpn": lambda arguments: OpenVPN("tun", arguments),
    "openvpn-tap": lambda arguments: OpenVPN("tap", arguments),
    "softether": SoftEther,
    "l2tp": L2TP,
    "sstp": SSTP,
    "lan": lambda arguments: LANHost(),
}


class Contest:
    """A transfer from a client of one kind to one of another, and the servers that carry it."""

    def __init__(self, sender, receiver, arguments):
        self.names = (sender, receiver)
        self.sides = [KINDS[name](arguments) for name in self.names]
        if sender == receiver and sender.startswith("openvpn"):
            self.reference = TheirOpenVPN
        elif "sstp" in self.names:
            # Debian's vpnserver never answers SSTP's opening.
            self.reference = None
        else:
            self.reference = TheirSoftEther

    def __str__(self):
        return " to ".join(str(side) for side in self.sides)

    def server(self, lab, kind):
        return kind(lab, self.sides[0]) if kind is TheirOpenVPN else kind(lab)

    def floor(self):
        """CPU seconds for 1e9 octets: what the first one has sealed is opened, and sealed for the second."""
        sender, receiver = self.sides
        return sender.floor()[1] + receiver.floor()[0]


def floor(name, size, kind="-evp"):
    """CPU seconds for 1e9 octets in packets of `size`: sealed, and opened."""
    costs = []
    command = ["openssl", "speed", "-mr", "-seconds", "2", "-bytes", str(size), kind, name]
    for direction in ([], ["-decrypt"]) if kind == "-evp" else ([],):
        said = subprocess.run([*command, *direction], capture_output=True, text=True)
        rate = re.search(r"^\+F:\d+:[^:]+:([\d.]+)", said.stdout, re.M)
        if not rate:
            raise Failure(f"openssl speed has no rate for {name}: {said.stderr.strip().splitlines()[-1:]}")
        costs.append(1e9 / float(rate[1]))
    return costs

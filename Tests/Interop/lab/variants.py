"""The ways in which one tunnel can differ: data channel ciphers, and wraps of the control channel."""

from . import credentials
from .network import LAN
from .openvpn import Client, silent_binary
from .polyhub import Polyhub, password
from .processes import expect


class Cipher:
    """A data channel cipher; `auth` is the digest, which only CBC uses."""

    def __init__(self, name, auth="SHA1"):
        self.name = name
        self.auth = auth
        self.is_aead = not name.endswith("CBC")

    def __str__(self):
        return self.name if self.is_aead else f"{self.name}/{self.auth}"

    def announced_by(self, profile):
        """The profile of a client that wants this cipher and no other.

        `data-ciphers` is all it announces; `cipher` and the fallback are what it uses where nothing
        is negotiated, and what its options string says.
        """
        return profile.replacing(
            cipher=self.name, data_ciphers=self.name, data_ciphers_fallback=self.name, auth=self.auth
        )


CIPHERS = [
    Cipher("AES-256-GCM"),
    Cipher("AES-128-GCM"),
    Cipher("CHACHA20-POLY1305"),
    Cipher("AES-256-CBC", "SHA1"),
    Cipher("AES-256-CBC", "SHA256"),
    Cipher("AES-128-CBC", "SHA1"),
    Cipher("AES-128-CBC", "SHA256"),
]


class Wrap:
    """A wrap of the control channel: how its keys are made, and how each side is told of them."""

    def __init__(self, name, make, client_key=None, direction=False):
        self.name = name
        self.make = lambda lab: make(lab.path(f"{name}.key"))
        self._client_key = client_key
        self.direction = direction

    def __str__(self):
        return f"{self.name}/directed" if self.direction else self.name

    def server_lines(self, key):
        return [f"{self.name} {key}{' 0' if self.direction else ''}"]

    def client(self, profile, key):
        """The profile with the client's key in it."""
        if self._client_key:
            key = self._client_key(key, f"{key}.client")
        profile = profile.replacing(tls_auth=None, tls_crypt=None, tls_crypt_v2=None)
        if self.direction:
            profile = profile.replacing(key_direction="1")
        return profile.embedding(**{self.name.replace("-", "_"): credentials.read(key)})


WRAPS = [
    Wrap("tls-auth", credentials.static_key),
    Wrap("tls-auth", credentials.static_key, direction=True),
    Wrap("tls-crypt", credentials.static_key),
    Wrap("tls-crypt-v2", credentials.tls_crypt_v2_server_key, credentials.tls_crypt_v2_client_key),
]


def check_tunnel(client, target, cipher):
    """The cipher is the one asked for; packets of all sizes and a megabyte of TCP come through whole."""
    lab = client.lab
    name, auth = client.cipher()
    expect(name == cipher.name, f"{name} was negotiated instead of {cipher}")
    expect(cipher.is_aead or auth == cipher.auth, f"{auth} was used instead of {cipher.auth}")
    expect(lab.ping(client.where, target), f"no ping with {cipher}")
    expect(lab.ping(client.where, target, "-s", "1400"), f"no ping of 1400 octets with {cipher}")
    expect(lab.ping(client.where, target, "-s", "4000", count=2), f"no ping in fragments with {cipher}")
    path = lab.path(f"{client.where}-fetched")
    lab.run(
        client.where,
        "curl",
        "-sS",
        "--fail",
        "--interface",
        client.device,
        "--max-time",
        "20",
        "-o",
        path,
        f"http://{target}/megabyte",
        seconds=25,
    )
    with open(path, "rb") as file:
        expect(file.read() == bytes(range(256)) * 4096, f"a page changed on its way with {cipher}")


def every_cipher(lab, device, transport, silent=False):
    """One client after the other, a cipher each, through a hub that is bridged to a LAN."""
    lab.start_lan()
    server = Polyhub(lab).start().office(bridge="lan0")
    profile = server.profile(device=device, transport=transport)
    binary = silent_binary(lab) if silent else "openvpn"
    for cipher in CIPHERS:
        with Client(
            lab, "c1", cipher.announced_by(profile), "user1@LAB", password("user1"), binary
        ) as client:
            check_tunnel(client, LAN, cipher)
            expect(client.address().startswith("10.88.0."), f"{client.address()} is not of the LAN")
            listed = server.sessions("user1")
            expect(listed[-1]["cipher"] == cipher.name, f"listed with {cipher} is: {listed}")
    server.stop()

"""The real openvpn 2.6 server: it proves the drivers, and is what `scripts/bench` compares with."""

from .credentials import Authority, read
from .network import SERVER
from .profile import Profile

PORT = 1294


class OpenVPNServer:
    """One server process: one transport and one kind of device, as openvpn is."""

    def __init__(self, lab, device="tun", transport="udp", data_ciphers="AES-256-GCM", auth="SHA1", extra=()):
        self.lab = lab
        self.device = device
        self.transport = transport
        self.extra = list(extra)
        authority = Authority(lab.path("reference-ca"))
        certificate, key = authority.issue("reference", "serverAuth")
        self.authority = authority
        addresses = "server 10.99.1.0 255.255.255.0" if device == "tun" else "mode server"
        self.config = lab.write(
            "reference.conf",
            "\n".join(
                [
                    addresses,
                    "tls-server",
                    "topology subnet",
                    f"dev-type {device}",
                    "dev ovpns",
                    f"proto {'tcp-server' if transport == 'tcp' else 'udp'}",
                    f"port {PORT}",
                    f"ca {authority.certificate}",
                    f"cert {certificate}",
                    f"key {key}",
                    "dh none",
                    "username-as-common-name",
                    "duplicate-cn",
                    "script-security 3",
                    "client-to-client",
                    f"auth-user-pass-verify {self._checker()} via-file",
                    "keepalive 10 60",
                    f"data-ciphers {data_ciphers}",
                    f"auth {auth}",
                    "verb 4",
                    *self.extra,
                    "",
                ]
            ),
        )
        if "verify-client-cert require" not in self.extra:
            with open(self.config, "a") as file:
                file.write("verify-client-cert none\n")
        self.process = None

    def start(self):
        self.process = self.lab.spawn(
            "srv", "reference", ["openvpn", "--config", self.config, "--disable-dco"]
        )
        self.process.wait_log(10, "Initialization Sequence Completed")
        if self.device == "tap":
            self._bridge()
        return self

    def stop(self):
        self.process.stop()

    @property
    def target(self):
        """An address that a client reaches through the tunnel."""
        return "10.99.1.1" if self.device == "tun" else "10.88.0.1"

    def profile(self):
        return Profile(
            "\n".join(
                [
                    "client",
                    f"dev {self.device}",
                    f"proto {self.transport}",
                    f"remote {SERVER} {PORT}",
                    "nobind",
                    "auth-user-pass",
                    "remote-cert-tls server",
                    f"<ca>\n{read(self.authority.certificate)}</ca>",
                    "",
                ]
            )
        )

    def _checker(self):
        """Any name, as long as the password is that of the user's number; `who@hub` counts as who."""
        script = (
            '#!/bin/sh\n{ read -r name; read -r secret; } <"$1"\n'
            'name=${name%%@*}\n[ "$secret" = "pass-${name#user}-secret" ]\n'
        )
        return self.lab.write("check-password", script, 0o755)

    def _bridge(self):
        """The tap device and the LAN's port, one segment."""
        for argv in (
            ["link", "add", "lanbr", "type", "bridge"],
            ["link", "set", "lanbr", "up"],
            ["link", "set", "lan0", "master", "lanbr"],
            ["link", "set", "ovpns", "master", "lanbr", "up"],
        ):
            self.lab.run("srv", "ip", *argv)

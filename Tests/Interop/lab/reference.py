"""The real openvpn 2.6 server, which proves the drivers, and the real SoftEther vpnserver 5: what
`scripts/bench` compares with."""

import os

from .credentials import Authority, read
from .network import SERVER
from .polyhub import password
from .processes import expect, wait_until
from .profile import Profile
from .softether import private

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


class SoftEtherServer:
    """The vpnserver of Debian in namespace `where`. `setup`: what vpncmd is told first; otherwise there is
    hub LAB, whose users' passwords are those of our own server, bridged to the LAN's port. It serves OpenVPN,
    too, and with a key (of nine characters at most) L2TP."""

    OPENVPN_PORT = 1194
    PROGRAM = "/usr/libexec/softether/vpnserver/vpnserver"
    ADMIN = "localhost:5555"

    def __init__(self, lab, where="srv", setup=None, psk=None):
        self.lab = lab
        self.where = where
        self.setup = setup or self.office()
        self.psk = psk
        if psk:
            self.setup = [f"IPsecEnable /L2TP:yes /L2TPRAW:no /ETHERIP:no /PSK:{psk} /DEFAULTHUB:LAB", *self.setup]
        self.process = None

    def profile(self, cipher, device="tun"):
        """For OpenVPN clients. The server cannot negotiate: it takes what it is told."""
        # An argument that begins with a slash would be an option: a path of the working directory.
        get = f"vpncmd {self.ADMIN} /SERVER /CMD ServerCertGet reference.pem"
        self.lab.run(self.where, "sh", "-c", f"cd {self.lab.directory} && {get}")
        return Profile(
            "\n".join(
                [
                    "client",
                    f"dev {device}",
                    "proto udp",
                    f"remote {SERVER} {self.OPENVPN_PORT}",
                    "nobind",
                    "auth-user-pass",
                    f"cipher {cipher}",
                    f"data-ciphers {cipher}",
                    f"data-ciphers-fallback {cipher}",
                    f"<ca>\n{read(self.lab.path('reference.pem'))}</ca>",
                    "",
                ]
            )
        )

    @staticmethod
    def office(users=("user1", "user2")):
        setup = [
            "ProtoOptionsSet OpenVPN /NAME:Enabled /VALUE:true",
            "HubCreate LAB /PASSWORD:",
            "BridgeCreate LAB /DEVICE:lan0 /TAP:no",
            "Hub LAB",
        ]
        for user in users:
            setup.append(f"UserCreate {user} /GROUP:none /REALNAME:none /NOTE:none")
            setup.append(f"UserPasswordSet {user} /PASSWORD:{password(user)}")
        return setup

    def start(self):
        folder = self.lab.path("vpnserver")
        mounts = private(folder)
        # A setting that is left out does not get the program's default: without listeners nothing listens.
        with open(os.path.join(folder, "-var-lib-softether", "vpn_server.config"), "w") as file:
            file.write(VPNSERVER_CONFIG)
        self.process = self.lab.spawn(
            self.where, "vpnserver", ["sh", "-c", f"{mounts} && exec {self.PROGRAM} execsvc"]
        )
        wait_until(20, lambda: "successfully" in self.command("ServerInfoGet"), "vpnserver to answer")
        said = self.command(file=self.lab.write("vpnserver.setup", "\n".join([*self.setup, ""])))
        expect("Error" not in said, f"vpnserver: {said}")
        # It listens a moment after it has said so.
        ports = [self.OPENVPN_PORT, *([500, 4500] if self.psk else [])]
        for port in ports:
            listens = ("sh", "-c", f"ss -Hlnu sport = :{port} | grep -q .")
            wait_until(10, lambda: self.lab.succeeds(self.where, *listens), f"the vpnserver's UDP port {port}")
        return self

    def stop(self):
        # The program is a supervisor: ended first, it would leave its child behind.
        self.process.discard()

    def command(self, *words, file=None):
        """What vpncmd says to one command, or to those of a file."""
        task = [f"/IN:{file}"] if file else ["/CMD", *words]
        return self.lab.run(self.where, "vpncmd", self.ADMIN, "/SERVER", *task, seconds=60, check=False)


VPNSERVER_CONFIG = """declare root
{
\tdeclare DDnsClient
\t{
\t\tbool Disabled true
\t}
\tdeclare ListenerList
\t{
\t\tdeclare Listener0
\t\t{
\t\t\tbool Enabled true
\t\t\tuint Port 443
\t\t}
\t\tdeclare Listener1
\t\t{
\t\t\tbool Enabled true
\t\t\tuint Port 5555
\t\t}
\t}
\tdeclare ServerConfiguration
\t{
\t\tstring PortsUDP 1194
\t\tstring UsernameHubSeparator @
\t\tbool DisableNatTraversal true
\t\tbool DisableDosProtection true
\t\tbool DisableGetHostNameWhenAcceptTcp true
\t\tbool UseKeepConnect false
\t}
}
"""

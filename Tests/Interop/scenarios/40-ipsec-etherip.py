"""Proves that EtherIP under strongSwan's IKEv1 and ESP is a place on a hub, by address, load and goodbye."""

import json
import sys

from lab import etherip
from lab.lease import lease
from lab.network import LAN, SERVER
from lab.polyhub import Polyhub
from lab.processes import expect, wait_until
from lab.strongswan import StrongSwan
from lab.traffic import received

PSK = "a long secret of the lab"
SUITES = (
    ("aes256-sha256-modp2048", "aes256-sha256"),
    ("aes128-sha1-ecp256", "aes128gcm16"),
    ("aes256-sha384-ecp384", "aes256-sha512-ecp384"),
)


def run(lab):
    lab.start_lan()
    listen = ["udp://0.0.0.0:500", "udp://0.0.0.0:4500", "ip://0.0.0.0:50"]
    server = Polyhub(lab, modules={"ipsec": {"library": "IPsec", "listen": listen, "psk": PSK}}).start()
    server.office(bridge="lan0", users=())
    server.ctl("user", "create", "LAB", "site1", "--ike-id", "site-1.example")
    for ike, esp in SUITES:
        connection(lab, server, ike, esp)
    stranger(lab, server)
    server.stop()


def connection(lab, server, ike, esp):
    client = StrongSwan(lab, "c1", "site-1.example", PSK, ike=ike, esp=esp).start().connect()
    wait_until(5, lambda: server.sessions("site1"), "a session of site1")
    wire = lab.spawn("c1", "c1-etherip", [sys.executable, etherip.__file__, SERVER, "wire0"])
    wire.wait_log(5, "ready")
    lab.run("c1", "ip", "link", "set", "wire0", "mtu", "1300")
    dhcp = lease(lab, "c1", "wire0")
    expect(lab.address("c1", "wire0").startswith("10.88.0."), f"the address is {lab.address('c1', 'wire0')}")
    expect(lab.ping("c1", LAN), f"no ping with {ike} {esp}")
    expect(lab.ping("c1", LAN, "-s", "3000"), f"no long ping with {ike} {esp}")
    load(lab, ike, esp)
    dhcp.stop()
    client.disconnect()
    wait_until(5, lambda: not server.sessions("site1"), "the end of the session")
    wire.stop()
    client.stop()


def load(lab, ike, esp):
    for direction in ([], ["-R"]):
        report = lab.run(
            "c1", "iperf3", "-c", LAN, "-t", "2", "-J", "--connect-timeout", "5000", *direction, seconds=20
        )
        octets, rate = received(json.loads(report))
        expect(octets > 1_000_000, f"only {octets} octets with {ike} {esp} {direction}")
        print(f"  {ike} {esp} {'down' if direction else 'up'}: {rate:.0f} Mbit/s")


def stranger(lab, server):
    """Who knows the secret but is nobody here gets an SA and no place."""
    client = StrongSwan(lab, "c2", "nobody.example", PSK).start().connect()
    wait_until(5, lambda: "etherip refused" in server.logs(), "the refusal in the log")
    client.disconnect()
    client.stop()
    wrong = StrongSwan(lab, "c2", "site-1.example", "another secret of the lab").start()
    expect(
        "established" not in wrong.control("--initiate", "--child", "hub", "--timeout", "4", check=False),
        "a wrong secret was accepted",
    )
    wait_until(10, lambda: "wrong pre-shared key" in server.logs(), "the wrong key in the log")
    wrong.stop()

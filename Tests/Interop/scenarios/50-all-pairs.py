"""Proves that clients of all seven protocols are on one hub at once and reach each other, in all pairs.

SSTP, SoftEther and OpenVPN over TCP share port 443. The table that is printed has a row for who asks and a
column for who answers.
"""

import os
import sys

from lab import etherip, l2tp, sstp
from lab.guests import Guest
from lab.openvpn import Client as OpenVPN
from lab.network import SERVER
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.softether import Client as SoftEther
from lab.strongswan import LISTEN, PSK, EtherIP, StrongSwan, wire_up

LIMIT = 300
CLIENT_NAMESPACES = 7
SHARED = "0.0.0.0:443"
ROUTERS = ("site-1.example", "site-2.example")


class Peer:
    """A client that is up: how it is called, its address, and how it asks."""

    def __init__(self, name, address, ping):
        self.name = name
        self.address = address
        self.ping = ping


def run(lab):
    lab.start_lan()
    sections, authority = sstp.server_sections(lab)
    sections["softether"] = dict(library="SoftEther", listen=[f"tls://{SHARED}"])
    sections["ipsec"] = dict(library="IPsec", listen=LISTEN, psk=PSK)
    listen = ["udp://0.0.0.0:1194", f"tcp://{SHARED}"]
    server = Polyhub(lab, modules=sections, listen=listen, public_tcp_port=443).start()
    server.office(bridge="lan0", users=[f"user{number}" for number in range(1, 6)])
    for number, identity in enumerate(ROUTERS, 1):
        server.ctl("user", "create", "LAB", f"site{number}", "--ike-id", identity)
    peers = [
        openvpn(lab, server, authority, 1, "tun", "tcp"),
        openvpn(lab, server, authority, 2, "tap", "udp"),
        softether(lab, 3),
        in_guest(lab, sstp.Client, 4, authority),
        in_guest(lab, l2tp.Client, 5),
        routed(lab, "EtherIP", EtherIP(lab, "c6", ROUTERS[0]), 6),
        pseudowire(lab),
    ]
    expect(len(server.ask("session", "list", "LAB")) == len(peers), "not all of them have a session")
    broken = show(peers)
    expect(not broken, f"{', '.join(broken)} do not reach each other")
    server.stop()


def show(peers):
    """Prints the table; the pairs that did not work."""
    width = max(len(peer.name) for peer in peers)
    print("     " + " ".join(peer.name.ljust(width) for peer in [Peer("", "", None), *peers]), flush=True)
    broken = []
    for one in peers:
        cells = [("-" if one is two else "yes" if one.ping(two.address) else "NO") for two in peers]
        broken += [f"{one.name} and {two.name}" for two, cell in zip(peers, cells) if cell == "NO"]
        print("     " + " ".join(text.ljust(width) for text in (one.name, *cells)), flush=True)
    return broken


def routed(lab, name, client, number):
    return Peer(name, client.address(), lambda target: lab.ping(f"c{number}", target, count=2))


def openvpn(lab, server, authority, number, device, transport):
    with open(authority) as file:
        profile = server.profile(user=f"user{number}", device=device, transport=transport)
        profile = profile.embedding(ca=file.read()).replacing(verify_x509_name=None)
    client = OpenVPN(lab, f"c{number}", profile, f"user{number}", password(f"user{number}")).up()
    return routed(lab, f"OpenVPN {device}", client, number)


def softether(lab, number):
    client = SoftEther(lab, f"c{number}", f"user{number}", password(f"user{number}"), MAXTCP=4).up()
    return routed(lab, "SoftEther", client, number)


def in_guest(lab, kind, number, *words):
    user = f"user{number}"
    client = kind(Guest(lab, f"c{number}"), *words, f"{user}@LAB", password(user)).up()
    name = {sstp.Client: "SSTP", l2tp.Client: "L2TP"}[kind]
    return Peer(name, client.address(), lambda target: client.ping(target, count=2))


def pseudowire(lab):
    StrongSwan(lab, "c7", ROUTERS[1], selector="115").start().connect()
    program = os.path.join(os.path.dirname(etherip.__file__), "l2tpv3.py")
    wire = lab.spawn("c7", "c7-l2tpv3", [sys.executable, program, "ip", SERVER, "wire0"])
    wire.wait_log(10, "ready")
    wire_up(lab, "c7")
    wait_until(5, lambda: lab.address("c7", "wire0"), "an address of the pseudowire")
    return Peer("L2TPv3", lab.address("c7", "wire0"), lambda target: lab.ping("c7", target, count=2))

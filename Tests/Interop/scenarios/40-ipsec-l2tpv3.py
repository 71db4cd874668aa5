"""Proves that an Ethernet pseudowire of L2TPv3 under IPsec is a place on a hub, over IP and over UDP."""

import json
import sys

from lab import l2tpv3
from lab.lease import lease
from lab.network import LAN, SERVER
from lab.polyhub import Polyhub
from lab.processes import expect, wait_until
from lab.strongswan import StrongSwan
from lab.traffic import received

PSK = "a long secret of the lab"
TRANSPORTS = (("ip", "115"), ("udp", "udp/1701"))


def run(lab):
    lab.start_lan()
    listen = ["udp://0.0.0.0:500", "udp://0.0.0.0:4500", "ip://0.0.0.0:50"]
    server = Polyhub(lab, modules={"ipsec": {"library": "IPsec", "listen": listen, "psk": PSK}}).start()
    server.office(bridge="lan0", users=())
    server.ctl("user", "create", "LAB", "router1", "--ike-id", "router1@site.example")
    for transport, selector in TRANSPORTS:
        pseudowire(lab, server, transport, selector)
    stranger(lab, server)
    server.stop()


def pseudowire(lab, server, transport, selector):
    client = StrongSwan(lab, "c1", "router1@site.example", PSK, selector=selector).start().connect()
    wire = lab.spawn("c1", f"c1-l2tpv3-{transport}", [sys.executable, l2tpv3.__file__, transport, SERVER, "wire0"])
    wire.wait_log(10, "ready")
    expect(len(server.sessions("router1")) == 1, f"sessions: {server.sessions('router1')}")
    lab.run("c1", "ip", "link", "set", "wire0", "mtu", "1300")
    dhcp = lease(lab, "c1", "wire0")
    expect(lab.ping("c1", LAN), f"no ping over {transport}")
    for direction in ([], ["-R"]):
        report = lab.run(
            "c1", "iperf3", "-c", LAN, "-t", "2", "-J", "--connect-timeout", "5000", *direction, seconds=20
        )
        octets, rate = received(json.loads(report))
        expect(octets > 1_000_000, f"only {octets} octets over {transport} {direction}")
        print(f"  {transport} {'down' if direction else 'up'}: {rate:.0f} Mbit/s")
    dhcp.stop()
    wire.stop()
    expect("over" in wire.log(), f"the router did not end in order: {wire.last_words()}")
    wait_until(5, lambda: not server.sessions("router1"), "the end of the session")
    client.disconnect()
    client.stop()


def stranger(lab, server):
    """Who knows the secret but is nobody here is told so."""
    client = StrongSwan(lab, "c2", "nobody@site.example", PSK, selector="115").start().connect()
    wire = lab.spawn("c2", "c2-l2tpv3", [sys.executable, l2tpv3.__file__, "ip", SERVER, "wire0"])
    wire.wait_log(10, "refused by message 14")
    wire.wait(5)
    client.disconnect()
    client.stop()

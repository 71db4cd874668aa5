"""Proves that an Ethernet pseudowire of L2TPv3 under IPsec is a place on a hub, over IP and over UDP."""

import os
import sys

from lab import etherip
from lab.network import LAN, SERVER
from lab.processes import expect, wait_until
from lab.strongswan import WIRE, StrongSwan, serve, wire_up
from lab.traffic import both_ways

LIMIT = 180
IDENTITY = "router1@site.example"
PROGRAM = os.path.join(os.path.dirname(etherip.__file__), "l2tpv3.py")
TRANSPORTS = (("ip", "115"), ("udp", "udp/1701"))


def run(lab):
    server = serve(lab, [IDENTITY])
    for transport, selector in TRANSPORTS:
        pseudowire(lab, server, transport, selector)
    stranger(lab)
    server.stop()


def router(lab, where, transport):
    program = [sys.executable, PROGRAM, transport, SERVER, WIRE]
    return lab.spawn(where, f"{where}-l2tpv3-{transport}", program)


def pseudowire(lab, server, transport, selector):
    client = StrongSwan(lab, "c1", IDENTITY, selector=selector).start().connect()
    wire = router(lab, "c1", transport)
    wire.wait_log(10, "ready")
    expect(len(server.sessions("site1")) == 1, f"sessions: {server.sessions('site1')}")
    dhcp = wire_up(lab, "c1")
    expect(lab.ping("c1", LAN), f"no ping over {transport}")
    for octets, rate in both_ways(lab, "c1", LAN):
        expect(octets > 1_000_000, f"only {octets} octets over {transport}")
        print(f"  {transport}: {rate:.0f} Mbit/s")
    dhcp.stop()
    wire.stop()
    expect("over" in wire.log(), f"the router did not end in order: {wire.last_words()}")
    wait_until(5, lambda: not server.sessions("site1"), "the end of the session")
    client.disconnect()
    client.stop()


def stranger(lab):
    """Who knows the secret but is nobody here is told so."""
    client = StrongSwan(lab, "c2", "nobody@site.example", selector="115").start().connect()
    wire = router(lab, "c2", "ip")
    wire.wait_log(10, "refused by message 14")
    wire.wait(5)
    client.disconnect()
    client.stop()

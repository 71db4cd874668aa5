"""Proves that two sites behind one NAT are in the hub at once, reach each other, and leave one by one.

One to whom the NAT gives another port goes on, with the session that it has.
"""

import time

from lab.network import LAN
from lab.processes import expect, wait_until
from lab.strongswan import NAT, WIRE, EtherIP, serve
from lab.traffic import Load, received

# Seconds of silence.
FORGETS = 2
MOVED = 'add rule ip hide out oifname "srv" meta l4proto udp masquerade to :30000-40000'


def run(lab):
    server = serve(lab, ["site-1.example", "site-2.example"])
    lab.run("inet", "nft", NAT)
    for kind in ("timeout", "timeout_stream"):
        lab.run("inet", "sh", "-c", f"echo {FORGETS} >/proc/sys/net/netfilter/nf_conntrack_udp_{kind}")
    one = EtherIP(lab, "c1", "site-1.example")
    two = EtherIP(lab, "c2", "site-2.example")
    outside = {server.sessions(user)[0]["outside"].rsplit(":", 1)[0] for user in ("site1", "site2")}
    expect(outside == {"10.77.9.1"}, f"they come from {outside}")
    for where, address in (("c1", two.address()), ("c2", one.address()), ("c1", LAN), ("c2", LAN)):
        expect(lab.ping(where, address), f"{where} does not reach {address}")
    octets, _ = received(Load(lab, "c1", "c2", two.address(), 2).finish())
    expect(octets > 1_000_000, f"only {octets} octets from one to the other")
    one.down()
    wait_until(5, lambda: not server.sessions("site1"), "the end of the first session")
    expect(lab.ping("c2", LAN), "the second site went with the first one")
    another_mapping(lab, server)
    two.down()
    server.stop()


def another_mapping(lab, server):
    """The NAT forgets who is silent, and has moved on when he comes again."""
    before = server.sessions("site2")[0]
    lab.run("inet", "nft", f"flush table ip hide; {MOVED}")
    time.sleep(2 * FORGETS)
    wait_until(5, lambda: lab.ping("c2", LAN, count=1), "an echo by the new mapping")
    after = server.sessions("site2")[0]
    expect(after["id"] == before["id"], "it is another session")
    expect(after["outside"] != before["outside"], f"the outside address stays {after['outside']}")
    expect(lab.ping("lan", lab.address("c2", WIRE)), "the LAN does not reach the site any more")

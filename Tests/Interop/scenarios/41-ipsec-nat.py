"""Proves that two sites behind one NAT are in the hub at once, reach each other, and leave one by one."""

from lab.network import LAN
from lab.processes import expect, wait_until
from lab.strongswan import NAT, EtherIP, serve
from lab.traffic import Load, received


def run(lab):
    server = serve(lab, ["site-1.example", "site-2.example"])
    lab.run("inet", "nft", NAT)
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
    two.down()
    server.stop()

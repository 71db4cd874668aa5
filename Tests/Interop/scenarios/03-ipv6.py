"""Proves that a real OpenVPN client in tun mode has IPv6 on a LAN whose router advertises a prefix, and that
it leases an address where that router says so.

The client has an address of the LAN's prefix, reaches a host of the LAN and one behind its router, and is
reached by them; TCP passes, its DNS server and its search list are the LAN's. A packet from an address that
is not its own stays behind, and the address of a lease is given back.
"""

from lab import ipv6
from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until

LIMIT = 60


def run(lab):
    lab.start_lan()
    ipv6.enable(lab, "c1")
    ipv6.wire(lab)
    router = ipv6.start_router(lab)
    server = Polyhub(lab).start().office(bridge="lan0")
    profile = server.profile()
    with Client(lab, "c1", profile, "user1", password("user1")) as client:
        own = tunnel(lab, client)
        expect(own.startswith(ipv6.PREFIX), f"{own} is not of the LAN's prefix")
        expect(own in server.ctl("address", "list", "LAB"), f"{own} is not listed")
        spoofed(lab, own)
    router.stop()

    router = ipv6.start_router(lab, leases=True)
    with Client(lab, "c1", profile, "user1", password("user1")) as client:
        own = tunnel(lab, client)
        expect(own.startswith(f"{ipv6.PREFIX}:1"), f"{own} is not of the pool")
        expect(f"DHCPREPLY(eth0) {own}" in router.log(), f"the router has not leased {own}")
    wait_until(5, lambda: "DHCPRELEASE(eth0)" in router.log(), "the release of the lease")
    server.stop()


def tunnel(lab, client):
    own = ipv6.address(lab, "c1", client.device)
    expect(own, f"no IPv6 address; pushed was {client.pushed()}")
    pushed = client.pushed()
    expect(f"dhcp-option DNS6 {ipv6.LAN}" in pushed, f"pushed was {pushed}")
    expect("redirect-gateway def1 ipv6" in pushed, f"pushed was {pushed}")
    ipv6.both_ways(lab, lambda target: lab.ping("c1", target), own)
    expect(lab.ping("c1", ipv6.LAN, "-s", "1400"), "no long echo")
    url = f"http://[{ipv6.LAN}]/megabyte"
    fetch = ["curl", "-sS", "--fail", "--max-time", "10", "-o", "/dev/null", "-w", "%{size_download}", url]
    expect(lab.run("c1", *fetch) == "1048576", "TCP does not pass")
    return own


def spoofed(lab, own):
    other = f"{ipv6.PREFIX}:bad"
    lab.run("c1", "ip", "address", "add", f"{other}/128", "dev", "vpn0", "nodad")
    expect(not lab.ping("c1", ipv6.LAN, "-I", other, count=1), "an address that is not the client's passes")
    expect(lab.ping("c1", ipv6.LAN, "-I", own), "the client's own address does not pass any more")

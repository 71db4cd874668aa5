"""IPv6 in the lab, which is without elsewhere: on the LAN, behind it, and where the clients are.

  c1 == tunnel == [srv] lan0 ------ eth0 [lan] eth1 ------ eth1 [outside]
                            2001:db8:88::/64     2001:db8:99::/64
                       dnsmasq is the LAN's router, and serves DHCPv6 where it is told to
"""

from .processes import wait_until

PREFIX = "2001:db8:88:"
LAN = "2001:db8:88::1"
OUTSIDE = "2001:db8:99::2"
DOMAIN = "six.example"


def enable(lab, namespace):
    """Addresses are good at once: a router must not say anything in the name of one that it still probes."""
    script = (
        "cd /proc/sys/net/ipv6/conf; for f in all default eth0; do echo 0 >$f/accept_dad; done;"
        "for f in all default lo eth0; do echo 0 >$f/disable_ipv6; done"
    )
    lab.run(namespace, "sh", "-c", script)


def wire(lab):
    """The LAN and a host behind it, without anybody who says so."""
    for namespace in ("lan", "outside"):
        enable(lab, namespace)
    lab.run("lan", "sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
    lab.wire_outside()
    lab.run("lan", "ip", "address", "add", f"{LAN}/64", "dev", "eth0", "nodad")
    lab.run("lan", "ip", "address", "add", "2001:db8:99::1/64", "dev", "eth1", "nodad")
    lab.run("outside", "ip", "address", "add", f"{OUTSIDE}/64", "dev", "eth1", "nodad")
    lab.run("outside", "ip", "route", "add", "2001:db8:88::/64", "via", "2001:db8:99::1")


def start_router(lab, leases=False):
    """The LAN's router advertises its prefix, or leases addresses of it. Returns it."""
    pool = f"{PREFIX}:1000,{PREFIX}:1fff,64,10m" if leases else f"{PREFIX}:,ra-only"
    router = lab.spawn(
        "lan",
        "lan-router",
        [
            "dnsmasq",
            "--no-daemon",
            "--conf-file=/dev/null",
            "--interface=eth0",
            "--bind-interfaces",
            "--port=0",
            "--log-dhcp",
            "--enable-ra",
            f"--dhcp-range={pool}",
            f"--dhcp-option=option6:dns-server,[{LAN}]",
            f"--dhcp-option=option6:domain-search,{DOMAIN}",
            f"--dhcp-leasefile={lab.path('lan', 'leases6')}",
            f"--pid-file={lab.path('lan', 'router.pid')}",
        ],
    )
    router.wait_log(5, "router advertisement")
    return router


def address(lab, namespace, device):
    """The first IPv6 address of a device that is good beyond its link; None where there is none."""
    shown = ["ip", "-6", "-o", "address", "show", "dev", device, "scope", "global"]
    words = lab.run(namespace, *shown, check=False).split()
    return words[3].split("/")[0] if len(words) > 3 else None


def both_ways(lab, ping, client_address):
    """Echoes to the LAN and beyond it, and back."""
    for target in (LAN, OUTSIDE):
        wait_until(5, lambda: ping(target), f"echoes from {target}")
    for namespace in ("lan", "outside"):
        wait_until(5, lambda: lab.ping(namespace, client_address), f"echoes from the client in {namespace}")

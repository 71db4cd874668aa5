"""An address by DHCP on a device of a client, as the operating system of a layer-2 client gets it."""

SCRIPT = """#!/bin/sh
# Sets the address alone: no default route, no resolv.conf.
case $1 in
deconfig) ip address flush dev "$interface" scope global ;;
bound) ip address flush dev "$interface" scope global
       ip address add "$ip/${mask:-24}" dev "$interface" ;;
esac
"""


def lease(lab, where, device):
    """Take an address, and go on renewing it; the process, which gives it back when it is stopped."""
    lab.run(where, "ip", "link", "set", device, "up")
    script = lab.write("udhcpc-event", SCRIPT, 0o755)
    argv = ["busybox", "udhcpc", "-f", "-R", "-i", device, "-t", "10", "-T", "2", "-n", "-s", script]
    process = lab.spawn(where, f"{where}-udhcpc", argv)
    process.wait_log(25, "obtained")
    return process

"""Proves that the OpenVPN module is replaced under traffic: twenty times in a row, and no client notices.

A UDP client at layer 3 and a TCP client at layer 2; a transfer between them, and 500 pings a second from the
first to a host in the hub's network. Nobody connects anew, no ping is lost, the transfer goes on as before
the first swap, lanes do not pause for 5 ms, and memory grows by no more than the images that stay mapped.
"""

import time

from lab.network import LAN
from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect
from lab.swapping import Swaps
from lab.traffic import Load, Ping, interval_rates, longest_pause, received

SWAPS = 20
LIMIT = 180
ALONE = True


def run(lab):
    lab.start_lan()
    server = Polyhub(lab).start().office(bridge="lan0")
    tun = server.profile(user="user1")
    tap = server.profile(user="user2", device="tap", transport="tcp")
    with Client(lab, "c1", tun, "user1", password("user1")) as one, Client(
        lab, "c2", tap, "user2", password("user2")
    ) as two:
        load = Load(lab, "c1", "c2", two.address(), SWAPS + 6, "-b", "60M")
        ping = Ping(lab, "c1", LAN, SWAPS + 4)
        time.sleep(2)
        swaps = Swaps(lab, server, range(SWAPS))
        lost = swaps.lost(ping)
        report = load.finish()
        _, megabits = received(report)
        at_first = interval_rates(report)[1]
        print(f"{megabits:.0f} Mbit/s, and {at_first:.0f} before the swaps")
        expect(not lost, "pings were lost")
        expect(longest_pause(report) == 0, "the transfer stood still for a second")
        expect(megabits > 0.8 * at_first, f"{megabits:.0f} Mbit/s, and {at_first:.0f} before the swaps")
        swaps.expect_images_only()
        for client in (one, two):
            expect(client.connections() == 1, f"{client.where} connected anew")
        expect(swaps.carried() == SWAPS * [2], f"{swaps.reports}")
        swaps.expect_short_pauses(5000)
    server.stop()

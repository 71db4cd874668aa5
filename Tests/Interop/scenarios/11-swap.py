"""Proves that the OpenVPN module is replaced under traffic: twenty times in a row, and no client notices.

A UDP client at layer 3 and a TCP client at layer 2; a transfer between them, and 500 pings a second from the
first to a host in the hub's network. Nobody connects anew, no ping is lost, the transfer does not stop, no
lane pauses for 5 ms, and memory grows by what the images cost that stay mapped.
"""

import time

from lab.network import LAN
from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect
from lab.swapping import swap
from lab.traffic import Load, longest_pause, received

SWAPS = 20
LIMIT = 180


def run(lab):
    lab.start_lan()
    server = Polyhub(lab).start().office(bridge="lan0")
    tun = server.profile(user="user1")
    tap = server.profile(user="user2", device="tap", transport="tcp")
    with Client(lab, "c1", tun, "user1", password("user1")) as one, Client(
        lab, "c2", tap, "user2", password("user2")
    ) as two:
        load = Load(lab, "c1", "c2", two.address(), SWAPS + 6, "-b", "60M")
        ping = lab.spawn("c1", "c1-ping", ["ping", "-q", "-i", "0.002", "-w", str(SWAPS + 4), LAN])
        time.sleep(2)
        before = server.resident()
        reports = []
        for number in range(SWAPS):
            reports.append(swap(lab, server, number))
            time.sleep(0.5)
        grown = server.resident() - before
        expect(ping.wait(60) == 0, "ping failed")
        report = load.finish()
        octets, megabits = received(report)
        lanes = [lane for each in reports for lane in each["lanes"]]
        pause = max(lane["longestPauseMicroseconds"] for lane in lanes)
        print(f"longest pause {pause} us, {megabits:.0f} Mbit/s, {grown // SWAPS} kB a swap")
        print(ping.log().strip().splitlines()[-2])
        expect(" 0% packet loss" in ping.log(), f"pings were lost: {ping.log()}")
        expect(longest_pause(report) == 0, "the transfer stood still for a second")
        for client in (one, two):
            expect(client.connections() == 1, f"{client.where} connected anew")
        expect(all(sum(lane["carried"] for lane in each["lanes"]) == 2 for each in reports), f"{reports}")
        expect(pause < 5000, f"a lane paused for {pause} us")
    server.stop()

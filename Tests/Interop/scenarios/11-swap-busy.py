"""Proves that a swap meets handshakes and renegotiations without harm.

Two clients that ask for new keys every 5 seconds with a transfer between them, a crowd of clients that
connects at the same time, and a swap every second. Nobody connects anew, every client of the crowd gets in.
"""

import os
import time

from lab.openvpn import Client
from lab.polyhub import Polyhub, password, programs
from lab.processes import expect
from lab.swapping import swap
from lab.traffic import Load, longest_pause

SWAPS = 20
CROWD = 100
LIMIT = 180
ALONE = True


def run(lab):
    server = Polyhub(lab).start().office()
    server.ctl("nat", "enable", "LAB", "--network", "192.168.30.1/24")
    server.ctl("user", "create", "LAB", "user3", "--password", password("user3"))
    one = server.profile().replacing(reneg_sec="5")
    two = server.profile(user="user2", transport="tcp").replacing(reneg_sec="5")
    with Client(lab, "c1", one, "user1", password("user1")) as first, Client(
        lab, "c2", two, "user2", password("user2")
    ) as second:
        load = Load(lab, "c1", "c2", second.address(), SWAPS + 10, "-b", "40M")
        crowds = carried = 0
        crowd = None
        for number in range(SWAPS):
            if crowd is None or crowd.popen.poll() is not None:
                if crowd:
                    expect(crowd.wait(1) == 0, f"openvpn-soak: {crowd.last_words()}")
                crowds += 1
                crowd = lab.spawn("srv", f"crowd-{crowds}", soak())
            report = swap(lab, server, number)
            carried += sum(lane["carried"] for lane in report["lanes"])
            time.sleep(1)
        expect(crowd.wait(100) == 0, f"openvpn-soak: {crowd.last_words()}")
        report = load.finish()
        print(f"{crowds} crowds of {CROWD}, {carried} connections carried over in {SWAPS} swaps")
        expect(carried > 3 * SWAPS, "no swap met the crowd")
        expect(longest_pause(report) <= 2, f"the transfer stood still for {longest_pause(report)} s")
        for client in (first, second):
            expect(client.connections() == 1, f"{client.where} connected anew")
            renewals = client.log().count("Data Channel: ")
            expect(renewals >= 3, f"{client.where} got new keys {renewals} times only")
    server.stop()


def soak():
    program = os.path.join(programs(), "openvpn-soak")
    return [program, "1194", str(CROWD), "user3@LAB", password("user3")]

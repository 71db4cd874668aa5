"""Proves that the SSTP module is replaced under traffic, and no client notices.

The real client, sstpc with pppd, with TCP both ways and 100 pings a second from a host in the hub's network,
through twenty swaps, while another client connects and disconnects time and again. Nobody is thrown out:
the first client has one session and one address, and negotiates once; every visit of the other one leads to
the network. No ping is lost, the transfers go on as before the first swap, lanes do not pause for 20 ms, and
memory grows by no more than the images that stay mapped.
"""

import threading
import time

from lab import sstp
from lab.guests import Guest
from lab.network import LAN
from lab.polyhub import Polyhub, password
from lab.processes import Failure, expect, wait_until
from lab.swapping import described, image_size, swap
from lab.traffic import GuestTransfer, Ping

SWAPS = 20
SECONDS = 30
LIMIT = 240
ALONE = True
# What sstpc and pppd say once of each connection.
NEGOTIATED = ("Connection Established", "authentication succeeded", "local  IP address")


def run(lab):
    lab.start_lan()
    sections, authority = sstp.server_sections(lab)
    server = Polyhub(lab, modules=sections).start().office(bridge="lan0")
    first = sstp.Client(Guest(lab, "c1"), authority, "user1@LAB", password("user1"))
    second = sstp.Client(Guest(lab, "c2"), authority, "user2@LAB", password("user2"))
    try:
        first.up()
        # Three packets, as PPP devices have it, are no room for a transfer.
        first.guest.run(f"ip link set {first.device} txqueuelen 50")
        before = facts(server, first)
        expect(before["connected"] == len(before["sessions"]) == 1, f"the client is {before}")
        grown = swaps(lab, server, first, Visitor(second))
        now = facts(server, first)
        expect(now == before, f"the client was {before}, and is {now}")
        expect(grown * 1024 < SWAPS * image_size("sstp"), f"{SWAPS} swaps took {grown} kB")
        first.down()
        wait_until(10, lambda: not lab.leases(), "the leases to be released")
        expect(not server.sessions("user1") + server.sessions("user2"), "sessions are left behind")
    finally:
        for client in (first, second):
            client.keep_logs(lab, "sstp")
    server.stop()


def swaps(lab, server, first, visitor):
    """The kB by which the server has grown."""
    load = GuestTransfer(first.guest, SECONDS)
    ping = Ping(lab, "lan", first.address(), SECONDS - 3, interval=0.01)
    visitor.start()
    time.sleep(3)
    resident = server.resident()
    reports, times = [], []
    for number in range(SWAPS):
        began = time.time()
        reports.append(swap(lab, server, number, "sstp"))
        times.append((began, time.time()))
        time.sleep(0.5)
    grown = server.resident() - resident
    lost = ping.lost()
    up, down = load.finish()
    visits = visitor.finish()
    lanes = [lane for each in reports for lane in each["lanes"]]
    carried = sum(lane["carried"] for lane in lanes)
    pauses = sorted(lane["longestPauseMicroseconds"] for lane in lanes)
    print(f"longest pauses {pauses[-3:]} us, {grown // SWAPS} kB a swap, {carried} clients carried over")
    print(f"{ping.sent} pings, lost: {[described(when, times) for when in lost]}, {visits} visits")
    for name, rates in (("up", up), ("down", down)):
        middle = sum(rates[3:-1]) / len(rates[3:-1])
        print(f"{name}: {middle:.1f} Mbit/s, and {rates[1]:.1f} before the swaps")
        # One lost segment of a guest's few costs it a second.
        expect(sum(rate == 0 for rate in rates[1:-1]) <= 1, f"the transfer {name} stood still: {rates}")
        expect(middle > 0.8 * rates[1], f"the transfer {name} went slower: {rates}")
    expect(not lost, "pings were lost")
    expect(all(sum(lane["carried"] for lane in each["lanes"]) >= 1 for each in reports), f"{reports}")
    expect(visits >= 2, f"the other client came {visits} times")
    # A machine that runs something else for a while makes a lane wait, too, but not time and again.
    expect(pauses[-3] < 20_000, f"lanes paused for {pauses[-3:]} us")
    return grown


def facts(server, client):
    """What would change if the client connected anew, as it says itself and as the server does."""
    log = client.log()
    return {
        "address": client.address(),
        **{words: log.count(words) for words in NEGOTIATED},
        "sessions": [row["id"] for row in server.sessions("user1")],
        "connected": sum(
            "category=connected" in line and "user=user1 " in line for line in server.logs().splitlines()
        ),
    }


class Visitor(threading.Thread):
    """A client that connects, looks around and leaves, time and again."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client
        self.visits = 0
        self.failure = None
        self.is_over = threading.Event()

    def run(self):
        try:
            while not self.is_over.is_set():
                self.client.up()
                expect(self.client.ping(LAN), "a visitor does not reach the LAN")
                self.client.down()
                self.visits += 1
        except Failure as failure:
            self.failure = failure

    def finish(self):
        """How often it came."""
        self.is_over.set()
        self.join(60)
        if self.failure:
            raise self.failure
        return self.visits

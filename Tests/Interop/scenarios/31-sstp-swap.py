"""Proves that the SSTP module is replaced under traffic, and no client notices.

The real client, sstpc with pppd, with TCP both ways and 100 pings a second from a host in the hub's network,
through twenty swaps, while another client connects and disconnects time and again. Nobody is thrown out:
the first client has one session and one address, and negotiates once; every visit of the other one leads to
the network. No ping is lost, the transfers go on as before the first swap, lanes do not pause for 5 ms, and
memory grows by no more than the images that stay mapped.
"""

import threading
import time

from lab import sstp
from lab.guests import Guest
from lab.network import LAN
from lab.polyhub import Polyhub, password
from lab.processes import Failure, expect, wait_until
from lab.swapping import Swaps
from lab.traffic import GuestTransfer, Ping, expect_steady

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
        swaps = swapped(lab, server, first, Visitor(second))
        now = facts(server, first)
        expect(now == before, f"the client was {before}, and is {now}")
        swaps.expect_images_only()
        first.down()
        wait_until(10, lambda: not lab.leases(), "the leases to be released")
        expect(not server.sessions("user1") + server.sessions("user2"), "sessions are left behind")
    finally:
        for client in (first, second):
            client.keep_logs(lab, "sstp")
    server.stop()


def swapped(lab, server, first, visitor):
    load = GuestTransfer(first.guest, SECONDS)
    ping = Ping(lab, "lan", first.address(), SECONDS - 3, interval=0.01)
    visitor.start()
    time.sleep(3)
    swaps = Swaps(lab, server, range(SWAPS), "sstp")
    lost = swaps.lost(ping)
    up, down = load.finish()
    visits = visitor.finish()
    print(f"{visits} visits of the other client")
    expect_steady("up", up)
    expect_steady("down", down)
    expect(not lost, "pings were lost")
    expect(min(swaps.carried()) >= 1, f"{swaps.reports}")
    expect(visits >= 2, f"the other client came {visits} times")
    swaps.expect_short_pauses(5000)
    return swaps


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

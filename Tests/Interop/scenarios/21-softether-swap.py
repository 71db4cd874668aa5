"""Proves that the SoftEther module is replaced under traffic, and no client notices.

Two real clients with 8 TCP connections each, transfers between them both ways, and 500 pings a second from
the first to a host in the hub's network, through twenty swaps; then the same with UDP acceleration, through
five. Nobody connects anew, no connection is lost, no ping is lost, the transfers go on as before the first
swap, acceleration stays active, and memory grows by no more than the images that stay mapped.
"""

import time

from lab.network import LAN
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.softether import Client
from lab.swapping import described, image_size, swap
from lab.traffic import Load, Ping, interval_rates, longest_pause, received

SWAPS = 20
ACCELERATED = 5
CONNECTIONS = 8
LIMIT = 300
ALONE = True


def run(lab):
    lab.start_lan()
    server = Polyhub(lab, modules={"softether": {"library": "SoftEther"}}).start().office(bridge="lan0")
    grown = with_clients(lab, server, 0, SWAPS, MAXTCP=CONNECTIONS)
    expect(grown * 1024 < SWAPS * image_size("softether"), f"{SWAPS} swaps took {grown} kB")
    with_clients(lab, server, SWAPS, ACCELERATED, MAXTCP=CONNECTIONS, DISABLEUDP="no")
    server.stop()


def with_clients(lab, server, first, count, **settings):
    """`count` swaps under traffic of two clients; the kB by which the server has grown."""
    with Client(lab, "c1", "user1", password("user1"), **settings) as one, Client(
        lab, "c2", "user2", password("user2"), **settings
    ) as two:
        clients = (one, two)
        is_accelerated = "DISABLEUDP" in settings
        for client in clients:
            wait_until(60, lambda: client.connections() == CONNECTIONS, f"all connections of {client.where}")
            if is_accelerated:
                wait_until(40, lambda: accelerated(client), f"UDP acceleration in {client.where}")
        before = [facts(server, client) for client in clients]
        expect(all(was["connected"] for was in before), f"the security log knows no session: {before}")
        grown = swaps(lab, server, range(first, first + count), one, two)
        for client, was in zip(clients, before):
            now = facts(server, client)
            expect(now == was, f"{client.where} was {was}, and is {now}")
            expect(accelerated(client) == is_accelerated, f"UDP acceleration of {client.where} has changed")
    for user in ("user1", "user2"):
        wait_until(5, lambda: not server.sessions(user), f"the end of {user}'s session")
    return grown


def swaps(lab, server, numbers, one, two):
    """The kB by which the server has grown."""
    loads = [
        Load(lab, here.where, there.where, there.address(), len(numbers) + 6, "-b", "30M")
        for here, there in ((one, two), (two, one))
    ]
    ping = Ping(lab, one.where, LAN, len(numbers) + 4)
    time.sleep(2)
    resident = server.resident()
    reports, times = [], []
    for number in numbers:
        began = time.time()
        reports.append(swap(lab, server, number, "softether"))
        times.append((began, time.time()))
        time.sleep(0.5)
    grown = server.resident() - resident
    lost = ping.lost()
    lanes = [lane for each in reports for lane in each["lanes"]]
    pauses = sorted(lane["longestPauseMicroseconds"] for lane in lanes)
    print(f"longest pauses {pauses[-3:]} us, {grown // len(numbers)} kB a swap")
    print(f"{ping.sent} pings, lost: {[described(when, times) for when in lost]}")
    for load in loads:
        report = load.finish()
        _, megabits = received(report)
        at_first = interval_rates(report)[1]
        print(f"{megabits:.0f} Mbit/s, and {at_first:.0f} before the swaps")
        expect(longest_pause(report) == 0, "a transfer stood still for a second")
        expect(megabits > 0.8 * at_first, f"{megabits:.0f} Mbit/s, and {at_first:.0f} before the swaps")
    expect(not lost, "pings were lost")
    expect(all(sum(lane["carried"] for lane in each["lanes"]) == 2 for each in reports), f"{reports}")
    # A machine that runs something else for a while makes a lane wait, too, but not time and again.
    expect(pauses[-3] < 5000, f"lanes paused for {pauses[-3:]} us")
    return grown


def accelerated(client):
    return client.status().get("UDP Acceleration is Active") == "Yes"


def facts(server, client):
    """What would change if the client connected anew, as it says itself and as the server does."""
    said = client.status()
    words = ("Session Name", "Connection Name", "Number of Established Sessions", "Number of TCP Connections")
    return {
        **{word: said[word] for word in words},
        "sessions": [row["id"] for row in server.sessions(client.user)],
        "connected": sum(
            "category=connected" in line and f"user={client.user} " in line
            for line in server.logs().splitlines()
        ),
    }

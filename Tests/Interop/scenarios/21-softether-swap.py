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
from lab.swapping import Swaps
from lab.traffic import Load, Ping, interval_rates, longest_pause, received

SWAPS = 20
ACCELERATED = 5
CONNECTIONS = 8
LIMIT = 300
ALONE = True


def run(lab):
    lab.start_lan()
    server = Polyhub(lab, modules={"softether": {"library": "SoftEther"}}).start().office(bridge="lan0")
    with_clients(lab, server, 0, SWAPS, MAXTCP=CONNECTIONS).expect_images_only()
    with_clients(lab, server, SWAPS, ACCELERATED, MAXTCP=CONNECTIONS, DISABLEUDP="no")
    server.stop()


def with_clients(lab, server, first, count, **settings):
    """`count` swaps under traffic of two clients."""
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
        swaps = swapped(lab, server, range(first, first + count), one, two)
        for client, was in zip(clients, before):
            now = facts(server, client)
            expect(now == was, f"{client.where} was {was}, and is {now}")
            expect(accelerated(client) == is_accelerated, f"UDP acceleration of {client.where} has changed")
    for user in ("user1", "user2"):
        wait_until(5, lambda: not server.sessions(user), f"the end of {user}'s session")
    return swaps


def swapped(lab, server, numbers, one, two):
    loads = [
        Load(lab, here.where, there.where, there.address(), len(numbers) + 6, "-b", "30M")
        for here, there in ((one, two), (two, one))
    ]
    ping = Ping(lab, one.where, LAN, len(numbers) + 4)
    time.sleep(2)
    swaps = Swaps(lab, server, numbers, "softether")
    lost = swaps.lost(ping)
    for load in loads:
        report = load.finish()
        _, megabits = received(report)
        at_first = interval_rates(report)[1]
        print(f"{megabits:.0f} Mbit/s, and {at_first:.0f} before the swaps")
        expect(longest_pause(report) == 0, "a transfer stood still for a second")
        expect(megabits > 0.8 * at_first, f"{megabits:.0f} Mbit/s, and {at_first:.0f} before the swaps")
    expect(not lost, "pings were lost")
    expect(swaps.carried() == len(numbers) * [2], f"{swaps.reports}")
    swaps.expect_short_pauses(5000)
    return swaps


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

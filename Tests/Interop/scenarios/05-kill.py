"""Proves that after `kill -9` and a restart, hubs, users and leases are as last acknowledged.

The server is killed while two clients carry traffic and while an administrator creates users as fast as
it lets him; everything that was acknowledged is there afterwards, nothing is half there, and the clients
come back by themselves with the addresses that they had.
"""

import threading

from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.traffic import Load

LIMIT = 240
ROUNDS = 5


def run(lab):
    server = Polyhub(lab).start().office()
    server.ctl("nat", "enable", "LAB", "--network", "192.168.30.1/24")
    server.ctl("hub", "create", "OTHER")
    # The server's own keepalive may be slow; a client that checks every second shows what the server does.
    impatient = dict(ping="1", ping_restart="4", pull_filter='ignore "ping"', connect_retry="1 1")
    one = server.profile().replacing(**impatient)
    two = server.profile(user="user2", transport="tcp").replacing(**impatient)
    with Client(lab, "c1", one, "user1", password("user1")) as first, Client(
        lab, "c2", two, "user2", password("user2")
    ) as second:
        addresses = (first.address(), second.address())
        acknowledged = []
        for number in range(ROUNDS):
            connections = (first.connections(), second.connections())
            load = Load(lab, "c1", "c2", second.address(), 60)
            acknowledged += killed_while_creating(server, number, pause=0.3 + 0.4 * number)
            load.client.discard()
            load.server.discard()
            server.start()
            for client, before in zip((first, second), connections):
                wait_until(30, lambda: client.connections() > before, f"{client.where} to come back")
            wait_until(
                10,
                lambda: (first.address(), second.address()) == addresses,
                f"the addresses {addresses}, not {(first.address(), second.address())}",
            )
            wait_until(10, lambda: lab.ping("c1", addresses[1]), "traffic after the restart")
        check_accounts(server, acknowledged)
    server.stop()


def killed_while_creating(server, number, pause):
    """Kill the server after a while of creating users; the names that were acknowledged."""
    created = []
    finished = threading.Event()

    def create():
        for count in range(10_000):
            name = f"round{number}-{count}"
            if server.call("user", "create", "OTHER", name, "--password", f"of-{name}").returncode:
                break
            created.append(name)
        finished.set()

    thread = threading.Thread(target=create)
    thread.start()
    finished.wait(pause)
    server.kill()
    thread.join(40)
    expect(not thread.is_alive(), "polyhubctl hangs when its server is gone")
    expect(created, "not one user was created before the kill")
    return created


def check_accounts(server, acknowledged):
    hubs = [hub["name"] for hub in server.ask("hub", "list")]
    expect({"LAB", "OTHER"} <= set(hubs), f"hubs are missing: {hubs}")
    users = {user["name"] for user in server.ask("user", "list", "OTHER")}
    missing = set(acknowledged) - users
    expect(not missing, f"acknowledged users are gone: {sorted(missing)}")
    # One more than acknowledged a round may be there: created, and killed before the answer.
    expect(
        len(users) <= len(acknowledged) + ROUNDS, f"{len(users)} users, {len(acknowledged)} were acknowledged"
    )

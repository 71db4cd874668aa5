"""Proves that a SoftEther session outlives the path of its client: the cable pulled for 10 seconds leaves the
same session with nothing authenticated anew; and so do its 8 connections dying one after the other in
silence, as where a NAT forgets them, until none of the first is left.

(A reset is another matter: once one connection is reset, this client, of Debian, drops all of them, with the
real vpnserver too.)
"""

import re
import time

from lab.network import SERVER
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.softether import Client

LIMIT = 240
CONNECTIONS = 8


def run(lab):
    server = Polyhub(lab, modules={"softether": {"library": "SoftEther"}}).start().office()
    server.ctl("nat", "enable", "LAB")
    with Client(lab, "c1", "user1", password("user1"), MAXTCP=CONNECTIONS) as client:
        wait_until(60, lambda: client.connections() == CONNECTIONS, "all connections")
        first = server.sessions("user1")[0]["id"]
        cable(lab)
        same(server, client, first)
        lab.run("inet", "nft", "add table ip cut { chain f { type filter hook forward priority 0; }; }")
        old = ports(lab)
        for port in old:
            cut(lab, port)
            time.sleep(4)
        wait_until(60, lambda: len(set(ports(lab)) - set(old)) == CONNECTIONS, "connections in their place")
        expect(lab.ping("c1", "192.168.30.1"), "no echo over the new connections")
        same(server, client, first)
        expect(server.logs().count("category=connected") == 1, f"not authenticated once: {server.logs()}")
    # What was cut last is a connection of the session until its 20 s of silence are over.
    wait_until(40, lambda: not server.sessions("user1"), "the end of the session")
    server.stop()


def cable(lab):
    """The link outside of the client's own system goes away, as where a cable is pulled from a switch."""
    lab.run("inet", "ip", "link", "set", "c1", "down")
    time.sleep(10)
    lab.run("inet", "ip", "link", "set", "c1", "up")
    wait_until(20, lambda: lab.ping("c1", "192.168.30.1", count=1), "an echo once the cable is back")


def ports(lab):
    """Those of the client's ends of the connections."""
    rows = lab.run("c1", "ss", "-Htn", "state", "established", "dst", SERVER)
    return [int(port) for port in re.findall(r":(\d+) +" + re.escape(SERVER) + ":443", rows)]


def cut(lab, port):
    """Nothing of this connection comes through any more, and nobody is told."""
    for end in ("sport", "dport"):
        lab.run("inet", "nft", "add", "rule", "ip", "cut", "f", "tcp", end, str(port), "drop")


def same(server, client, first):
    expect(client.connected(), f"the client shows {client.status()}")
    rows = server.sessions("user1")
    expect([row["id"] for row in rows] == [first], f"not session {first} but {rows}")
    established = client.status().get("Number of Established Sessions")
    expect(established.startswith("1 "), f"the client has signed in {established}")

"""Proves that SoftEther sessions are accelerated by UDP, as the client itself reports, between two clients;
and that they go on over TCP when UDP does not come through any more."""

from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.softether import Client
from lab.traffic import Load, received

LIMIT = 180


def run(lab):
    server = Polyhub(lab, modules={"softether": {"library": "SoftEther"}}).start().office()
    server.ctl("nat", "enable", "LAB")
    with Client(lab, "c1", "user1", password("user1"), DISABLEUDP="no") as one, Client(
        lab, "c2", "user2", password("user2"), DISABLEUDP="no"
    ) as two:
        for client in (one, two):
            wait_until(
                40,
                lambda: client.status().get("UDP Acceleration is Active") == "Yes",
                f"UDP acceleration in {client.where}",
            )
        exchange(lab, one, two)
        expect(lab.ping("c1", two.address(), "-s", "4000"), "no fragments over UDP")
        before = octets_of(lab)
        exchange(lab, two, one)
        expect(octets_of(lab) - before > 1_000_000, "the frames did not go over UDP")
        lab.run("inet", "nft", "add table ip cut { chain f { type filter hook forward priority 0; }; }")
        lab.run("inet", "nft", "add rule ip cut f udp dport 5555 drop")
        lab.run("inet", "nft", "add rule ip cut f udp sport 5555 drop")
        wait_until(
            30,
            lambda: one.status().get("UDP Acceleration is Active") == "No" and lab.ping("c1", two.address()),
            "the clients to go on over TCP",
        )
        exchange(lab, one, two)
        for user in ("user1", "user2"):
            expect(len(server.sessions(user)) == 1, f"{user} has {server.sessions(user)}")
    server.stop()


def exchange(lab, here, there):
    octets, _ = received(Load(lab, here.where, there.where, there.address(), 3).finish())
    expect(octets > 1_000_000, f"only {octets} octets from {here.where} to {there.where}")


def octets_of(lab):
    """What the server has received over UDP."""
    table = lab.run("srv", "cat", "/proc/net/snmp").splitlines()
    names, values = (line.split() for line in table if line.startswith("Udp:"))
    return int(values[names.index("InDatagrams")]) * 1000

"""Proves that a tun client and a tap client in one hub reach each other, over UDP and TCP, both ways."""

from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect
from lab.traffic import Load, received


def run(lab):
    lab.start_lan()
    server = Polyhub(lab).start().office(bridge="lan0")
    tun = server.profile(user="user1")
    tap = server.profile(user="user2", device="tap", transport="tcp")
    with Client(lab, "c1", tun, "user1", password("user1")) as one, Client(
        lab, "c2", tap, "user2", password("user2")
    ) as two:
        expect(one.address() != two.address(), f"both have {one.address()}")
        for here, there in ((one, two), (two, one)):
            expect(lab.ping(here.where, there.address()), f"{here.where} does not reach {there.where}")
            expect(lab.ping(here.where, there.address(), "-s", "4000"), f"no fragments from {here.where}")
            octets, _ = received(Load(lab, here.where, there.where, there.address(), 2).finish())
            expect(octets > 1_000_000, f"only {octets} octets from {here.where} to {there.where}")
        for user in ("user1", "user2"):
            expect(len(server.sessions(user)) == 1, f"{user} is not listed once: {server.sessions(user)}")
        addresses = server.ctl("address", "list", "LAB")
        expect(one.address() in addresses and two.address() in addresses, f"not both are listed: {addresses}")
    server.stop()

"""Proves that a client over UDP whose outside address changes keeps its session and its lease."""

from lab.network import LAN
from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect
from lab.roaming import keep_going


def run(lab):
    lab.start_lan()
    server = Polyhub(lab).start().office(bridge="lan0")
    profile = server.profile()
    with Client(lab, "c1", profile, "user1", password("user1")) as client:
        before = server.sessions("user1")
        keep_going(lab, client, LAN)
        after = server.sessions("user1")
        expect([row["id"] for row in after] == [row["id"] for row in before], f"another session: {after}")
        expect(after[0]["outside"].startswith("10.77.1.77"), f"the old outside address is listed: {after}")
        expect(len(lab.leases()) == 1, f"the leases are {lab.leases()}")
    server.stop()

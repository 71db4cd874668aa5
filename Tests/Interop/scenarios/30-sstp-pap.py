"""Proves that a real SSTP client that can do nothing but PAP is refused, unless the administrator allows PAP."""

from lab import sstp
from lab.guests import Guest
from lab.network import LAN
from lab.polyhub import Polyhub, password
from lab.processes import expect

LIMIT = 150


def run(lab):
    lab.start_lan()
    sections, authority = sstp.server_sections(lab)
    server = Polyhub(lab, modules=sections).start().office(bridge="lan0")
    guest = Guest(lab, "c1")
    refused = sstp.Client(guest, authority, "user1@LAB", password("user1"), method="pap").start()
    refused.ended()
    expect(not lab.leases(), "a client that proved nothing has a lease")
    server.stop()
    sections["sstp"]["auth"] = ["mschapv2", "pap"]
    server = Polyhub(lab, modules=sections).start()
    client = sstp.Client(guest, authority, "user1@LAB", password("user1"), method="pap").up()
    expect(client.ping(LAN), f"no echo from {LAN}")
    expect(len(server.sessions("user1")) == 1, "there is no session")
    client.down()
    server.stop()

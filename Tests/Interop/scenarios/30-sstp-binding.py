"""Proves that the crypto binding of a real SSTP client is held against the certificate that the server itself
presented.

Somebody in the middle, whom the client trusts, ends its TLS and opens another one to the server. The client
signs in with the right password, and the server aborts the call, gives it no place on the hub, and says so in
its log. Without the one in the middle the same client connects; where the administrator demands no binding, it
connects through him too.
"""

import os
import sys

from lab import interception, sstp
from lab.guests import Guest
from lab.network import LAN, SERVER
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until

LIMIT = 180


def run(lab):
    lab.start_lan()
    sections, authority = sstp.server_sections(lab)
    server = Polyhub(lab, modules=sections).start().office(bridge="lan0")
    guest = Guest(lab, "c1")
    middle = between(lab, sections["tls"], guest.router)
    direct = sstp.Client(guest, authority, "user1@LAB", password("user1")).up()
    expect(direct.ping(LAN), f"no echo from {LAN}")
    direct.down()
    wait_until(10, lambda: not server.sessions("user1"), "the end of the session")
    victim = sstp.Client(guest, authority, "user1@LAB", password("user1"), server=guest.router).start()
    wait_until(20, lambda: "crypto binding" in server.logs(), "a line in the server's log")
    said = next(line for line in server.logs().splitlines() if "crypto binding" in line)
    expect("another certificate" in said and "user1@LAB" in said, f"the log says {said}")
    victim.ended()
    expect("CALL ABORT" in victim.log(), f"the client was not aborted: {victim.log()[-400:]}")
    expect(not victim.address() and not lab.leases(), "the victim has an address")
    server.stop()
    sections["sstp"]["binding"] = "optional"
    server = Polyhub(lab, modules=sections).start()
    victim = sstp.Client(guest, authority, "user1@LAB", password("user1"), server=guest.router).up()
    expect(victim.ping(LAN), f"no echo from {LAN}")
    victim.down()
    middle.stop()
    server.stop()


def between(lab, tls, address):
    """Another certificate of the authority that the client trusts."""
    authority = sstp.Authority(os.path.dirname(tls["certificate"]), "server", existing=True)
    certificate, key = authority.issue(address, "serverAuth")
    argv = [sys.executable, "-B", interception.__file__, certificate, key, "443", SERVER]
    process = lab.spawn("c1", "interception", argv)
    process.wait_log(5, "listening")
    return process

"""Proves that SIGHUP applies the difference in plugins.conf: a listener comes and goes, clients stay.

A file with a fault in it changes nothing, and the server's log says what is wrong with it.
"""

import signal

from lab.network import LAN, SERVER
from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until

USUAL = ["udp://0.0.0.0:1194", "tcp://0.0.0.0:1194"]


def run(lab):
    lab.start_lan()
    server = Polyhub(lab).start().office(bridge="lan0")
    profile = server.profile()
    with Client(lab, "c1", profile, "user1", password("user1")) as client:
        reload(server, USUAL + ["tcp://0.0.0.0:1200"])
        wait_until(10, lambda: listens(lab, 1200), "the new listener")
        other = server.profile(user="user2").replacing(remote=f"{SERVER} 1200 tcp")
        with Client(lab, "c2", other, "user2", password("user2")):
            expect(lab.ping("c2", LAN), "no traffic through the new listener")
        reload(server, USUAL)
        wait_until(10, lambda: not listens(lab, 1200), "the listener to go")
        reload(server, ["carrier-pigeon://0.0.0.0:1"])
        wait_until(10, lambda: "carrier-pigeon" in server.logs(), "a word about the fault")
        expect(lab.ping("c1", LAN) and client.connections() == 1, "the client that was there was disturbed")
    server.stop()


def reload(server, listeners):
    server.configure(listen=listeners)
    server.process.send(signal.SIGHUP)


def listens(lab, port):
    return f":{port} " in lab.run("srv", "ss", "-Hlnt")

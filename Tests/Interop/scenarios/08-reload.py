"""Proves that SIGHUP applies the difference in plugins.conf: a listener comes and goes, another module comes,
changes and goes, and meanwhile no ping of a client is lost.

A file with a fault in it changes nothing, a port that is taken fails for its module alone, and the server's
log says what is wrong.
"""

import signal

from lab.network import LAN, SERVER
from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.traffic import Ping

ALONE = True

USUAL = ["udp://0.0.0.0:1194", "tcp://0.0.0.0:1194"]


def run(lab):
    lab.start_lan()
    server = Polyhub(lab).start().office(bridge="lan0")
    profile = server.profile()
    with Client(lab, "c1", profile, "user1", password("user1")) as client:
        ping = Ping(lab, "c1", LAN, 20)
        reload(server, USUAL + ["tcp://0.0.0.0:1200"])
        wait_until(10, lambda: listens(lab, 1200), "the new listener")
        other = server.profile(user="user2").replacing(remote=f"{SERVER} 1200 tcp")
        with Client(lab, "c2", other, "user2", password("user2")):
            expect(lab.ping("c2", LAN), "no traffic through the new listener")
        reload(server, USUAL)
        wait_until(10, lambda: not listens(lab, 1200), "the listener to go")
        reload(server, ["carrier-pigeon://0.0.0.0:1"])
        wait_until(10, lambda: "carrier-pigeon" in server.logs(), "a word about the fault")
        another_module(lab, server)
        lost = ping.lost()
        print(f"     {ping.sent} pings, lost: {lost}")
        expect(not lost and client.connections() == 1, "the client that was there was disturbed")
    server.stop()


def another_module(lab, server):
    """It comes, moves to another port, is refused one that another program has, and goes."""
    other = lab.spawn("srv", "srv-other", ["python3", "-m", "http.server", "3443"])
    wait_until(10, lambda: listens(lab, 3443), "the other program to listen")
    for port, why in ((1443, None), (2443, None), (3443, "reload-failed")):
        server.modules = {"sstp": {"library": "SSTP", "listen": [f"tls://0.0.0.0:{port}"]}}
        reload(server, USUAL)
        if why:
            wait_until(10, lambda: why in server.logs(), "a word about the port that is taken")
        else:
            wait_until(10, lambda: listens(lab, port), f"the other module to listen on {port}")
    expect(listens(lab, 2443) and not listens(lab, 1443), "the module is not where it was")
    other.discard()
    server.modules = {}
    reload(server, USUAL)
    wait_until(10, lambda: not listens(lab, 2443), "the other module to go")


def reload(server, listeners):
    server.configure(listen=listeners)
    server.process.send(signal.SIGHUP)


def listens(lab, port):
    return f":{port} " in lab.run("srv", "ss", "-Hlnt")

"""Proves that a bridge whose interface disappears says so, and runs again once there is one of that name.

The client notices nothing but the pause.
"""

from lab.network import LAN
from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until


def run(lab):
    lab.start_lan()
    server = Polyhub(lab).start().office(bridge="lan0")
    with Client(lab, "c1", server.profile(), "user1", password("user1")) as client:
        wait_until(10, lambda: lab.ping("c1", LAN), "traffic before")
        address = client.address()
        mac = lab.run("lan", "ip", "-br", "link", "show", "dev", "eth0").split()[2]
        lab.run("srv", "ip", "link", "delete", "lan0")
        wait_until(10, lambda: "does not exist" in str(bridge(server).get("problem")), "the problem")
        expect(not bridge(server)["running"], "the bridge is listed as running")
        # The host at the other end of the cable is the same one.
        lab.wire_lan()
        lab.run("lan", "ip", "link", "set", "eth0", "address", mac)
        lab.run("lan", "ip", "address", "add", f"{LAN}/24", "dev", "eth0")
        wait_until(10, lambda: bridge(server)["running"], "the bridge")
        wait_until(20, lambda: lab.ping("c1", LAN), "traffic after")
        expect(client.connections() == 1, "the client had to connect again")
        expect(client.address() == address, f"the client has {client.address()} now, and had {address}")
    log = server.logs()
    for event, times in (("bridge-up", 2), ("bridge-down", 1)):
        expect(log.count(f"category={event} ") == times, f"{event} is not logged {times} times:\n{log}")
    server.stop()


def bridge(server):
    return server.ask("bridge", "list", "LAB")[0]

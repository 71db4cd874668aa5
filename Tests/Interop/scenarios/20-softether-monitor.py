"""Proves that a real SoftEther client in monitor mode, whom policy lets, is given the frames that others
exchange, that nothing of what it sends comes to anybody, and that its session ends when policy takes it back.
"""

from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.softether import Client

GATEWAY = "192.168.30.1"


def run(lab):
    server = Polyhub(lab, modules={"softether": {"library": "SoftEther"}}).start().office()
    server.ctl("nat", "enable", "LAB")
    server.ctl("user", "set", "LAB", "user1", "--policy", "monitor=yes")
    with Client(lab, "c2", "user2", password("user2")) as other:
        monitor = Client(lab, "c1", "user1", password("user1"), MONITOR="yes").start()
        wait_until(20, monitor.connected, f"a monitor's session: {monitor.error()}")
        seen = lab.spawn(
            "c1", "tcpdump", ["tcpdump", "-n", "-l", "-i", monitor.device, "icmp", "or", "arp"]
        )
        seen.wait_log(5, "listening on")
        expect(lab.ping("c2", GATEWAY), "no echo for the one who is listened to")
        asked, answered = f"{other.address()} > {GATEWAY}: ICMP echo request", "ICMP echo reply"
        wait_until(5, lambda: asked in seen.log() and answered in seen.log(), "the monitor to see both ways")
        lab.run("c1", "ip", "address", "add", "192.168.30.77/24", "dev", monitor.device)
        expect(not lab.ping("c1", GATEWAY), "the monitor is answered")
        addresses = [row["address"] for row in server.ask("address", "list", "LAB")]
        expect("192.168.30.77" not in addresses, f"the monitor's address is known: {addresses}")
        row = server.sessions("user1")[0]
        expect(row["denied"].get("monitor", 0) > 0, f"what it sends is not counted: {row['denied']}")
        expect("mode=monitor" in server.logs(), "the security log does not say that it is a monitor")
        server.ctl("user", "set", "LAB", "user1", "--policy", "monitor=no")
        wait_until(10, lambda: not server.sessions("user1"), "the end of the monitor's session")
        wait_until(20, lambda: monitor.error() == 107, "error 107 when it comes again")
        seen.stop()
        monitor.discard()
        expect(lab.ping("c2", GATEWAY), "no echo any more")
    server.stop()

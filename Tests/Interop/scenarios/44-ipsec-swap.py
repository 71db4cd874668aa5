"""Proves that the IPsec module is replaced under traffic, and no client notices.

EtherIP under strongSwan with AES-GCM, and a real L2TP client in a guest: transfers through both, 500 pings a
second through EtherIP and 100 through L2TP, and twenty swaps. Nobody connects anew: each has one session
and one lease, and the SAs that it began with. No ping is lost, the transfers go on as before the first swap,
lanes do not pause for 30 ms, memory grows by no more than the images that stay mapped. Then the keys of
phase 2 are renewed with the instance that there is, and both clients leave in order.
"""

import time

from lab import l2tp
from lab.guests import Guest
from lab.network import LAN
from lab.polyhub import password
from lab.processes import expect, wait_until
from lab.strongswan import EtherIP, serve
from lab.swapping import Swaps
from lab.traffic import GuestTransfer, Load, Ping, expect_steady, interval_rates, longest_pause

SWAPS = 20
SECONDS = 30
LIMIT = 240
ALONE = True


def run(lab):
    server = serve(lab, ["site-1.example"], users=("user1",))
    phone = l2tp.Client(Guest(lab, "c2"), "user1@LAB", password("user1"), encap=False)
    site = EtherIP(lab, "c1", "site-1.example", esp="aes128gcm16")
    try:
        phone.up()
        # Three packets, as PPP devices have it, are no room for a transfer.
        phone.guest.run(f"ip link set {phone.device} txqueuelen 500")
        before = facts(lab, server, site, phone)
        expect(before["connected"] == [1, 1] and len(before["leases"]) == 2, f"the clients are {before}")
        swaps = swapped(lab, server, site, phone)
        now = facts(lab, server, site, phone)
        expect(now == before, f"the clients were {before}, and are {now}")
        swaps.expect_images_only()
        renewal(lab, server, site)
        expect(phone.ping(LAN), "the phone does not reach the LAN any more")
        phone.down()
        site.down()
        wait_until(10, lambda: not server.sessions("user1") + server.sessions("site1"), "the sessions' ends")
    finally:
        phone.keep_logs(lab, "l2tp")
    server.stop()


def swapped(lab, server, site, phone):
    load = Load(lab, "lan", "c1", site.address(), SECONDS, "-b", "30M")
    other = GuestTransfer(phone.guest, SECONDS)
    pings = [
        Ping(lab, "c1", LAN, SECONDS - 3),
        Ping(lab, "lan", phone.address(), SECONDS - 3, interval=0.01),
    ]
    time.sleep(3)
    swaps = Swaps(lab, server, range(SWAPS), "ipsec")
    lost = [swaps.lost(ping) for ping in pings]
    report = load.finish()
    rates = dict(zip(("up", "down"), other.finish()), EtherIP=interval_rates(report))
    for name, each in rates.items():
        expect_steady(name, each)
    expect(longest_pause(report) == 0, "the transfer stood still for a second")
    expect(not lost[0] + lost[1], "pings were lost")
    expect(swaps.carried() == SWAPS * [2], f"{swaps.reports}")
    swaps.expect_short_pauses(30_000)
    return swaps


def renewal(lab, server, site):
    """The client asks for new keys, and they are used."""
    before = site.swan.rekeyings()
    site.swan.control("--rekey", "--child", "hub")
    wait_until(10, lambda: site.swan.rekeyings()[1] > before[1], "the new keys of phase 2")
    expect(site.swan.rekeyings()[0] == before[0], "phase 1 began anew")
    expect(lab.ping("c1", LAN), "no ping with the new keys")
    expect(len(server.sessions("site1")) == 1, "the session did not stay")


def facts(lab, server, site, phone):
    """What would change if a client connected anew, as it says itself and as the server does."""
    lines = server.logs().splitlines()
    users = ("site1", "user1")
    log = phone.log()
    return {
        "addresses": [site.address(), phone.address()],
        "leases": sorted(line[2] for line in lab.leases()),
        "negotiated": [log.count(words) for words in ("local  IP address", "LCP ConfAck", "authentication")],
        "rekeyings": site.swan.rekeyings(),
        "phases": [sum(words in line for line in lines) for words in ("phase 1 est", "phase 2 est")],
        "sessions": [[row["id"] for row in server.sessions(user)] for user in users],
        "connected": [
            sum("category=connected" in line and f"user={user} " in line for line in lines) for user in users
        ],
    }

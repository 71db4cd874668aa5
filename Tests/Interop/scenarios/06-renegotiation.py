"""Proves that new keys every few seconds, under full load for minutes, lose no connection.

Two clients, one over UDP and one over TCP, each asking for new keys every 4 seconds; TCP at full speed
between them in both directions in turn. Neither reconnects, and the transfers never pause for more than
two seconds. PH_MINUTES sets how long (default 2).
"""

import os

from lab.openvpn import Client
from lab.polyhub import Polyhub, password
from lab.renegotiation import under_load

SECONDS = int(float(os.environ.get("PH_MINUTES", "2")) * 60)
LIMIT = SECONDS + 90
ALONE = True


def run(lab):
    server = Polyhub(lab).start().office()
    server.ctl("nat", "enable", "LAB", "--network", "192.168.30.1/24")
    one = server.profile().replacing(reneg_sec="4")
    two = server.profile(user="user2", transport="tcp").replacing(reneg_sec="4")
    with Client(lab, "c1", one, "user1", password("user1")) as first, Client(
        lab, "c2", two, "user2", password("user2")
    ) as second:
        under_load(lab, first, second, SECONDS)
    server.stop()

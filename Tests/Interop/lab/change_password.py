"""Changes a user's password as the manager of the SoftEther client does, which has no command line.

    change_password.py SERVER HUB USER OLD NEW [NT-HASH]

Prints the number of the server's error, 0 for none.
"""

import socket
import ssl
import struct
import sys

NUMBER, OCTETS, TEXT = 0, 1, 2


def sha0(message):
    """SHA-1 without the rotation in its message schedule: FIPS 180, of 1993."""
    mask = 0xFFFFFFFF

    def left(word, count):
        return (word << count | word >> (32 - count)) & mask

    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    padded = message + b"\x80" + bytes((55 - len(message)) % 64) + struct.pack(">Q", 8 * len(message))
    for start in range(0, len(padded), 64):
        words = list(struct.unpack(">16I", padded[start : start + 64]))
        for index in range(16, 80):
            words.append(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16])
        a, b, c, d, e = state
        for index, word in enumerate(words):
            mixed, constant = (
                (b & c | ~b & d, 0x5A827999), (b ^ c ^ d, 0x6ED9EBA1), (b & c | b & d | c & d, 0x8F1BBCDC),
                (b ^ c ^ d, 0xCA62C1D6),
            )[index // 20]  # fmt: skip
            a, b, c, d, e = (left(a, 5) + (mixed & mask) + e + constant + word) & mask, a, left(b, 30), c, d
        state = [(old + new) & mask for old, new in zip(state, (a, b, c, d, e))]
    return struct.pack(">5I", *state)


def pack(**elements):
    octets = struct.pack(">I", len(elements))
    for name, value in sorted(elements.items()):
        kind = TEXT if isinstance(value, str) else OCTETS
        content = value.encode() if isinstance(value, str) else value
        octets += struct.pack(">I", len(name) + 1) + name.encode() + struct.pack(">II", kind, 1)
        octets += struct.pack(">I", len(content)) + content
    return octets


def element(octets, wanted):
    """The first value of an element, a number or octets."""
    at = 4
    for _ in range(struct.unpack_from(">I", octets)[0]):
        length = struct.unpack_from(">I", octets, at)[0] - 1
        name = octets[at + 4 : at + 4 + length].decode()
        kind, count = struct.unpack_from(">II", octets, at + 4 + length)
        at += 12 + length
        for _ in range(count):
            number = struct.unpack_from(">I", octets, at)[0]
            value = number if kind == NUMBER else octets[at + 4 : at + 4 + number]
            at += 4 if kind == NUMBER else 4 + number
            if name == wanted:
                return value
    raise KeyError(wanted)


def ask(stream, target, body, kind="application/octet-stream"):
    head = f"POST {target} HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    stream.sendall(head.encode() + body)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += stream.recv(4096) or sys.exit("the server has closed")
    head, rest = answer.split(b"\r\n\r\n", 1)
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(rest) < int(lines[b"content-length"]):
        rest += stream.recv(4096) or sys.exit("the server has closed")
    return rest


def main(server, hub, user, old, new, tell=None):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((server, 443), timeout=10) as plain, context.wrap_socket(plain) as stream:
        hello = ask(stream, "/vpnsvc/connect.cgi", b"VPNCONNECT", "image/jpeg")
        before, after = (sha0(word.encode() + user.upper().encode()) for word in (old, new))
        request = dict(
            method="password", hubname=hub, username=user, new_password=after,
            secure_old_password=sha0(before + element(hello, "random")),
        )  # fmt: skip
        if tell:
            request["new_password_ntlm"] = bytes.fromhex(tell)
        print(element(ask(stream, "/vpnsvc/vpn.cgi", pack(**request)), "error"))


assert sha0(b"abc").hex() == "0164b8a914cd2a5e74c4f7ff082c4d97f1edf880"
if __name__ == "__main__":
    main(*sys.argv[1:])

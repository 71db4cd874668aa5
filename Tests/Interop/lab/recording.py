"""Recordings of what clients and the server say to each other by IPsec, as text with the secrets that
belong to it: the fixtures of `RecordedExchangeTests`.

The server runs with a preloaded library that notes each shared secret of a Diffie-Hellman exchange on a
curve. Only the programs of a lab are ever run with it.
"""

import os
import struct
import textwrap

from .capture import MARK_PORT, Capture
from .credentials import command
from .network import SERVER

PRELOADED = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int EVP_PKEY_derive(void *context, unsigned char *key, size_t *count) {
    static int (*derive)(void *, unsigned char *, size_t *);
    if (!derive) derive = dlsym(RTLD_NEXT, "EVP_PKEY_derive");
    int status = derive(context, key, count);
    FILE *file = status == 1 && key ? fopen(getenv("RECORDED_SECRETS"), "a") : NULL;
    if (!file) return status;
    for (size_t i = 0; i < *count; i++) fprintf(file, "%02x", key[i]);
    fputc(10, file);
    fclose(file);
    return status;
}
"""
# Of the packets of ESP in each direction, those in which tunnels are made.
MAX_PACKETS = 14


class Recorder:
    """To be made before the server is started."""

    def __init__(self, lab):
        self.lab = lab
        self.secrets = lab.path("secrets")
        library = lab.path("recorder.so")
        source = lab.write("recorder.c", PRELOADED)
        command("cc", "-shared", "-fPIC", "-o", library, source, "-ldl")
        os.environ["LD_PRELOAD"] = library
        os.environ["RECORDED_SECRETS"] = self.secrets

    def started(self):
        """The server runs: what is started from now on is not recorded."""
        del os.environ["LD_PRELOAD"]

    def begin(self):
        open(self.secrets, "w").close()
        path = self.lab.path("recording.pcap")
        self.capture = Capture(self.lab, path, "udp port 500 or udp port 4500 or esp")

    def end(self, name, about, **facts):
        """`facts`: further lines, a word and its value."""
        self.capture.end()
        with open(self.secrets) as file:
            facts["secret"] = file.read().split()
        lines = [f"# {about}"]
        for word, values in facts.items():
            for value in values if isinstance(values, list) else [values]:
                lines += folded(f"{word} {value}")
        counts = {}
        for path, octets in packets(self.capture.path):
            is_ike = path.endswith(" 500") or octets[:4] == bytes(4)
            counts[path] = counts.get(path, 0) + (not is_ike)
            # One octet keeps a NAT's mapping alive.
            if len(octets) > 1 and (is_ike or counts[path] <= MAX_PACKETS):
                lines += folded(f"{path} {octets.hex()}")
        with open(os.path.join(os.environ["RECORDINGS"], f"{name}.txt"), "w") as file:
            file.write("\n".join([*lines, ""]))


def folded(line):
    """Lines of at most 100 letters; the further ones are indented."""
    return textwrap.wrap(line, 100, subsequent_indent="    ", break_on_hyphens=False)


def packets(capture):
    """Of a file of tcpdump: `> ADDRESS PORT` of the client, towards the server, or `<`; port 0: ESP alone."""
    with open(capture, "rb") as file:
        data = file.read()
    at = 24
    while at < len(data):
        length = struct.unpack("<I", data[at + 8 : at + 12])[0]
        packet = data[at + 16 + 14 : at + 16 + length]
        at += 16 + length
        ip = packet[: struct.unpack(">H", packet[2:4])[0]]
        source, destination = (".".join(map(str, ip[i : i + 4])) for i in (12, 16))
        body = ip[(ip[0] & 15) * 4 :]
        direction, client = (">", source) if destination == SERVER else ("<", destination)
        if ip[9] == 50:
            yield f"{direction} {client} 0", body
        elif ip[9] == 17:
            port = struct.unpack(">H", body[:2] if direction == ">" else body[2:4])[0]
            if port != MARK_PORT:
                yield f"{direction} {client} {port}", body[8:]

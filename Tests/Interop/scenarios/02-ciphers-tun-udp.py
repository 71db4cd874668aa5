"""Proves that a real openvpn client at layer 3 (tun) over UDP works with every cipher it can negotiate.

AES-256-GCM, AES-128-GCM, CHACHA20-POLY1305, and AES-256-CBC and AES-128-CBC with SHA-1 and SHA-256: the
cipher is the one asked for, packets of all sizes and a megabyte of TCP arrive whole.
"""

from lab.variants import every_cipher

LIMIT = 180


def run(lab):
    every_cipher(lab, "tun", "udp")

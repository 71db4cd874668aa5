"""Proves that clients which cannot negotiate work with every cipher, as openvpn 2.3 and older do.

They announce no ciphers and no abilities (so also data packets of version 1 and keys by the old method);
what they use stands in their options string alone.
"""

from lab.variants import every_cipher

LIMIT = 240


def run(lab):
    every_cipher(lab, "tun", "udp", silent=True)

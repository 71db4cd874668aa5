"""Proves that inspectors find nothing wrong with us: ike-scan reads our answers, and tshark, which is given
the keys, reads every message of main mode, aggressive mode, quick mode, and their ends.
"""

import re

from lab.capture import Capture
from lab.network import SERVER
from lab.processes import expect, wait_until
from lab.strongswan import EtherIP, serve

SUITES = (
    dict(ike="aes256-sha256-modp2048", esp="aes256-sha256"),
    dict(ike="aes128-sha1-ecp256", esp="aes128gcm16-ecp256", aggressive="yes"),
)


def run(lab):
    server = serve(lab, ["site-1.example"], **{"aggressive-mode": True})
    scan(lab, "Main Mode Handshake returned")
    scan(lab, "Aggressive Mode Handshake returned", "--aggressive", "--id=site-1.example", "--dhgroup=14")
    capture = Capture(lab, lab.path("ike.pcap"), "udp port 500 or udp port 4500")
    keys = []
    for options in SUITES:
        site = EtherIP(lab, "c1", "site-1.example", loglevel=4, **options)
        site.down()
        wait_until(5, lambda: not server.sessions("site1"), "the end of the session")
        keys.append(secret(site.swan.log()))
    capture.end()
    read(lab, capture.path, keys)
    server.stop()


def scan(lab, expected, *options):
    """All of the answer is what ike-scan knows."""
    transform = "(1=7,14=256,2=2,3=1,4=14)"
    seen = lab.run("c1", "ike-scan", f"--trans={transform}", "--nodns", "--showbackoff=1", *options, SERVER)
    expect(expected in seen, f"ike-scan: {seen}")
    expect("1 returned handshake" in seen, f"ike-scan: {seen}")
    expect("Enc=AES KeyLength=256 Hash=SHA1" in seen and "Group=14:modp2048" in seen, f"ike-scan: {seen}")


def secret(log):
    """The key of phase 1, as strongSwan tells it to who debugs."""
    dump = re.search(r"encryption key Ka => (\d+) bytes.*?\n((?:.*?\d+: (?:[0-9A-F]{2} ?)+.*\n)+)", log)
    lines = re.findall(r"\d+: ((?:[0-9A-F]{2} )+)", dump[2])
    return "".join(lines).replace(" ", "")[: 2 * int(dump[1])].lower()


def read(lab, capture, keys):
    """tshark with the keys, which belong to the initiators' cookies in their order."""
    tshark = ["tshark", "-n", "-r", capture, "-d", "udp.port==4500,udpencap"]
    fields = lab.run("srv", *tshark, "-Y", "isakmp", "-T", "fields", "-e", "isakmp.ispi", seconds=60).split()
    cookies = list(dict.fromkeys(fields))
    expect(len(cookies) == len(keys), f"{len(keys)} handshakes, and cookies {cookies}")
    for cookie, key in zip(cookies, keys):
        tshark += ["-o", f'uat:ikev1_decryption_table:{cookie},{key}']
    text = lab.run("srv", *tshark, "-V", "-Y", "isakmp", seconds=60)
    encrypted = len(re.findall(r"Encrypted Data \(", text))
    opened = len(re.findall(r"Encrypted Data \(.*\n +Payload: ", text))
    expect(encrypted > 10 and opened == encrypted, f"{opened} of {encrypted} messages were decrypted")
    for exchange in ("Identity Protection", "Aggressive", "Quick Mode", "Informational"):
        expect(f"Exchange type: {exchange}" in text, f"no {exchange} was seen")
    print(f"  tshark read {text.count('Exchange type')} messages, {encrypted} of them with the keys")
    complaints = lab.run("srv", *tshark, "-Y", "_ws.expert || _ws.malformed", seconds=60)
    expect(not complaints.strip(), f"tshark complains: {complaints}")

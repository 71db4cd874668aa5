"""Proves that one port serves a SoftEther client, an OpenVPN client over TCP and a web browser, who learns
nothing; that clients see the certificate of the name that they ask for, and a new one once its file has
changed."""

import os

from lab.credentials import Authority
from lab.network import SERVER
from lab.openvpn import Client as OpenVPNClient
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.softether import Client

LIMIT = 150


def run(lab):
    authority = Authority(lab.path("ca"))
    pairs = [authority.issue(name, "serverAuth") for name in ("one.example", "two.example", "new.example")]
    tls = dict(certificate=[pair[0] for pair in pairs[:2]], key=[pair[1] for pair in pairs[:2]])
    softether = dict(library="SoftEther", listen=["tls://0.0.0.0:443"])
    server = Polyhub(lab, modules={"softether": softether}, tls=tls, listen=["tcp://0.0.0.0:443"])
    server.start().office()
    server.ctl("nat", "enable", "LAB")
    names(lab, authority, pairs)
    browser(lab)
    profile = server.profile(device="tap", transport="tcp").embedding(ca=open(authority.certificate).read())
    profile = profile.replacing(remote=f"{SERVER} 443 tcp-client", verify_x509_name=None)
    with Client(lab, "c1", "user1", password("user1")) as one, OpenVPNClient(
        lab, "c2", profile, "user2", password("user2")
    ) as two:
        expect(lab.ping("c1", two.address()), "the SoftEther client does not reach the OpenVPN client")
        expect(lab.ping("c2", one.address()), "the OpenVPN client does not reach the SoftEther client")
    server.stop()


def subject(lab, name):
    asked = ["-servername", name] if name else ["-noservername"]
    script = 'openssl s_client "$@" </dev/null'
    said = lab.run("c1", "sh", "-c", script, "sh", "-connect", f"{SERVER}:443", *asked)
    return said.split("subject=")[1].splitlines()[0].split("= ")[-1]


def names(lab, authority, pairs):
    for asked, shown in ((None, "one"), ("one.example", "one"), ("two.example", "two"), ("x.example", "one")):
        expect(subject(lab, asked) == f"{shown}.example", f"{asked} is shown {subject(lab, asked)}")
    for new, old in zip(pairs[2], pairs[0]):
        os.replace(new, old)
    wait_until(45, lambda: subject(lab, None) == "new.example", "the new certificate")


def browser(lab):
    answer = lab.run("c1", "curl", "-sSki", f"https://{SERVER}/")
    expect(answer.startswith("HTTP/1.1 404 Not Found"), f"a browser is told {answer}")
    expect("olyhub" not in answer and "oftEther" not in answer, f"a browser learns {answer}")

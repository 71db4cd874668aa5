"""Proves that a SoftEther user changes his own password where policy lets him: the real client comes in with
the new one and with the old one not, and so does OpenVPN's. The security log says what the new password
cannot be proved by. A wrong old password and a policy against it are told by the errors that clients show.
"""

import os

from lab import change_password
from lab.network import SERVER
from lab.openvpn import Client as OpenVPN
from lab.polyhub import Polyhub, password
from lab.processes import expect, wait_until
from lab.softether import Client

LIMIT = 150


def run(lab):
    server = Polyhub(lab, modules={"softether": {"library": "SoftEther"}}).start().office()
    server.ctl("nat", "enable", "LAB")
    profile = server.profile()
    old, new = password("user1"), "another-secret"
    expect(change(lab, "wrong", new) == 69, "a wrong old password is taken")
    server.ctl("user", "set", "LAB", "user1", "--policy", "change-password=no")
    expect(change(lab, old, new) == 52, "the password is changed against policy")
    expect("policy: may not change the password" in server.logs(), "the log does not tell of it")
    server.ctl("user", "set", "LAB", "user1", "--policy", "change-password=yes")
    expect(change(lab, old, new) == 0, "the password is not changed")
    changed = [line for line in server.logs().splitlines() if "password-changed" in line]
    expect(len(changed) == 1 and "MS-CHAPv2" in changed[0], f"the log says {changed}")
    expect(new not in server.logs(), "the log tells the password")
    with Client(lab, "c1", "user1", new) as client:
        expect(lab.ping("c1", "192.168.30.1"), f"no echo for {client.address()}")
    refused = Client(lab, "c1", "user1", old).start()
    wait_until(30, refused.error, "an error for the old password")
    expect(refused.error() == 9, f"the old password is shown error {refused.error()}")
    refused.discard()
    with OpenVPN(lab, "c1", profile, "user1", new):
        expect(lab.ping("c1", "192.168.30.1"), "no echo through OpenVPN with the new password")
    server.stop()


def change(lab, old, new):
    """The number of the error."""
    program = os.path.abspath(change_password.__file__)
    return int(lab.run("c1", "python3", program, SERVER, "LAB", "user1", old, new))

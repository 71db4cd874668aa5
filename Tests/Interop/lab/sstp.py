"""The real SSTP client: sstpc with pppd, in a guest."""

from . import ppp
from .credentials import Authority
from .network import SERVER

def server_sections(lab, **options):
    """Sections of plugins.conf for a server that speaks SSTP, and the authority that clients trust."""
    authority = Authority(lab.path("server-ca"), "server")
    certificate, key = authority.issue(SERVER, "serverAuth")
    sections = {
        "sstp": {"library": "SSTP", "listen": ["tls://0.0.0.0:443"], **options},
        "tls": {"certificate": certificate, "key": key},
    }
    return sections, authority.certificate


class Client(ppp.Client):
    """pppd with sstpc behind it."""

    pid_file = "/tmp/pppd.pid"
    logs = ("/tmp/ppp.log", "/tmp/sstpc.log", "/tmp/pppd.out")

    def __init__(
        self, guest, authority, user, password, method="mschap-v2", server=SERVER, level=4, **options
    ):
        super().__init__(guest, user, password, method, **options)
        with open(authority) as file:
            guest.write("/tmp/ca.pem", file.read())
        # The plugin hands pppd's keys to sstpc, which makes the crypto binding of them.
        client = (
            f"sstpc --ipparam lab --nolaunchpppd --log-level {level} --log-stderr --cert-warn"
            f" --ca-cert /tmp/ca.pem {server}:443 2>/tmp/sstpc.log"
        )
        guest.write(
            "/tmp/start",
            "mkdir -p /run/sstpc\n"
            "exec pppd nodetach file /tmp/ppp.options ipparam lab plugin sstp-pppd-plugin.so"
            f' sstp-sock /run/sstpc/sstpc-lab pty "{client}"\n',
        )

    def start(self):
        start = f"setsid sh /tmp/start >/tmp/pppd.out 2>&1 </dev/null & echo $! >{self.pid_file}"
        self.guest.run(f"rm -f /tmp/*.log; {start}")
        return self

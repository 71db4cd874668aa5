"""The real SSTP client: sstpc with pppd, in a guest."""

from . import ppp
from .credentials import Authority
from .network import SERVER
from .processes import Failure, wait_until

# How long a server may take for its part of TLS and the answer to the HTTP request.
ANSWER_SECONDS = 12


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
        """Dial, and once more where nothing at all is heard after the TCP handshake. That was seen once in
        some hundred dials, of an sstpc in a guest; then what the server's kernel knows of it is printed."""
        self._dial()
        try:
            wait_until(ANSWER_SECONDS, self._was_answered, "an answer")
        except Failure:
            sockets = self.guest.lab.run("srv", "ss", "-tanpi", check=False)
            print(f"sstpc heard nothing for {ANSWER_SECONDS} s and dials again; the server has\n{sockets}")
            self.guest.run(f"kill -KILL $(head -n1 {self.pid_file})")
            self.ended()
            self._dial()
        return self

    def _was_answered(self):
        words = self.guest.run("cat /tmp/sstpc.log", check=False)
        return "Connect-Request" in words or "rror" in words or not self.running()

    def _dial(self):
        start = f"setsid sh /tmp/start >/tmp/pppd.out 2>&1 </dev/null & echo $! >{self.pid_file}"
        self.guest.run(f"rm -f /tmp/*.log; {start}")

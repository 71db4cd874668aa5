"""Certificates and static keys, made by the openssl and openvpn commands."""

import os
import subprocess

from .processes import Failure


def command(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


EC = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("rsa:2048",)


class Authority:
    """A certificate authority in a directory of its own."""

    def __init__(self, directory, name="lab", existing=False):
        """`existing`: one that was made in the directory before."""
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self.certificate = self._path("ca.pem")
        self._key = self._path("ca.key")
        if existing:
            return
        command(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
            "-subj",
            f"/CN={name} authority",
            "-keyout",
            self._key,
            "-out",
            self.certificate,
        )
        with open(self._path("index"), "w"), open(self._path("index.attr"), "w") as attributes:
            attributes.write("unique_subject = no\n")
        with open(self._path("ca.conf"), "w") as file:
            file.write(CA_CONFIG.format(directory=directory))

    def issue(self, name, usage, start="-1 day", end="+30 days", key_type=EC, alternative=None):
        """A certificate and its key, as paths.

        `usage` is serverAuth or clientAuth; the times are in the words of `date -d`; `key_type` is EC or RSA;
        `alternative` is the alternative name as openssl writes it, DNS:NAME unless said otherwise.
        """
        key, request, certificate = (self._path(f"{name}.{kind}") for kind in ("key", "csr", "pem"))
        command(
            "openssl",
            "req",
            "-newkey",
            *key_type,
            "-nodes",
            "-subj",
            f"/CN={name}",
            "-keyout",
            key,
            "-out",
            request,
        )
        times = (command("date", "-u", "-d", time, "+%Y%m%d%H%M%SZ").strip() for time in (start, end))
        extensions = self._path(f"{name}.ext")
        with open(extensions, "w") as file:
            file.write(f"extendedKeyUsage={usage}\nkeyUsage=digitalSignature\n")
            file.write(f"subjectAltName={alternative or f'DNS:{name}'}\n")
        command(
            "openssl",
            "ca",
            "-batch",
            "-config",
            self._path("ca.conf"),
            "-in",
            request,
            "-out",
            certificate,
            "-cert",
            self.certificate,
            "-keyfile",
            self._key,
            "-extfile",
            extensions,
            "-notext",
            "-startdate",
            next(times),
            "-enddate",
            next(times),
        )
        return certificate, key

    def _path(self, name):
        return os.path.join(self.directory, name)


CA_CONFIG = """[ca]
default_ca = lab
[lab]
database = {directory}/index
new_certs_dir = {directory}
default_md = sha256
policy = any
rand_serial = yes
[any]
commonName = supplied
"""


def static_key(path):
    """A key for tls-auth or tls-crypt."""
    command("openvpn", "--genkey", "secret", path)
    return path


def tls_crypt_v2_server_key(path):
    command("openvpn", "--genkey", "tls-crypt-v2-server", path)
    return path


def tls_crypt_v2_client_key(server_key, path):
    command("openvpn", "--tls-crypt-v2", server_key, "--genkey", "tls-crypt-v2-client", path)
    return path


def read(path):
    with open(path) as file:
        return file.read()

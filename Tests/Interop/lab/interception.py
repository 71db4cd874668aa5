"""Somebody between client and server who ends TLS and begins it anew: what the crypto binding is there against.

    interception.py CERTIFICATE KEY PORT SERVER
"""

import socket
import ssl
import sys
import threading


def carry(source, target):
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:
        pass
    for side in (source, target):
        try:
            side.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, ours, theirs, server):
    with ours.wrap_socket(client, server_side=True) as one:
        with theirs.wrap_socket(socket.create_connection((server, 443))) as other:
            back = threading.Thread(target=carry, args=(other, one), daemon=True)
            back.start()
            carry(one, other)
            back.join()


def main():
    certificate, key, port, server = sys.argv[1:]
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate, key)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.check_hostname = False
    theirs.verify_mode = ssl.CERT_NONE
    with socket.create_server(("0.0.0.0", int(port))) as listener:
        print("listening", flush=True)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, ours, theirs, server), daemon=True).start()


if __name__ == "__main__":
    main()

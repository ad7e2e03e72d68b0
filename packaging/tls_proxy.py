"""Serves TLS on a free port of loopback and passes what comes on to an address, for one test.

    tls_proxy.py certificate.pem key.pem 127.0.0.1:PORT

Prints its own address as its first line.
"""

import socket
import ssl
import sys
import threading


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for s in (source, sink):
            s.close()


def serve(connection, context, host, port):
    try:
        client = context.wrap_socket(connection, server_side=True)
    except (OSError, ssl.SSLError):
        return  # a client that does not trust the certificate
    server = socket.create_connection((host, int(port)))
    threading.Thread(target=pump, args=(client, server), daemon=True).start()
    pump(server, client)


def main(certificate, key, target):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    host, port = target.rsplit(":", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"https://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, context, host, port), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])

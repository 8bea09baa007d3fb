"""A program for a command: one process asks another over one connection, as many times as its argument says.

It prints the bytes that both ends sent.
"""

from __future__ import annotations

import os
import socket
import sys

REQUEST = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000


def serve(listener: socket.socket) -> None:
    link, _ = listener.accept()
    with link:
        got = b""
        while more := link.recv(1 << 16):
            got += more
            while b"\r\n\r\n" in got:
                _, _, got = got.partition(b"\r\n\r\n")
                link.sendall(RESPONSE)


def main(family: socket.AddressFamily, address: str, count: int) -> None:
    listener = socket.socket(family)
    listener.bind((address, 0))
    listener.listen()
    pid = os.fork()
    if not pid:
        serve(listener)
        os._exit(0)
    sent = 0
    with socket.create_connection(listener.getsockname()[:2]) as link:
        listener.close()
        for number in range(count):
            request = REQUEST % number
            link.sendall(request)
            left = len(RESPONSE)
            while left:
                left -= len(link.recv(left))
            sent += len(request) + len(RESPONSE)
    os.waitpid(pid, 0)
    print(sent, flush=True)


if __name__ == "__main__":
    main(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, sys.argv[1], int(sys.argv[2]))

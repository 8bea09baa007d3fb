"""Captures one exchange on loopback and prints it; run by tests in a process of its own."""

from __future__ import annotations

import os

import sockfilter
from tests.support.sockets import connected, read_exactly

REQUEST = b"GET /seen HTTP/1.1\r\n\r\n"
RESPONSE = b"HTTP/1.1 204 No Content\r\n\r\n"


def main() -> None:
    with sockfilter.capture("lo") as capture:
        with connected(None) as (client, server):
            client.sendall(REQUEST)
            read_exactly(server, len(REQUEST))
            server.sendall(RESPONSE)
            read_exactly(client, len(RESPONSE))
            port = client.getpeername()[1]
        capture.flush()
        for exchange in capture.exchanges:
            if exchange.server.port == port:
                print(exchange.request.method, exchange.request.target, exchange.response.status, flush=True)
        if os.environ.get("STAY"):
            input()


if __name__ == "__main__":
    main()

"""What clients say to the server: each kind of talk, and how many requests began in it."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from tests.support.servers import Site

KEPT_ALIVE, PIPELINED = 20, 8
# bytes of a big body that are read before its connection is reset
READ_BYTES = 100_000
# struct linger: close() sends a reset
RESETS = struct.pack("=ii", 1, 0)


def get(target: str, *fields: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: soak", *fields, "", ""]).encode()


def read(answers: BinaryIO) -> None:
    """One response, to its end."""
    fields = {}
    assert answers.readline().startswith(b"HTTP/1.1 2"), "refused"
    while (line := answers.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        fields[name.lower()] = value.strip()
    if fields.get(b"transfer-encoding") == b"chunked":
        while size := int(answers.readline(), 16):
            answers.read(size + 2)
        answers.readline()
    else:
        answers.read(int(fields.get(b"content-length", b"0")))


def kept_alive(site: Site) -> int:
    with site.connect() as link, link.makefile("rb") as answers:
        for _ in range(KEPT_ALIVE):
            link.sendall(get("/"))
            read(answers)
    return KEPT_ALIVE


def brief(site: Site) -> int:
    with site.connect() as link, link.makefile("rb") as answers:
        link.sendall(get("/brief", "Connection: close"))
        read(answers)
        assert not answers.read()
    return 1


def chunked(site: Site) -> int:
    """In both directions."""
    with site.connect() as link, link.makefile("rb") as answers:
        link.sendall(b"PUT /upload/it HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"one piece", b"and another" * 300, b""):
            link.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        read(answers)
        link.sendall(get("/chunked"))
        read(answers)
    return 2


def zipped(site: Site) -> int:
    with site.connect() as link, link.makefile("rb") as answers:
        link.sendall(get("/gzip", "Accept-Encoding: gzip"))
        read(answers)
    return 1


def pipelined(site: Site) -> int:
    with site.connect() as link, link.makefile("rb") as answers:
        link.sendall(get("/pipelined") * PIPELINED)
        for _ in range(PIPELINED):
            read(answers)
    return PIPELINED


def big(site: Site) -> int:
    with site.connect() as link, link.makefile("rb") as answers:
        link.sendall(get("/files/big"))
        read(answers)
    return 1


def reset(site: Site) -> int:
    """In the middle of a body."""
    with site.connect() as link:
        link.sendall(get("/files/big", "X-Reset: yes"))
        left = READ_BYTES
        while left > 0:
            left -= len(link.recv(left))
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
    return 1


def half_head(site: Site) -> int:
    with site.connect() as link:
        link.sendall(get("/half")[:-9])
    return 1


def half_body(site: Site) -> int:
    with site.connect() as link:
        link.sendall(b"PUT /upload/half HTTP/1.1\r\nHost: soak\r\nContent-Length: 1000\r\n\r\nnot all of it")
    return 1


# each with how often it comes in a round
MIX = (
    *((kept_alive, 6), (brief, 20), (chunked, 5), (zipped, 5)),
    *((pipelined, 3), (big, 1), (reset, 1), (half_head, 1), (half_body, 1)),
)

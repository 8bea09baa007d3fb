"""Long heads in many short segments: spans that are gathered before they are read change nothing."""

from __future__ import annotations

import pytest

from sockfilter.protocols.http1 import parser
from sockfilter.protocols.http1.opening import BULKY_BYTES
from tests.support.wire import EVERYTHING, Orders, Road, Wire, account, read_by

FIELDS = b"".join(b"X-%d: %s\r\n" % (i, b"y" * (i % 90)) for i in range(800))
SAID = {
    "fields": b"GET /a HTTP/1.1\r\n" + FIELDS + b"\r\n",
    "bare line feeds": b"GET /a HTTP/1.1\n" + FIELDS.replace(b"\r\n", b"\n") + b"\n",
    "line": b"GET /" + b"z" * 60_000 + b" HTTP/1.1\r\nA: b\r\n\r\n",
    "line that is none": b"GET /" + b"z" * 60_000 + b" nothing of HTTP\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "trailer": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + FIELDS + b"\r\n",
    "trailer without end": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + FIELDS,
    "too long": b"GET /a HTTP/1.1\r\n" + FIELDS * 9 + b"\r\nGET / HTTP/1.1\r\n\r\n",
    "not whole": b"GET /a HTTP/1.1\r\n" + FIELDS,
}


@pytest.mark.parametrize("size", [1, 2, 700])
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_gathered_spans_change_nothing(said: bytes, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    talker = wire.connection()
    if size < 700:
        # short segments begin shortly before the buffer is bulky
        said = said[: BULKY_BYTES + 2000] + said[-300:]
        talker.client(said[: BULKY_BYTES - 500])
        said = said[BULKY_BYTES - 500 :]
    for at in range(0, len(said), size):
        talker.client(said[at : at + size])
    talker.server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    gathered = accounts(wire)
    assert gathered
    monkeypatch.setattr(parser, "BULKY_BYTES", 1 << 30)
    assert accounts(wire) == gathered


def accounts(wire: Wire) -> list[tuple[object, ...]]:
    exchanges, _ = read_by(Road(Orders(), EVERYTHING, end=True, has_lane=True), wire.records)
    return [account(exchange) for exchange in exchanges]

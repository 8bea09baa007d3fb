"""Whether what was captured is what the client knows."""

from __future__ import annotations

import base64
import gzip
import hashlib
from typing import TYPE_CHECKING, Any

from tests.e2e.contract import TCP_TIMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.clients import Reply

Line = dict[str, Any]

# the parts of the timing are each rounded to a float; they add up to the whole but for that
ROUNDING_S = 1e-6


def content(half: Line) -> bytes:
    """The bytes of a body in a JSON line; all of them were asked for."""
    body = half["body"]
    return base64.b64decode(body["base64"]) if "base64" in body else body.get("text", "").encode()


def assert_agree(lines: Sequence[Line], replies: Sequence[Reply]) -> None:
    """One line for each reply, in the same order, with the same in it."""
    assert [told(line) for line in lines] == [known(reply) for reply in replies]
    for line, reply in zip(lines, replies, strict=True):
        assert_plausible_timing(line)
        assert reply.client_port in (None, line["client"]["port"])


def told(line: Line) -> tuple[object, ...]:
    """What a line says of an exchange."""
    request, response = line["request"], line["response"]
    return (
        request["method"],
        request["target"],
        _hash(content(request)),
        (*(each["status"] for each in line["informational"]), response["status"]),
        response["body"]["wire_len"],
        response["body"]["len"],
        _hash(content(response)),
        line["conn_seq"],
        line["complete"],
        line["problems"],
    )


def known(reply: Reply) -> tuple[object, ...]:
    """The same by the client."""
    is_coded = reply.body[:2] == b"\x1f\x8b"
    decoded = gzip.decompress(reply.body) if is_coded else reply.body
    return (
        reply.ask.method,
        reply.ask.target,
        _hash(reply.ask.body or b""),
        reply.statuses,
        len(reply.body),
        len(decoded),
        _hash(decoded),
        reply.conn_seq,
        True,
        [],
    )


def assert_plausible_timing(line: Line) -> None:
    """Every part is there, none is negative, and they add up; the connection opens once."""
    timing = line["timing"]
    assert ("connect" in timing) == (line["conn_seq"] == 1)
    assert set(timing) - {"connect", *TCP_TIMES} == {"send", "wait", "receive", "total"}
    assert all(seconds >= 0 for seconds in timing.values())
    parts = timing["send"] + timing["wait"] + timing["receive"]
    assert abs(timing["total"] - parts) < ROUNDING_S


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

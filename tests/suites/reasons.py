"""Why two who look at the same connection may say different things of it: what is known, and how it is recognised."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sockfilter
from sockfilter.protocols.http1.head import METHODS
from tests.suites.judging import Difference, Ends

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Line = dict[str, Any]

HEAD_END = b"\r\n\r\n"
# a record of a TLS handshake, of whatever version
TLS = b"\x16\x03"
# what depends on which of two came first: calls have the order in which they returned
ORDER = {"early-response"}
# problems of messages that have no end
UNFINISHED = {"closed", "reset", "capture-ended", "client-closed", "early-response"}
# problems of messages behind which it is not certain where the next one begins
ADRIFT = {"bad-chunk", "bad-head", "bad-length", "bad-framing", "head-too-long", "resynchronised", "unexpected-body"}


class Evidence:
    """The bytes of a capture file's connections."""

    def __init__(self, pcap: Path) -> None:
        self._pcap = pcap

    def said_by_client(self, ends: Ends) -> bytes:
        return self._data.get(ends, b"")

    @cached_property
    def _data(self) -> dict[Ends, bytes]:
        found: dict[Ends, bytes] = defaultdict(bytes)
        for stream in sockfilter.tcp_streams(str(self._pcap)):
            found[Ends(stream.src.ip, stream.src.port, stream.dst.ip, stream.dst.port)] += stream.data
        return found


def why_calls_differ(difference: Difference, evidence: Evidence) -> str | None:
    """Why system calls tell an exchange otherwise than packets; None: nothing known explains it."""
    packets, calls = difference.one, difference.other
    if packets is None or calls is None:
        if packets is None and evidence.said_by_client(difference.ends).startswith(TLS):
            return "behind TLS in one packet, but in a call of its own: HTTP is recognised by the first bytes"
        return None
    fields, told = set(difference.fields), {*packets["problems"]} ^ {*calls["problems"]}
    sizes = {field for field in fields if ".body." in field}
    if fields == {"problems"} and told <= ORDER:
        return "which of two came first: calls have the order in which they returned"
    if fields == {"problems"} and told == {"mid-stream"} and evidence.said_by_client(difference.ends).startswith(TLS):
        return "behind TLS: calls look at a connection from its first HTTP on, and cannot tell when it was opened"
    if sizes and fields - sizes <= {"complete", "problems"} and "reset" in packets["problems"]:
        return "handed over and never sent, or sent and never read: the connection was reset"
    if packets["response"] is None and calls["response"] and calls["response"]["status"] is None:
        return "no HTTP, and crossed before the connection was known to speak it: calls hear it when it is read"
    return None


def why_missing(lines: Sequence[Line], half: str, number: int, ends: Ends, evidence: Evidence) -> str | None:
    """Why tshark does not show a message; None: nothing known explains it.

    Args:
        lines: of its connection, those that have this half.
        half: request or response.
        number: which of the lines has the message.
        ends: of the connection.
        evidence: of the file.
    """
    line = lines[number]
    until = next((i for i, each in enumerate(lines) if each["connection"] == line["connection"]), 0)
    before = [problem for each in lines[until : number + 1] for problem in each["problems"]]
    is_last = number + 1 == len(lines) or lines[number + 1]["connection"] != line["connection"]
    if ADRIFT & {*before}:
        return "tshark does not go on behind a message whose framing is broken"
    if half == "request" and line["request"]["method"].encode() not in METHODS:
        return "tshark knows the registered methods alone"
    if half == "response" and line["request"] and line["request"]["method"] == "CONNECT":
        return "tshark takes what follows the answer to CONNECT for its body"
    if half == "request" and _has_other_bytes(lines, evidence.said_by_client(ends)):
        return "tshark takes bytes behind a request that are no HTTP for a head, and waits for its end"
    is_whole = half == "request" and not _has_body(line["request"]) and evidence.said_by_client(ends).endswith(HEAD_END)
    if is_last and UNFINISHED & {*line["problems"]} and not is_whole:
        return "tshark shows a message when it is whole, and this one never was"
    return None


def _has_body(request: Line) -> bool:
    return any(name.lower() in ("transfer-encoding", "content-length") for name, _ in request["headers"])


def _has_other_bytes(lines: Sequence[Line], data: bytes) -> bool:
    """Whether a client has said something between its requests."""
    at = 0
    for line in lines:
        request = line["request"]
        if not data[at:].startswith(request["method"].encode()):
            return True
        if any(name.lower() == "transfer-encoding" for name, _ in request["headers"]):
            return False
        end = data.find(HEAD_END, at)
        if end < 0:
            return False
        at = end + len(HEAD_END) + request["body"]["wire_len"]
    return False

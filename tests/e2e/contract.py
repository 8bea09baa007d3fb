"""The contracts of the JSON line and of the summary line: every field's name and type."""

from __future__ import annotations

import base64
import ipaddress
import re
from typing import Any

import sockfilter
from sockfilter.cli.ending import Reason
from sockfilter.model import Problem

Line = dict[str, Any]

FIELDS = [
    *("kind", "id", "time", "interface", "connection", "conn_seq", "client", "server", "request", "response"),
    *("informational", "timing", "complete", "problems"),
]
# what the kernel's TCP knows, where it is asked
OF_TCP = {"tcp": ("client", "server", "drops", "upstream"), "culprit": ("word", "evidence", "seconds")}
TCP_TIMES = ("queued", "think", "accept")
ENDPOINT = ["ip", "port"]
# where the process is known; all but the first two where they are
PROCESS = {
    **{"pid": int, "comm": str, "exe": str, "cmdline": list, "uid": int},
    **{"inner_pid": int, "container": str, "pod": str},
}
REQUEST = ["method", "target", "version", "headers", "body"]
RESPONSE = ["status", "reason", "version", "headers", "body"]
TIMES = ["connect", "send", "wait", "receive", "total", *TCP_TIMES]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


def assert_contract(line: Line) -> None:
    """All that the contract says of one line."""
    assert [name for name in line if name not in OF_TCP] == FIELDS
    assert all(set(line.get(name, ())) <= set(members) for name, members in OF_TCP.items())
    assert line["kind"] == "exchange"
    assert TIME.fullmatch(line["time"])
    assert isinstance(line["interface"], str)
    for name in ("id", "connection", "conn_seq"):
        assert type(line[name]) is int
        assert line[name] >= 1
    for end in (line["client"], line["server"]):
        _assert_end(end)
    _assert_half(line["request"], REQUEST)
    _assert_half(line["response"], RESPONSE)
    assert all(list(each) == ["status"] and type(each["status"]) is int for each in line["informational"])
    assert [name for name in TIMES if name in line["timing"]] == list(line["timing"])
    assert all(type(seconds) is float and seconds >= 0 for seconds in line["timing"].values())
    assert type(line["complete"]) is bool
    assert set(line["problems"]) <= {problem.value for problem in Problem}
    if None in (line["request"], line["response"]):
        assert not line["complete"]
        assert line["problems"]


def _assert_end(end: Line) -> None:
    assert list(end) == [*ENDPOINT, *(name for name in PROCESS if name in end)]
    ipaddress.ip_address(end["ip"])
    assert type(end["port"]) is int
    assert ("pid" in end) == ("comm" in end)
    assert all(type(end[name]) is kind for name, kind in PROCESS.items() if name in end)
    assert all(isinstance(word, str) for word in end.get("cmdline", []))


def _assert_half(half: Line | None, fields: list[str]) -> None:
    if half is None:
        return
    assert [name for name in half if name != "trailers"] == fields
    for name in fields[:3]:
        assert type(half[name]) is (int if name == "status" else str)
    for pair in [*half["headers"], *half.get("trailers", [])]:
        assert len(pair) == 2
        assert all(isinstance(word, str) for word in pair)
    _assert_body(half["body"])


def _assert_body(body: Line) -> None:
    assert set(body) <= {"wire_len", "len", "text", "base64", "kept"}
    assert all(type(body[name]) is int for name in ("wire_len", "len", "kept") if name in body)
    assert "wire_len" in body
    assert not {"text", "base64"} <= set(body)
    content = base64.b64decode(body["base64"]) if "base64" in body else body.get("text", "").encode()
    assert len(content) <= body.get("kept", len(content))


SUMMARY = [
    *("kind", "version", "final", "reason", "status"),
    *("started", "ended", "time", "source", "exchanges", "problems", "losses", "ledger"),
]
# those that are there where there is something to say
SUMMARY_MORE = {"signal": str, "error": str, "command": dict}
STAGES = ["balanced", "packets", "records", "fragments", "segments", "messages", "calls", "processes", "file"]
STAGES += ["missed", "tls", "secrets", "spans"]


def assert_summary(line: Line) -> None:
    """All that the contract says of the summary line."""
    assert [name for name in line if name not in SUMMARY_MORE] == SUMMARY
    assert all(type(line[name]) is kind for name, kind in SUMMARY_MORE.items() if name in line)
    assert (line["kind"], line["version"]) == ("summary", sockfilter.__version__)
    assert (line["ended"] is None) == (line["reason"] is None) == (line["status"] is None) == (not line["final"])
    assert line["reason"] in {None, *(reason.value for reason in Reason)}
    assert TIME.fullmatch(line["started"])
    assert line["started"] <= line["time"]
    assert line["ended"] in (None, line["time"])
    assert line["source"]["via"] in ("packets", "syscalls", "file")
    assert set(line["problems"]) <= {problem.value for problem in Problem}
    for loss in line["losses"]:
        assert list(loss) == ["what", "count", "remedy"]
        assert loss["count"] > 0
    if line["ledger"] is not None:
        assert list(line["ledger"]) == STAGES
        assert line["ledger"]["balanced"] or not line["final"]
        assert line["exchanges"] <= line["ledger"]["messages"]["exchanges"]

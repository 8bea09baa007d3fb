"""What tshark reads in the same file, and why it reads otherwise where it does."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.suites.judging import Ends
from tests.suites.reasons import why_missing
from tests.support.skips import need_tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from tests.suites.reasons import Evidence

Line = dict[str, Any]

READ_S = 300.0
FIELDS = (
    *("ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport"),
    *("http.request.method", "http.request.uri", "http.response.code"),
)
# whatever its ports, a connection may be HTTP; segments may come out of order; bodies are not looked into
OPTIONS = (
    *("-d", "tcp.port==1-65535,http", "-o", "tcp.reassemble_out_of_order:TRUE", "-o", "tcp.desegment_tcp_streams:TRUE"),
    *("-o", "http.decompress_body:FALSE"),
)
SEPARATOR, WITHIN = "\t", "\x1f"


class Said(NamedTuple):
    """The messages of a connection: methods and targets, and statuses, each in order."""

    requests: list[tuple[str, str]]
    statuses: list[int]


class Disagreement(NamedTuple):
    """A connection of which tshark says something else; why: None where nothing explains it."""

    ends: Ends
    ours: Said
    theirs: Said
    why: str | None

    def __str__(self) -> str:
        return f"{self.ends}: {self.ours} / tshark: {self.theirs}: {self.why or 'UNEXPLAINED'}"


def disagreements(lines: Mapping[Ends, Sequence[Line]], pcap: Path, evidence: Evidence) -> list[Disagreement]:
    """The connections of a file of which tshark says something else than sockfilter."""
    theirs = _read(pcap)
    found = []
    for ends in sorted({*lines, *theirs}):
        mine, peer = _said(lines.get(ends, ())), theirs.get(ends, Said([], []))
        if mine != peer:
            found.append(Disagreement(ends, mine, peer, _why(ends, lines.get(ends, ()), mine, peer, evidence)))
    return found


def _said(lines: Iterable[Line]) -> Said:
    """What sockfilter says of a connection, as tshark would."""
    said = Said([], [])
    for line in lines:
        request = line["request"]
        if request:
            said.requests.append((request["method"], request["target"]))
        said.statuses.extend(_statuses(line))
    return said


def _statuses(line: Line) -> list[int]:
    """Those of an exchange, each; tshark says 0 where there is none."""
    each = [one["status"] for one in line["informational"] for _ in range(one.get("count", 1))]
    return [*each, line["response"]["status"] or 0] if line["response"] else each


def _read(pcap: Path) -> dict[Ends, Said]:
    """What tshark says of each connection."""
    shown = [word for field in FIELDS for word in ("-e", field)]
    form = ("-E", f"separator={SEPARATOR}", "-E", f"aggregator={WITHIN}")
    command = [need_tool("tshark"), "-n", "-r", str(pcap), *OPTIONS, "-Y", "http", "-T", "fields", *shown, *form]
    done = subprocess.run(command, capture_output=True, check=True, timeout=READ_S)
    found: dict[Ends, Said] = defaultdict(lambda: Said([], []))
    for row in done.stdout.decode(errors="replace").split("\n")[:-1]:
        src4, src6, sport, dst4, dst6, dport, methods, targets, statuses = row.split(SEPARATOR)
        source, target = (src4 or src6, int(sport)), (dst4 or dst6, int(dport))
        if methods:
            asked = zip(methods.split(WITHIN), targets.split(WITHIN), strict=False)
            found[Ends(*source, *target)].requests.extend(asked)
        if statuses:
            found[Ends(*target, *source)].statuses.extend(map(int, statuses.split(WITHIN)))
    return found


def _why(ends: Ends, lines: Sequence[Line], ours: Said, theirs: Said, evidence: Evidence) -> str | None:
    """The reasons for all messages that tshark does not show; None: one has no reason, or tshark shows others."""
    asked = [line for line in lines if line["request"]]
    answered = [line for line in lines for _ in _statuses(line)]
    reasons = set()
    for half, those, mine, peer in (
        ("request", asked, ours.requests, theirs.requests),
        ("response", answered, ours.statuses, theirs.statuses),
    ):
        missing = _missing(mine, peer)
        if missing is None:
            return None
        reasons |= {why_missing(those, half, number, ends, evidence) for number in missing}
    return None if None in reasons else "; ".join(sorted(filter(None, reasons)))


def _missing(ours: Sequence[object], theirs: Sequence[object]) -> list[int] | None:
    """The numbers of ours that are not among theirs; None: theirs has others, or another order."""
    left, missing = list(theirs), []
    for number, message in enumerate(ours):
        if left and left[0] == message:
            left.pop(0)
        else:
            missing.append(number)
    return None if left else missing

"""The verdict on one suite, as a row of the table and the lines that it rests on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.suites.judging import by_ends, differences
from tests.suites.peers import disagreements
from tests.suites.reasons import Evidence, why_calls_differ

if TYPE_CHECKING:
    from tests.suites.running import Heard, Run

HEAD = (
    f"{'suite':<10} {'passed':>7} {'failed':>7} {'connections':>12} {'exchanges':>10} {'lost':>5} {'live=file':>10}"
    f" {'calls=packets':>14} {'tshark, explained':>18} {'unexplained':>12}"
)
# a line of pytest's summary; a test of node-tap that is not part of another
PASSED, FAILED = re.compile(r"\b(\d+) passed"), re.compile(r"\b(\d+) (?:failed|errors?)\b")
# and unittest's
RAN, OTHERWISE = re.compile(r"^Ran (\d+) tests?", re.MULTILINE), re.compile(r"(failures|errors|skipped)=(\d+)")
TAP_PASSED, TAP_FAILED = re.compile(r"^ok ", re.MULTILINE), re.compile(r"^not ok ", re.MULTILINE)


@dataclass
class Row:
    """One suite.

    Attributes:
        lost: what was lost or does not add up, in all three.
        live: exchanges that tcpdump's file tells otherwise than the live capture.
        calls: exchanges that calls tell otherwise than packets: with a reason, and without.
        peer: connections that tshark tells otherwise: with a reason, and without.
        told: a line for each of these.
        trouble: why there was no run.
    """

    name: str
    passed: int = 0
    failed: int = 0
    connections: int = 0
    exchanges: int = 0
    lost: int = 0
    live: int = 0
    calls: tuple[int, int] = (0, 0)
    peer: tuple[int, int] = (0, 0)
    told: list[str] = field(default_factory=list)
    trouble: str | None = None

    @property
    def is_good(self) -> bool:
        return bool(self.passed and self.exchanges) and not (self.lost or self.live or self.calls[1] or self.peer[1])

    def __str__(self) -> str:
        if self.trouble:
            return f"{self.name:<10} {self.trouble}"
        live = "yes" if not self.live else f"{self.live} not"
        explained, unexplained = self.calls
        calls = "yes" if not any(self.calls) else f"{explained} expl. {unexplained} not"
        return (
            f"{self.name:<10} {self.passed:>7} {self.failed:>7} {self.connections:>12} {self.exchanges:>10}"
            f" {self.lost:>5} {live:>10} {calls:>14} {self.peer[0]:>18} {self.peer[1]:>12}"
        )


def judge(name: str, run: Run) -> Row:
    """Compares all that heard a suite."""
    connections, evidence = by_ends(run.packets.lines), Evidence(run.pcap)
    row = Row(name, *_tests(run.output), len(connections), len(run.packets.lines))
    for who, heard in (("packets", run.packets), ("calls", run.calls), ("file", run.file)):
        losses = _losses(heard)
        row.told += [f"lost: {who}: {loss}" for loss in losses]
        row.lost += len(losses)
    dropped = re.search(r"(\d+) packets dropped by kernel", run.tcpdump_said)
    if dropped is None or int(dropped[1]):
        row.told.append(f"lost: tcpdump: {run.tcpdump_said.strip()}")
        row.lost += 1
    for difference in differences(run.packets.lines, run.file.lines):
        row.told.append(f"live, file: {difference}: UNEXPLAINED")
        row.live += 1
    for difference in differences(run.packets.lines, run.calls.lines, ("retransmissions",)):
        why = why_calls_differ(difference, evidence)
        row.told.append(f"packets, calls: {difference}: {why or 'UNEXPLAINED'}")
        row.calls = _counted(row.calls, why)
    for disagreement in disagreements(by_ends(run.file.lines), run.pcap, evidence):
        row.told.append(f"tshark: {disagreement}")
        row.peer = _counted(row.peer, disagreement.why)
    return row


def _counted(counts: tuple[int, int], why: str | None) -> tuple[int, int]:
    explained, unexplained = counts
    return (explained + 1, unexplained) if why else (explained, unexplained + 1)


def _losses(heard: Heard) -> list[str]:
    found = [f"{loss['count']} {loss['what']}" for loss in heard.summary["losses"]]
    ledger = heard.summary["ledger"]
    if not ledger["balanced"]:
        found.append(f"the ledger does not balance: {ledger['records']}, {ledger['messages']}")
    return found


def _tests(output: str) -> tuple[int, int]:
    """How many tests passed, and how many did not."""
    if passed := PASSED.findall(output):
        return int(passed[-1]), sum(map(int, FAILED.findall(output.splitlines()[-1])))
    if ran := RAN.findall(output):
        others = {name: int(count) for name, count in OTHERWISE.findall(output)}
        failed = others.get("failures", 0) + others.get("errors", 0)
        return int(ran[-1]) - failed - others.get("skipped", 0), failed
    return len(TAP_PASSED.findall(output)), len(TAP_FAILED.findall(output))

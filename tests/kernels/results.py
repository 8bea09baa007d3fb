"""What became of the tests on one kernel: read from the guest's file, kept for the next run, put into a table."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# what decides the outcome of a test
SOURCES = (
    *("bpf/**/*.[ch]", "vmlinux/*.h", "build_bpf.py", "src/**/*.py", "src/**/*.[ch]"),
    # as they were built
    *("src/sockfilter/objects/*.o", "src/sockfilter/libbpf/*.so"),
    *("tests/kernel/*.py", "tests/e2e/*.py", "tests/support/*.py", "tests/kernels/guest/*"),
)
# properties that tests record: instructions that the verifier went through
VERIFIED = ("verified by root", "verified by two capabilities")
COLUMNS = ("kernel", "arch", "BTF", "passed", "failed", "skipped", "not run", "seconds", *VERIFIED)


@dataclass
class Results:
    """One kernel's.

    Attributes:
        name: as the kernel was asked for.
        facts: what the guest says of itself.
        outcomes: a line of each test that has ended.
        seconds: all runs together.
        trouble: why it did not run, or not to the end.
    """

    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    trouble: str | None = None

    def count(self, outcome: str) -> int:
        return sum(line["outcome"] == outcome for line in self.outcomes)

    @property
    def missing(self) -> int:
        return int(self.facts.get("tests", len(self.outcomes))) - len(self.outcomes)

    @property
    def complete(self) -> bool:
        return bool(self.facts.get("finished")) and not self.missing

    @property
    def is_good(self) -> bool:
        return self.complete and not self.count("failed") and not self.trouble

    def most(self, name: str) -> str:
        """The largest number that tests recorded under a name."""
        found = [line["properties"][name] for line in self.outcomes if name in line.get("properties", {})]
        return str(max(found, default=""))

    def row(self) -> tuple[str, ...]:
        facts = self.facts
        return (
            f"{self.name}: {facts['release']}" if "release" in facts else self.name,
            str(facts.get("architecture", "")),
            {True: "yes", False: "no", None: ""}[facts.get("btf")],
            *(str(self.count(outcome)) for outcome in ("passed", "failed", "skipped")),
            str(self.missing),
            f"{self.seconds:.0f}",
            *(self.most(name) for name in VERIFIED),
        )


def load(path: Path, name: str) -> Results:
    """What a guest's file says."""
    results = Results(name)
    lines = path.read_text().splitlines() if path.exists() else []
    for line in map(json.loads, lines):
        if "outcome" in line:
            results.outcomes.append(line)
        elif "seconds" in line:
            results.seconds += line["seconds"]
        else:
            results.facts |= line
    return results


def begin(path: Path, mark: str) -> None:
    """Prepares a file: what is in it stays where it is of the same sources."""
    if path.exists() and path.read_text().splitlines()[:1] == [json.dumps({"mark": mark})]:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"mark": mark}) + "\n")


def mark(*words: str) -> str:
    """Stands for the sources, and for words: the kernel and what is run."""
    sum_ = hashlib.sha256("\0".join(words).encode())
    for path in sorted({path for pattern in SOURCES for path in ROOT.glob(pattern) if path.is_file()}):
        sum_.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return sum_.hexdigest()


def table(all_results: list[Results]) -> str:
    """One line for each kernel, as Markdown has it."""
    rows = [COLUMNS, tuple("---" for _ in COLUMNS), *(results.row() for results in all_results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines = []
    for row in rows:
        filler = "-" if row[0] == "---" else " "
        cells = (cell.ljust(width, filler) for cell, width in zip(row, widths, strict=True))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def remarks(results: Results) -> list[str]:
    """What is to be said beside the table: trouble, failures, and why tests were skipped."""
    lines = [f"{results.name}: {results.trouble}"] if results.trouble else []
    for line in results.outcomes:
        if line["outcome"] == "failed":
            reason = line["why"].strip().splitlines() or ["?"]
            said = next((part for part in reason if part.startswith("E ")), reason[-1])
            lines.append(f"{results.name}: {line['test']}: {said.removeprefix('E').strip()}")
    reasons = (line["why"].removeprefix("Skipped: ") for line in results.outcomes if line["outcome"] == "skipped")
    lines += [f"{results.name}: skipped {count}: {why}" for why, count in Counter(reasons).items()]
    return lines

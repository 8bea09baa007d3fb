"""The summary for programs: one JSON line. Its form is a public contract: fields are only added."""

from __future__ import annotations

import os
import select
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sockfilter import __version__
from sockfilter.cli.descriptors import STDERR, STDOUT, say
from sockfilter.cli.ending import Reason
from sockfilter.cli.stdout import Stalled
from sockfilter.cli.values import JSONL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sockfilter.cli.arguments import Options
    from sockfilter.cli.stdout import StandardOutput
    from sockfilter.ledger import Ledger
    from sockfilter.model import Problem

# Seconds to wait until the reader of the line makes room.
PATIENCE_S = 1.0


class Report:
    """Writes the summary line if it was requested: at the end, and on demand before.

    Args:
        options: the options of the capture.
        sink: standard output, which may receive the line.

    Attributes:
        is_wanted: whether the line was requested.
        is_beside_text: whether standard error is free for the summary for people.
    """

    def __init__(self, options: Options, sink: StandardOutput) -> None:
        self._options = options
        self._sink = sink
        self._fd = STDERR if options.summary_fd is None else options.summary_fd
        self._started_ns = time.time_ns()
        self._problems: Counter[str] = Counter()
        self.is_wanted = options.summary == JSONL
        self.is_beside_text = not self.is_wanted or self._fd != STDERR

    def note(self, problems: Iterable[Problem]) -> None:
        """Counts the problems of an exchange that is shown."""
        self._problems.update(problem.value for problem in problems)

    @property
    def problems(self) -> dict[str, int]:
        """The problems so far."""
        return dict(self._problems)

    def add(self, problems: Mapping[str, int]) -> None:
        """Adds problems that another process has counted."""
        self._problems.update(problems)

    def so_far(self, ledger: Ledger, shown: int) -> None:
        """Writes the counters. Raises OutputError, BrokenPipeError and Stalled if it writes to standard output."""
        self._write(self._line(ledger, shown, {"reason": None, "status": None}, is_final=False))

    def end(self, ledger: Ledger | None, shown: int, reason: Reason, status: int, **more: Any) -> None:
        """Writes the last line.

        Args:
            ledger: the counters of the capture. None: the capture never began.
            shown: the number of exchanges written to the output.
            reason: why the capture ended.
            status: the exit status of the process.
            more: further fields about the end.
        """
        if not self.is_wanted:
            return
        told = {"reason": reason.value, "status": status, **more}
        with suppress(OSError, Stalled):  # standard output has already reported its error
            self._write(self._line(ledger, shown, told, is_final=True))

    def _line(self, ledger: Ledger | None, shown: int, end: dict[str, Any], *, is_final: bool) -> bytes:
        import json  # imported only when the line is requested

        from sockfilter.forms.json_dict import time_text

        now = time_text(time.time_ns())
        losses = {} if ledger is None else ledger.losses()
        made = {
            "kind": "summary",
            "version": __version__,
            "final": is_final,
            **end,
            "started": time_text(self._started_ns),
            "ended": now if is_final else None,
            "time": now,
            "source": _source(self._options),
            "exchanges": shown,
            "problems": dict(sorted(self._problems.items())),
            "losses": [{"what": what, "count": count, "remedy": remedy} for what, (count, remedy) in losses.items()],
            "ledger": None if ledger is None else ledger.as_dict(),
        }
        return json.dumps(made, separators=(",", ":")).encode() + b"\n"

    def _write(self, data: bytes) -> None:
        if self._fd == STDOUT:
            self._sink.write(data)
        else:
            _deliver(self._fd, data)


def _source(options: Options) -> dict[str, Any]:
    """Returns the source of the capture."""
    if options.read is not None:
        return {"via": "file", "file": _text(options.read)}
    if options.interface is not None:
        return {"via": options.via, "interfaces": [_text(name) for name in options.interfaces]}
    return {"via": options.via}


def _text(words: str) -> str:
    """Escapes bytes that are not UTF-8: as lone surrogates they would be invalid in JSON (RFC 8259, 8.2)."""
    return os.fsencode(words).decode("utf-8", "backslashreplace")


def _deliver(fd: int, data: bytes) -> None:
    """Writes to a descriptor whose reader may be slow or gone. In that case, reports it and drops the rest."""
    room = select.poll()
    room.register(fd, select.POLLOUT)
    rest = memoryview(data)
    try:
        while rest:
            if not room.poll(PATIENCE_S * 1000):
                say(f"writing the summary to descriptor {fd}: it is full and nobody reads it; the line is incomplete")
                return
            rest = rest[os.write(fd, rest[: select.PIPE_BUF]) :]
    except OSError as error:
        say(f"writing the summary to descriptor {fd}: {error.strerror}")

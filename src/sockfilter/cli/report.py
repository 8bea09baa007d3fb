"""The summary for programs: one JSON line, whose form is a public contract; fields are only ever added."""

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
    from collections.abc import Iterable

    from sockfilter.cli.arguments import Options
    from sockfilter.cli.stdout import StandardOutput
    from sockfilter.ledger import Ledger
    from sockfilter.model import Problem

# seconds that the reader of the line has to make room
PATIENCE_S = 1.0


class Report:
    """Writes the summary line, where it is asked for: at the end, and at any time before.

    Args:
        options: of the capture.
        sink: standard output, which may be where it goes.

    Attributes:
        is_wanted: whether it is asked for at all.
        is_beside_text: whether the summary for people has standard error for itself.
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
        """Takes note of what is odd about an exchange that is shown."""
        self._problems.update(problem.value for problem in problems)

    def so_far(self, ledger: Ledger, shown: int) -> None:
        """Writes what there is by now. Raises OutputError, BrokenPipeError and Stalled where it goes to a full pipe."""
        self._write(self._line(ledger, shown, {"reason": None, "status": None}, is_final=False))

    def end(self, ledger: Ledger | None, shown: int, reason: Reason, status: int, **more: Any) -> None:
        """Writes the last one.

        Args:
            ledger: of the capture; None: it never began.
            shown: exchanges that went to the output.
            reason: why it ended.
            status: the exit status that follows.
            more: what else there is to say of the end.
        """
        if not self.is_wanted:
            return
        told = {"reason": reason.value, "status": status, **more}
        with suppress(OSError, Stalled):  # of standard output, which has had its own error
            self._write(self._line(ledger, shown, told, is_final=True))

    def _line(self, ledger: Ledger | None, shown: int, end: dict[str, Any], *, is_final: bool) -> bytes:
        import json  # only where the line is asked for

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
    """Where was looked."""
    if options.read is not None:
        return {"via": "file", "file": _text(options.read)}
    if options.interface is not None:
        return {"via": options.via, "interfaces": [_text(name) for name in options.interfaces]}
    return {"via": options.via}


def _text(words: str) -> str:
    """Without lone surrogates, which stand for bytes that are no UTF-8, and are not for JSON (RFC 8259, 8.2)."""
    return os.fsencode(words).decode("utf-8", "backslashreplace")


def _deliver(fd: int, data: bytes) -> None:
    """Writes to a descriptor whose reader may be slow, or gone: then that is said, and the rest is dropped."""
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

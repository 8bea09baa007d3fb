"""Captures that are read by processes of their own, several at a time. What they show keeps its order."""

from __future__ import annotations

import os
import select
import signal
from collections import deque
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol

from sockfilter.archive.ledgers import empty, from_plain, plain, summed
from sockfilter.cli.descriptors import STDOUT, say
from sockfilter.cli.ending import BROKEN_PIPE, FAILED, LOST, OK, Reason, fail
from sockfilter.cli.report import Report
from sockfilter.cli.signals import Signals
from sockfilter.cli.stdout import Stalled, StandardOutput, wants_colour
from sockfilter.cli.summary import summary
from sockfilter.errors import SockfilterError
from sockfilter.forms.sizes import count_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sockfilter.archive.groups import FileGroup
    from sockfilter.cli.arguments import Options
    from sockfilter.ledger import Ledger

# Captures that have been begun and not shown, for each process: what they show lies in files meanwhile.
AHEAD = 2
# Bytes that are copied at once.
COPY_BYTES = 1 << 20
# Bytes of a process's report: counters, of which there are some hundreds.
REPORT_BYTES = 1 << 20


class CaptureRun(Protocol):
    """Reads one capture, from its greeting to its end, and shows it on standard output.

    Attributes:
        tells_user: whether to say why the process stays root.
    """

    tells_user: bool

    @property
    def ledger(self) -> Ledger | None:
        """The counters, at the end. None: it never began."""

    @property
    def shown(self) -> int:
        """The number of exchanges shown."""

    @property
    def problems(self) -> dict[str, int]:
        """The problems of the exchanges shown."""

    def run(self) -> int:
        """Reads the capture. Returns the exit status."""


class JobResult(NamedTuple):
    """What a process reports at its end."""

    ledger: Ledger
    shown: int
    problems: dict[str, int]


class Job:
    """A process that reads one capture.

    Args:
        group: its files.
        read: reads a group in the new process, and returns the exit status and what to report.

    Attributes:
        fd: becomes readable when the process reports, and when it ends.
    """

    def __init__(self, group: FileGroup, read: Callable[[FileGroup], tuple[int, bytes]]) -> None:
        self._group = group
        self.output: IO[bytes] = TemporaryFile(buffering=0)  # noqa: SIM115  # close() closes it
        self.fd, write = os.pipe2(os.O_CLOEXEC)
        self._pid = os.fork()
        if not self._pid:
            status = FAILED
            try:
                os.setpgid(0, 0)  # so that Ctrl-C reaches the parent alone, which passes it on
                os.close(self.fd)
                os.dup2(self.output.fileno(), STDOUT)
                status, report = read(group)
                os.write(write, report)
            finally:
                os._exit(status)
        os.close(write)
        self._report = b""
        self.status = FAILED
        self.is_over = False

    def take(self) -> None:
        """Reads what the process reports. is_over is set at its end."""
        part = os.read(self.fd, COPY_BYTES)
        self._report += part
        if not part or len(self._report) > REPORT_BYTES:
            self.is_over = True
            os.close(self.fd)
            _, status = os.waitpid(self._pid, 0)
            self.status = os.waitstatus_to_exitcode(status)
            if self.status < 0:
                say(f"reading {', '.join(self._group.paths)}: the process was ended by signal {-self.status}")

    def result(self) -> JobResult:
        """Returns what the process has reported; nothing if it could not."""
        import json

        try:
            told = json.loads(self._report)
            problems = {str(name): int(count) for name, count in told["problems"].items()}
            return JobResult(from_plain(told["ledger"]), int(told["shown"]), problems)
        except (ValueError, KeyError, TypeError, AttributeError):
            return JobResult(empty(), 0, {})

    def end(self, number: int) -> None:
        """Sends a signal to the process."""
        if not self.is_over:
            os.kill(self._pid, number)


class Jobs:
    """Reads captures and shows them in their order.

    Args:
        options: the options.
        groups: the captures.
        signals: requests to end.
        sink: standard output.
        reader: makes what reads one capture.
    """

    def __init__(
        self,
        options: Options,
        groups: Sequence[FileGroup],
        signals: Signals,
        sink: StandardOutput,
        reader: Callable[[Options, Signals, StandardOutput], CaptureRun],
    ) -> None:
        self._reader = reader
        self._options, self._groups, self._signals, self._sink = options, groups, signals, sink
        self._report = Report(options, sink)
        self._is_coloured = wants_colour(options.colour)  # before standard output is another file
        self._waiting = deque(groups)
        self._begun: deque[Job] = deque()  # in the order of the captures
        self._ledgers: list[Ledger] = []
        self._shown = 0
        self._status = OK

    def run(self) -> int:
        """Reads all captures. Returns the exit status."""
        if not self._options.quiet:
            files, at_once = sum(len(group.paths) for group in self._groups), min(self._options.jobs, len(self._groups))
            what = f"{count_text(files, 'file')} of {count_text(len(self._groups), 'capture')}"
            say(f"reading {what}, {at_once} at a time; Ctrl-C ends")
        reason = Reason.FILE_END
        try:
            self._read_all()
            if self._signals.end_asked:
                reason = Reason.SIGNAL
        except BrokenPipeError as error:
            reason, self._status = Reason.READER_GONE, fail(error)
        except Stalled as error:
            reason = Reason.READER_STOPPED
            say(str(error))
        except (SockfilterError, OSError) as error:
            reason, self._status = Reason.ERROR, fail(error)
        finally:
            for job in self._begun:
                job.end(signal.SIGKILL)
        ledger = summed(self._ledgers)
        if self._status == OK and self._options.fail_on_loss and ledger.losses():
            self._status = LOST
        if not self._options.quiet and self._report.is_beside_text and self._status != BROKEN_PIPE:
            say(summary(ledger, self._shown))
        about = {"signal": self._signals.end_name} if reason is Reason.SIGNAL else {}
        self._report.end(ledger, self._shown, reason, self._status, **about)
        return self._status

    def _read_all(self) -> None:
        is_ending = False
        while self._waiting or self._begun:
            if self._signals.end_asked and not is_ending:
                is_ending = True
                self._waiting.clear()
                for job in self._begun:
                    job.end(signal.SIGINT)
            self._begin_some()
            self._wait()
            while self._begun and self._begun[0].is_over:
                self._show(self._begun.popleft())

    def _begin_some(self) -> None:
        running = sum(not job.is_over for job in self._begun)
        while self._waiting and running < self._options.jobs and len(self._begun) < AHEAD * self._options.jobs:
            self._begun.append(Job(self._waiting.popleft(), self._read))
            running += 1

    def _wait(self) -> None:
        """Waits until a process reports, or a signal comes."""
        jobs = {job.fd: job for job in self._begun if not job.is_over}
        ready, _, _ = select.select([*jobs, self._signals.fd], (), (), None)
        self._signals.drain()
        self._sink.check_reader()
        for fd in ready:
            if fd in jobs:
                jobs[fd].take()

    def _show(self, job: Job) -> None:
        with job.output as output:
            output.seek(0)
            while part := output.read(COPY_BYTES):
                self._sink.write(part)
        result = job.result()
        self._ledgers.append(result.ledger)
        self._shown += result.shown
        self._report.add(result.problems)
        if job.status:
            self._status = FAILED

    def _read(self, group: FileGroup) -> tuple[int, bytes]:
        """Reads a group, in a process of its own."""
        import json  # before the rights are given up

        options = self._options
        first, *others = group.paths
        options = options._replace(
            read=first,
            others=tuple(others),
            jobs=1,
            quiet=True,
            summary="text",
            summary_fd=None,
            fail_on_loss=False,
            colour="always" if self._is_coloured else "never",
        )
        with Signals(until_exit=True) as signals:
            run = self._reader(options, signals, StandardOutput(signals))
            run.tells_user = group is self._groups[0]  # once is enough
            status = run.run()
        told = {"ledger": plain(run.ledger or empty()), "shown": run.shown, "problems": run.problems}
        return status, json.dumps(told).encode()

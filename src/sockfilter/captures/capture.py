"""A capture as a library: a context manager that gives exchanges."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sockfilter.captures.live import SYSCALLS, observers_wanted, source_of
from sockfilter.captures.turns import Turns
from sockfilter.captures.wanted import BODY_BYTES, Keeping, Traffic, Whose, body_policy, check_memory
from sockfilter.errors import Closed
from sockfilter.ledger import PACKET_COUNTERS
from sockfilter.model.budget import MEMORY_BYTES
from sockfilter.outputs.fan import Wants
from sockfilter.sources.records import RING_BYTES
from sockfilter.views.view import ExchangeBuffer, View

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from sockfilter.ledger import Ledger
    from sockfilter.model import Exchange
    from sockfilter.model.life import Life
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.observers.interface import Observer
    from sockfilter.outputs.fan import Fan
    from sockfilter.sources.files.source import FileSource
    from sockfilter.sources.narrowing import Hosts, KernelFilter, Ports
    from sockfilter.sources.records import RecordSource
    from sockfilter.views.aio import AsyncCapture

# among the counters of a source
SENT = list(PACKET_COUNTERS).index("sent")
# exchanges that a capture keeps for its owner; the oldest go first, and are counted
EXCHANGES_MAX = 100_000
# seconds between two looks for what is due while a connection waits for bytes, and while none does
DUE_SOON_S = 0.01
DUE_S = 1.0
# seconds that an end takes, where somebody waits for it: of these, for what is in the ring, and for all that is read
# here; the rest is for what is written, and for giving everything back
END_S = 2.0
READ_AT_END_S = 0.8
TELL_AT_END_S = 1.5
# seconds that a command has for its end, once the capture's has come
COMMAND_END_S = 5.0


class NoSkipping:
    """Asks the source for everything."""

    def skip(self, stream: int, until_seq: int) -> None:
        """All of it is needed."""

    def take_all(self, stream: int) -> None:
        """As it is."""

    def reject(self, stream: int) -> None:
        """It may be HTTP/2, which belongs into the file."""

    def forget(self, stream: int) -> None:
        """The same."""


class Capture(View):
    """Exchanges of a source, from the moment it is made. Made by capture().

    Any thread may call any of it: records are taken by one thread at a time, batch by batch, and the others wait for
    the end of a batch. A child of fork may look at the exchanges and call close(); all else raises Closed there.

    Attributes:
        process: the command that capture_command() has started, which ends with the capture; None: there is none.
    """

    def __init__(
        self,
        source: RecordSource | FileSource,
        kernel_filter: KernelFilter,
        keeping: Keeping,
        observers: Mapping[str, Observer] | None = None,
    ) -> None:
        from sockfilter.road.pipeline import Pipeline  # see capture()

        super().__init__(self)
        self._source = source
        self._observers = observers or {}
        # why those at the ends are not named, where nobody said whether they should be
        self.no_processes = ""
        self._outputs = outputs = keeping.outputs
        self.kept = ExchangeBuffer(EXCHANGES_MAX)
        # a capture file is to have all bytes, those too that nobody shows
        skipping = NoSkipping() if keeping.has_frames else source
        emit, lines = keeping.emit, None
        if outputs is not None:
            outputs.begin(source)
            if emit is None and Wants.EXCHANGES in outputs.wants:
                emit, lines = outputs.write, outputs.lines
        self._pipeline = Pipeline(
            source,
            skipping,
            keeping.policy,
            kernel_filter.wants,
            emit or self.kept.add,
            lines,
            hearing=source.hearing,
            observers=observers,
            memory=keeping.memory,
        )
        self._consume = self._with_frames if keeping.has_frames else self._pipeline.consume
        self._due_ns = 0
        self._turns = Turns(self._end)
        source.also_wake_for(self._turns.wake_fd)
        self.is_closed = False
        # until the last record has been read
        self._is_live = True
        self._hurries = False
        self._unread = 0  # records
        self.process: subprocess.Popen[Any] | None = None
        self._waiting: AsyncCapture | None = None

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> AsyncCapture:
        from sockfilter.views.aio import AsyncCapture  # asyncio takes longer to import than all of this

        self._waiting = AsyncCapture(self, self)
        return self._waiting

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._waiting is not None:
            self._waiting.end()
        self.close()

    def hurry(self) -> None:
        """Lets close() take END_S at most: what has not been told by then is counted in the ledger as a loss."""
        self._hurries = True

    def close(self) -> None:
        """Ends the capture: takes what is in the ring, then ends what is open. Exchanges and ledger stay.

        Within emit, and in a signal handler, the capture ends once the batch or the wait that it interrupts is over.
        """
        if self._turns.is_here:
            self._turns.close()
        else:
            self._release()
            self._turns.release()

    @property
    def source(self) -> RecordSource | FileSource:
        """Where the packets come from."""
        return self._source

    def check(self) -> None:
        """Asks the kernel for all that is still to be asked. Raises SockfilterError where it does not answer."""
        self._turns.do(self._source.counters)
        for observer in self._observers.values():
            self._turns.do(observer.check)

    @property
    def is_full(self) -> bool:
        """Whether the last of so many files that are written has had its time."""
        return self._outputs is not None and self._outputs.is_full

    @property
    def missing_bytes(self) -> int:
        """Bytes of connections that never came, so far; the ledger says more."""
        return self._pipeline.missing_bytes

    @property
    def now_ns(self) -> int:
        """The time by the clock of its packets, in nanoseconds."""
        return self._source.now_ns

    @property
    def forgotten(self) -> int:
        """Exchanges that exchanges had no more room for."""
        return self.kept.forgotten

    @property
    def pending(self) -> list[Exchange]:
        """Exchanges that have begun, and not ended by what was read so far."""
        return self._turns.do(lambda: [] if self.is_closed else self._pipeline.pending())

    @property
    def connections(self) -> list[Life]:
        """The HTTP connections that are open by what was read so far, the oldest first, and how each is doing."""
        return self._turns.do(lambda: [] if self.is_closed else self._pipeline.lives(self._source.now_ns))

    @property
    def ledger(self) -> Ledger:
        """The counters at this moment, which balance."""
        return self._turns.do(self._ledger)

    def flush(self) -> None:
        """Returns when everything that crossed before the call is in exchanges, or counted as lost.

        An exchange whose client has closed its end by then, and was not answered, has ended too; the response of a
        server that answers all the same is noted on it when it comes.

        Raises:
            Closed: the capture has ended, or belongs to another process.
            Busy: it is called within emit.
        """
        for _ in self.flushed():
            pass

    def pump(self) -> int:
        """Takes one batch of what is there. Returns how many records that were; 0: nothing is. Raises as flush()."""
        return self._turns.do_alone(self._pump)

    def flushed(self) -> Iterator[None]:
        """As flush(), a batch at a time, for who has other things to do in between."""
        self._turns.check_process()
        self._check()
        batches = self._source.drained(self._consume)
        while self._turns.do_alone(lambda: self._has_taken(batches)):
            yield
        if self._source.hearing.both_ends:
            self._settle()

    def clear(self) -> None:
        """Forgets what crossed before, in the views of earlier marks too."""
        super().clear()
        self.kept.forget(self._first)

    def wait(self, timeout_s: float) -> None:
        """Sleeps until there is something to pump, or the capture ends, at most timeout_s seconds."""
        self._turns.check_process()
        self._check()
        due_s = DUE_SOON_S if self._pipeline.has_holes else DUE_S
        self._turns.sleep(self._source.wait, max(0.0, min(timeout_s, due_s)))

    def ask_to_be_woken(self) -> bool:
        """Makes the source's descriptor readable with the next record. False: there is something to pump."""
        return self._turns.do(lambda: not self.is_closed and self._source.ask_to_be_woken())

    def _ledger(self) -> Ledger:
        source = self._source
        read = source.records_read
        made = self._pipeline.ledger(source.counters(), read, self._is_live, source.file_counts)
        missed = dict(self._outputs.missed) if self._outputs is not None else {}
        return made._replace(records_unread=self._unread, missed=missed) if self._unread or missed else made

    def _pump(self) -> int:
        self._check()
        count = self._source.drain(self._consume)
        self._do_what_is_due()
        return count

    def _has_taken(self, batches: Iterator[int]) -> bool:
        """Takes the next of some batches. False: there is none, or the capture has ended and has taken them all."""
        if self.is_closed:
            return False
        is_one = next(batches, None) is not None
        if not is_one and not self._source.hearing.both_ends:
            self._pipeline.settle()
        self._do_what_is_due()
        return is_one

    def _end(self) -> None:
        try:
            self._end_command()
            self._source.detach()
            began_s = time.monotonic()

            def is_over(limit_s: float = TELL_AT_END_S) -> bool:
                return self._hurries and time.monotonic() - began_s >= limit_s

            batches = self._source.drained(self._consume)
            while next(batches, None) is not None and not is_over(READ_AT_END_S):
                pass
            self._is_live = False
            if is_over(READ_AT_END_S):
                self._unread = self._source.counters()[SENT] - self._source.records_read
            self._pipeline.close(self._source.now_ns, is_over)
        finally:
            self._release()
            if self._outputs is not None:
                self._outputs.close()

    def _release(self) -> None:
        """Gives everything back to the kernel; in a child of fork, what it has of it."""
        self.is_closed = True
        self._source.close()
        for observer in self._observers.values():
            observer.close()

    def _end_command(self) -> None:
        if self.process is not None and self.process.poll() is None:
            from subprocess import TimeoutExpired  # imported with the process

            self.process.terminate()
            try:
                self.process.wait(COMMAND_END_S)
            except TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _settle(self) -> None:
        """Calls whose work is done may not have come back yet; bytes that have not come by then were lost."""
        self._source.settle(lambda: self._turns.do_alone(self._drain_all), lambda: bool(self.pending))
        self._turns.do_alone(self._give_up)

    def _drain_all(self) -> int:
        return 0 if self.is_closed else self._source.drain_all(self._consume)

    def _give_up(self) -> None:
        if self.is_closed:
            return
        if self._pipeline.has_holes:
            self._pipeline.give_up_holes(self._source.now_ns)
        self._pipeline.settle()

    def _with_frames(self, view: memoryview, offsets: list[int]) -> None:
        assert self._outputs is not None  # chosen where there are some
        self._outputs.take(view, offsets)
        self._pipeline.consume(view, offsets)

    def _do_what_is_due(self) -> None:
        now_ns = self._source.now_ns
        if now_ns >= self._due_ns:
            self._source.keep_up()
            for observer in self._observers.values():
                observer.keep_up()
            self._pipeline.tick(now_ns)
            self._due_ns = now_ns + int((DUE_SOON_S if self._pipeline.has_holes else DUE_S) * 1e9)

    def _check(self) -> None:
        if self.is_closed:
            raise Closed("the capture has ended; open another")


def capture(
    interface: str | Sequence[str] | None = None,
    *,
    via: str = "packets",
    pid: int | Sequence[int] | None = None,
    comm: str | Sequence[str] | None = None,
    cgroup: str | None = None,
    unix: bool | None = None,
    ports: Ports | None = None,
    host: Hosts | None = None,
    family: int | None = None,
    netns: str | None = None,
    body: int | None = BODY_BYTES,
    ring: int = RING_BYTES,
    memory: int = MEMORY_BYTES,
    snap: int | None = None,
    promiscuous: bool = False,
    processes: bool | None = None,
    broker: str | None = None,
    emit: Callable[[Exchange], None] | None = None,
    policy: BodyPolicy | None = None,
    outputs: Fan | None = None,
) -> Capture:
    """Captures the HTTP exchanges of an interface, or of processes. Live when it returns.

    Args:
        interface: its name, the names of several, or "any" for all; None: "lo", where packets are captured.
        via: "packets", which cross an interface, or "syscalls", by which processes send and receive.
        pid: calls of this process, or of these, and of what they start; None: of all.
        comm: calls of the commands that the kernel has under this name, or under one of these.
        cgroup: calls in a cgroup or below it: its path, or a container's id.
        unix: calls on Unix stream sockets too.
        ports: connections with one of these at either end: a number, a text such as "8000,9000-9100",
            a range, or several of these. None: any port.
        host: connections with this address or network at either end, or with one of several.
        family: 4 or 6; None: both.
        netns: a network namespace by name, or by the number of a process in it. None: this one.
        body: bytes of each body to keep from the first on. None: all.
        ring: bytes between kernel and reader, made a power of two.
        memory: bytes that all that is open may take: heads, requests that wait, segments out of order, bodies. Where it
            is more, the largest connections are given up, with the problem "evicted".
        snap: bytes of each frame to take at most. None: all.
        promiscuous: take frames for other hosts too.
        processes: name the processes at both ends, which takes CAP_BPF and CAP_PERFMON. None: where there are these
            rights, and without a broker.
        broker: the socket of a broker, which attaches in place of this process. None: it does so itself.
        emit: takes each exchange when it ends; without it, they are kept in exchanges. It may look at the capture and
            close it, and must not have it take more.
        policy: what to keep of bodies, in place of body.
        outputs: take what they want of the capture; exchanges only where there is no emit.

    Raises:
        SockfilterError: one of its kinds for each thing that can be in the way; the message says what to do.
    """
    return opened(
        Traffic(interface, via, ports, host, family, netns, ring, snap, promiscuous, broker),
        Whose(pid, comm, cgroup, unix, processes),
        Keeping(policy or body_policy(body), memory, emit, outputs),
    )


def opened(traffic: Traffic, whose: Whose, keeping: Keeping) -> Capture:
    """The same, of what is asked for in groups. Raises as capture() does."""
    check_memory(keeping.memory)
    kernel_filter = traffic.kernel_filter()
    observers: dict[str, Observer] = {}
    reasons: dict[str, str] = {}

    @cache
    def prepare() -> None:
        """Imports what reads packets, and makes the outputs: that takes as long as verifying the program."""
        import_module("sockfilter.road.pipeline")
        if keeping.outputs is not None:
            keeping.outputs.prepare()

    with ExitStack() as stack:

        def meanwhile() -> None:
            """What is done while the kernel verifies the program, and before the first packet is seen."""
            nonlocal observers, reasons
            wanted = observers_wanted(traffic, whose)
            if any(is_wanted is not False for is_wanted in wanted.values()):
                from sockfilter.observers.interface import ObservedCapture, open_all  # where one is asked for

                place = ObservedCapture(traffic.netns, kernel_filter.wants, traffic.via == SYSCALLS, prepare)
                # who has connected by then is known
                observers, reasons = open_all(wanted, place, stack)
            prepare()

        source = source_of(traffic, whose, keeping, kernel_filter, meanwhile)
        made = captured(source, kernel_filter, keeping, observers)
        stack.pop_all()
    made.no_processes = reasons.get("processes", "")
    return made


def captured(
    source: RecordSource | FileSource,
    kernel_filter: KernelFilter,
    keeping: Keeping,
    observers: Mapping[str, Observer] | None = None,
) -> Capture:
    """A capture of a source, which is closed where that cannot be."""
    try:
        return Capture(source, kernel_filter, keeping, observers)
    except BaseException:
        source.close()
        raise

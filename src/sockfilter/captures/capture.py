"""A capture for programs: a context manager that collects exchanges."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sockfilter.captures.live import SYSCALLS, observers_wanted, source_of
from sockfilter.captures.secrets import secrets_of
from sockfilter.captures.wanted import BODY_BYTES, Keeping, Traffic, Whose, body_policy, check_memory, selected
from sockfilter.closing import ClosingIfForgotten
from sockfilter.errors import Closed
from sockfilter.ledger import PACKET_COUNTERS, SpanCounts
from sockfilter.model.budget import MEMORY_BYTES
from sockfilter.outputs.fan import Wants
from sockfilter.sources.records import RING_BYTES
from sockfilter.turns import Turns
from sockfilter.views.buffers import ExchangeBuffer, MessageBuffer
from sockfilter.views.view import View

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from sockfilter.captures.secrets import Secrets
    from sockfilter.filters.where import Where
    from sockfilter.ledger import Ledger
    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.model.life import Life
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.model.protocols import Protocols
    from sockfilter.observers.interface import Observer
    from sockfilter.outputs.fan import Fan
    from sockfilter.sources.files.source import FileSource
    from sockfilter.sources.narrowing import Hosts, KernelFilter, Ports
    from sockfilter.sources.records import RecordSource
    from sockfilter.views.aio import AsyncCapture

# The index of this counter among those of a source.
SENT = list(PACKET_COUNTERS).index("sent")
# The number of exchanges that a capture keeps. Beyond it, the oldest are dropped and counted.
EXCHANGES_MAX = 100_000
# The same for messages without a response, such as those of a WebSocket.
MESSAGES_MAX = 100_000
# Seconds between two checks for timers: while a connection waits for missing bytes, and otherwise.
DUE_SOON_S = 0.01
DUE_S = 1.0
# Seconds that ending a capture may take while a user waits. Of these, reading the ring may take until READ_AT_END_S,
# and processing what was read until TELL_AT_END_S. The rest is for outputs and for releasing resources.
END_S = 2.0
READ_AT_END_S = 0.8
TELL_AT_END_S = 1.5
# Seconds that a command has to end after SIGTERM, at the end of its capture.
COMMAND_END_S = 5.0


class NoSkipping:
    """Accepts skip requests and ignores them: the source delivers all bytes."""

    def skip(self, stream: int, until_seq: int) -> None:
        """Does nothing: all bytes are needed."""

    def skip_content(self, stream: int, number: int) -> bool:
        """Returns False: all bytes are needed."""
        return False

    def take_all(self, stream: int) -> None:
        """Does nothing: the source already delivers all bytes."""

    def reject(self, stream: int) -> None:
        """Does nothing: the stream may be HTTP/2, which a capture file must contain."""

    def forget(self, stream: int) -> None:
        """Does nothing, for the same reason."""


class Capture(View, ClosingIfForgotten):
    """The exchanges of a source, from the creation of the capture on. Created by capture().

    Any thread may call any method. One thread at a time reads records, batch by batch; other threads wait for the end
    of the batch. A child of fork may look at the exchanges and call close(); everything else raises Closed there.

    Attributes:
        process: the command that capture_command() has started. It ends with the capture. None: there is none.
    """

    def __init__(
        self,
        source: RecordSource | FileSource,
        kernel_filter: KernelFilter,
        keeping: Keeping,
        observers: Mapping[str, Observer] | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        from sockfilter.road.pipeline import Pipeline  # imported late; capture() imports it in parallel

        super().__init__(self)
        self._source = source
        self._observers = observers or {}
        self._secrets = secrets
        # Why processes are not named, if the caller left the choice open.
        self.no_processes = ""
        # The same for what TCP knows.
        self.no_tcp = ""
        # Why the secrets that a capture file carries are not used, if they are not.
        self.no_secrets = ""
        self._outputs = outputs = keeping.outputs
        self.kept = ExchangeBuffer(EXCHANGES_MAX)
        self.kept_messages = MessageBuffer(MESSAGES_MAX)
        # A capture file needs all bytes, including those that no output shows.
        skipping = NoSkipping() if keeping.has_frames else source
        emit, lines, figures, tallies = keeping.emit, None, None, None
        emit_message = keeping.emit_message
        if outputs is not None:
            outputs.begin(source)
            if keeping.secrets is not None:
                outputs.begin_secrets(keeping.secrets)
            if emit is None and Wants.EXCHANGES in outputs.wants:
                emit, lines, figures, tallies = outputs.write, outputs.lines, outputs.figures, outputs.tallies
            if emit_message is None and Wants.MESSAGES in outputs.wants:
                emit_message = outputs.write_message
        if emit_message is None and emit is None:
            emit_message = self.kept_messages.add
        emit = emit or self.kept.add
        self.selection = selection = keeping.selection
        if selection is not None:
            # lines are written before an exchange is made, so that it could not be tested
            emit, lines, figures, tallies = selection.exchanges(emit), None, None, None
            emit_message = emit_message and selection.messages(emit_message)
        self._pipeline = Pipeline(
            source,
            skipping,
            keeping.policy,
            kernel_filter.wants,
            emit,
            lines,
            hearing=source.hearing,
            observers=observers,
            memory=keeping.memory,
            emit_message=emit_message,
            protocols=kernel_filter.protocols,
            secrets=keeping.secrets,
            figures=figures,
            tallies=tallies,
            note_number=None if outputs is None else outputs.note_number,
            all_hops=keeping.all_hops,
        )
        self._consume = self._with_frames if keeping.has_frames else self._pipeline.consume
        self._due_ns = 0
        self._turns = Turns()
        source.also_wake_for(self._turns.wake_fd)
        # True until the last record has been read.
        self._is_live = True
        self._hurries = False
        self._unread = 0  # number of records
        self.process: subprocess.Popen[Any] | None = None
        self._waiting: AsyncCapture | None = None
        self.is_closed = False

    async def __aenter__(self) -> AsyncCapture:
        from sockfilter.views.aio import AsyncCapture  # importing asyncio takes longer than importing the rest

        self._waiting = AsyncCapture(self, self)
        return self._waiting

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._waiting is not None:
            self._waiting.end()
        self.close()

    def hurry(self) -> None:
        """Limits close() to END_S seconds. What has not been processed by then counts as a loss in the ledger."""
        self._hurries = True

    def close(self) -> None:
        """Ends the capture: reads the rest of the ring and ends open exchanges. Exchanges and ledger remain available.

        Inside emit or a signal handler, the capture ends after the batch or the wait that was interrupted.
        """
        self._turns.close(self._end, self._release)

    @property
    def source(self) -> RecordSource | FileSource:
        """The source of the packets."""
        return self._source

    def check(self) -> None:
        """Makes each kind of kernel request that a running capture needs. Raises SockfilterError if one fails."""
        self._check()
        self._turns.do(self._source.counters)
        for observer in self._observers.values():
            self._turns.do(observer.check)

    @property
    def is_full(self) -> bool:
        """Whether the last of a limited number of output files is full."""
        return self._outputs is not None and self._outputs.is_full

    @property
    def missing_bytes(self) -> int:
        """The number of bytes of connections that never arrived, so far. The ledger has the details."""
        return self._pipeline.missing_bytes

    @property
    def now_ns(self) -> int:
        """The current time in nanoseconds, by the clock of the packets."""
        return self._source.now_ns

    @property
    def forgotten(self) -> int:
        """The number of exchanges that were dropped because exchanges was full."""
        return self.kept.forgotten

    @property
    def forgotten_messages(self) -> int:
        """The number of messages that were dropped because there were too many."""
        return self.kept_messages.forgotten

    @property
    def pending(self) -> list[Exchange]:
        """Exchanges that have begun and that no record read so far has ended."""
        return self._turns.do(lambda: [] if self.is_closed else self._pipeline.pending())

    @property
    def connections(self) -> list[Life]:
        """The HTTP connections that are open according to the records read so far, oldest first, with their state."""
        return self._turns.do(lambda: [] if self.is_closed else self._pipeline.lives(self._source.now_ns))

    @property
    def ledger(self) -> Ledger:
        """The counters at this moment. They balance."""
        return self._turns.do(self._ledger)

    def flush(self) -> None:
        """Returns when everything that crossed before the call is in exchanges or counted as lost.

        An unanswered exchange whose client has closed its end also counts as ended. If the server still responds, the
        response is added to the exchange when it arrives.

        Raises:
            Closed: the capture has ended, or belongs to another process.
            Busy: the call is made inside emit.
        """
        for _ in self.flushed():
            pass

    def pump(self) -> int:
        """Reads one batch of records. Returns their number; 0: there were none. Raises the same errors as flush()."""
        return self._turns.do_alone(self._pump)

    def flushed(self) -> Iterator[None]:
        """Does the work of flush() and yields after each batch, so that the caller can do other work."""
        self._turns.check_process()
        self._check()
        batches = self._source.drained(self._consume)
        while self._turns.do_alone(lambda: self._has_taken(batches)):
            yield
        for observer in self._observers.values():
            self._turns.do(observer.keep_up)
        if self._source.hearing.both_ends:
            self._settle()

    def clear(self) -> None:
        """Forgets what crossed before, also in the views of earlier marks."""
        super().clear()
        self.kept.forget(self._first)
        self.kept_messages.forget(self._first_message)

    def wait(self, timeout_s: float) -> None:
        """Sleeps until there is something to pump or the capture ends, at most timeout_s seconds."""
        self._turns.check_process()
        self._check()
        due_s = DUE_SOON_S if self._pipeline.has_holes or self._awaits_secrets else DUE_S
        self._turns.sleep(self._source.wait, max(0.0, min(timeout_s, due_s)))

    def ask_to_be_woken(self) -> bool:
        """Makes the source's descriptor readable with the next record. False: there already is something to pump."""
        return self._turns.do(lambda: not self.is_closed and self._source.ask_to_be_woken())

    def _ledger(self) -> Ledger:
        source = self._source
        read = self._records_read
        made = self._pipeline.ledger(source.counters(), read, self._is_live, source.file_counts)
        missed = {} if self._outputs is None else self._outputs.missed
        spans = SpanCounts() if self._outputs is None else self._outputs.spans
        return made._replace(records_unread=self._unread, missed=missed, spans=spans)

    @property
    def _awaits_secrets(self) -> bool:
        return self._secrets is not None and self._secrets.is_awaited

    def _take_secrets(self) -> None:
        """Takes the secrets that have come, if bytes wait for some."""
        if self._secrets is not None and self._secrets.is_awaited:
            self._secrets.read()

    @property
    def _records_read(self) -> int:
        """How many records of packets have been read."""
        return self._source.records_read - self._pipeline.other_records

    def _pump(self) -> int:
        self._check()
        count = self._source.drain(self._consume)
        self._take_secrets()
        self._do_what_is_due()
        return count

    def _has_taken(self, batches: Iterator[int]) -> bool:
        """Reads the next batch. False: there is none, or the capture has ended and has read all of them."""
        if self.is_closed:
            return False
        is_one = next(batches, None) is not None
        self._take_secrets()
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
                self._unread = self._source.counters()[SENT] - self._records_read
            self._pipeline.close(self._source.now_ns, is_over)
        finally:
            try:
                self._release()
            finally:
                if self._outputs is not None:
                    self._outputs.close()

    def _release(self) -> None:
        """Releases all kernel resources. In a child of fork, releases the child's copies."""
        self.is_closed = True
        with ExitStack() as stack:
            for observer in self._observers.values():
                stack.callback(observer.close)
            if self._secrets is not None:
                stack.callback(self._secrets.close)
            stack.callback(self._source.close)

    def _end_command(self) -> None:
        if self.process is not None and self.process.poll() is None:
            from subprocess import TimeoutExpired  # already imported with the process

            self.process.terminate()
            try:
                self.process.wait(COMMAND_END_S)
            except TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _settle(self) -> None:
        """Waits for calls whose data has been seen but which have not returned. Missing bytes then count as lost."""
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
        assert self._outputs is not None  # frames are only read for outputs
        self._outputs.take(view, offsets)
        self._pipeline.consume(view, offsets)

    def _do_what_is_due(self) -> None:
        now_ns = self._source.now_ns
        if now_ns >= self._due_ns:
            self._source.keep_up()
            if self._secrets is not None:
                self._secrets.read()  # even if nothing waits for them: a pipe must not fill
            for observer in self._observers.values():
                observer.keep_up()
            # not now_ns: the segments that are missing may still wait in the ring
            self._pipeline.tick(self._source.read_ns)
            self._due_ns = now_ns + int((DUE_SOON_S if self._pipeline.has_holes else DUE_S) * 1e9)

    def closed_libraries(self) -> list[str]:
        """Returns the paths of TLS libraries that are in use and give no secrets to probes, if tls=True."""
        probed = None if self._secrets is None else self._secrets.probed
        return [] if probed is None else sorted({file.path for file in probed.files if not file.is_probed})

    def look_at(self, path: str) -> None:
        """Probes a program and its TLS libraries before it is started, if the capture has tls=True."""
        if self._secrets is not None and self._secrets.probed is not None:
            self._secrets.probed.look_at(path)

    def secret_problems(self) -> list[str]:
        """Returns why a source gives no more secrets, for people; each reason once."""
        secrets = self._secrets
        return [] if secrets is None else self._turns.do(secrets.problems)

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
    protocols: Protocols | None = None,
    where: Where | str | None = None,
    pcap: str | None = None,
    netns: str | int | None = None,
    body: int | None = BODY_BYTES,
    ring: int = RING_BYTES,
    memory: int = MEMORY_BYTES,
    snap: int | None = None,
    promiscuous: bool = False,
    processes: bool | None = None,
    broker: str | None = None,
    keylog: str | None = None,
    tls: bool = False,
    tcp: bool | None = None,
    stacks: bool = False,
    all_hops: bool = False,
    emit: Callable[[Exchange], None] | None = None,
    emit_message: Callable[[StreamMessage], None] | None = None,
    policy: BodyPolicy | None = None,
    outputs: Fan | None = None,
) -> Capture:
    """Captures the HTTP exchanges of an interface or of processes. The capture has begun when it returns.

    Args:
        interface: a name, several names, or "any" for all. None: "lo", if packets are captured.
        via: "packets", as they cross an interface, or "syscalls", by which processes send and receive.
        pid: capture calls of this process or these processes and of their descendants. None: of all.
        comm: capture calls of processes with this command name, or with one of these, as the kernel has it.
        cgroup: capture calls in this cgroup and below it: its path, or the id of a container.
        unix: also capture calls on Unix stream sockets.
        ports: connections with one of these at either end: a number, a text such as "8000,9000-9100",
            a range, or several of these. None: any port.
        host: connections with this address or network at either end, or with one of several. None: any host.
        family: 4 or 6; None: both.
        protocols: protocols to read beside HTTP: "mqtt,smtp", a list of names, or "all". None: none. messages()
            returns what they carry.
        where: keep only exchanges and messages that meet these conditions: a Where, or a filter such as
            "status >= 500". None: all.
        pcap: a filter in the language of pcap-filter(7), which each packet must pass in the kernel before all other
            filters. Requires libpcap. None: none.
        netns: a network namespace by name, or by the number of a process in it. None: this one.
        body: the number of bytes to keep of each body, from its beginning. None: all.
        ring: the size of the ring in bytes, rounded to a power of two.
        memory: the bytes that open connections may take in total: heads, waiting requests, out-of-order segments,
            bodies. Beyond it, the largest connections are evicted, with the problem "evicted".
        snap: the maximum number of bytes to take of each frame. None: all.
        promiscuous: also take frames for other hosts.
        processes: name the processes at both ends. This needs CAP_BPF and CAP_PERFMON. None: if this process has these
            rights and uses no broker.
        broker: the socket of a broker that attaches on behalf of this process. None: this process attaches.
        keylog: open TLS with the secrets in this file, which programs write where SSLKEYLOGFILE says. It is read as it
            grows, and need not exist yet. None: TLS is not opened.
        tls: open TLS with the secrets that the TLS libraries of all processes give to probes. This needs CAP_BPF and
            CAP_PERFMON, and CAP_SYS_PTRACE for processes of other users.
        tcp: add to exchanges what the kernel's TCP knows of them. This needs CAP_BPF, CAP_PERFMON and BTF. None: where
            processes are named, if it is possible.
        stacks: with tcp, note the kernel's stack of each drop, at most ten a second on each CPU.
        all_hops: a connection that crosses several interfaces has its exchanges on each of them. Otherwise they are on
            the interface that it was first seen on, with their path.
        emit: is called with each exchange when it ends. None: exchanges keeps them. It may look at the capture and
            close it, but must not make the capture read more.
        emit_message: is called with each message without a response as it passes. None: messages() keeps them, unless
            emit is given.
        policy: what to keep of bodies; replaces body.
        outputs: the outputs that receive what they want from the capture. They receive exchanges only without emit.

    Raises:
        SockfilterError: the capture is not possible. Each cause has a subclass; the message says what to do.
    """
    policy = policy or body_policy(body)
    selection = selected(where, policy)
    if selection is not None:
        processes = selection.processes(processes)
        tcp = selection.tcp(tcp)
    return opened(
        Traffic(
            interface, via, ports, host, family, netns, ring, snap, promiscuous, broker, protocols, keylog, tls, pcap
        ),
        Whose(pid, comm, cgroup, unix, processes, True if stacks else tcp, stacks),
        Keeping(policy, memory, emit, outputs, emit_message, selection=selection, all_hops=all_hops),
    )


def opened(traffic: Traffic, whose: Whose, keeping: Keeping) -> Capture:
    """Opens a capture from grouped arguments. Raises the same errors as capture()."""
    check_memory(keeping.memory)
    traffic.check()
    kernel_filter = traffic.kernel_filter()
    secrets = secrets_of(traffic)
    if secrets is not None:
        keeping = keeping._replace(secrets=secrets.store)
    if keeping.selection is not None:
        kernel_filter = keeping.selection.narrow(kernel_filter)
    observers: dict[str, Observer] = {}
    reasons: dict[str, str] = {}

    @cache
    def prepare() -> None:
        """Imports the pipeline and creates the outputs, which takes as long as verifying the program."""
        import_module("sockfilter.road.pipeline")
        if secrets is not None:
            import_module("sockfilter.tls.conversation")
        if keeping.outputs is not None:
            keeping.outputs.prepare()

    with ExitStack() as stack:
        if keeping.outputs is not None:
            stack.callback(keeping.outputs.abandon)
        if secrets is not None:
            stack.callback(secrets.close)

        def meanwhile() -> None:
            """Runs while the kernel verifies the program, before the first packet is seen."""
            nonlocal observers, reasons
            wanted = observers_wanted(traffic, whose)
            if any(is_wanted is not False for is_wanted in wanted.values()):
                from sockfilter.observers.interface import ObservedCapture, open_all  # only if an observer is requested

                place = ObservedCapture(traffic.namespace, kernel_filter.wants, traffic.via == SYSCALLS, prepare)
                ports = [port for first, last in kernel_filter.ports or () for port in range(first, last + 1)]
                place = place._replace(stacks=whose.stacks, ports=ports or None)
                # Processes of connections that exist by now are known from here on.
                observers, reasons = open_all(wanted, place, stack)
            prepare()
            if secrets is not None:
                secrets.wait_ready()

        source = source_of(traffic, whose, keeping, kernel_filter, meanwhile)
        if secrets is not None:
            stack.callback(source.close)
            secrets.join()
        made = captured(source, kernel_filter, keeping, observers, secrets)
        stack.pop_all()
    made.no_processes = reasons.get("processes", "")
    made.no_tcp = reasons.get("tcp", "")
    return made


def captured(
    source: RecordSource | FileSource,
    kernel_filter: KernelFilter,
    keeping: Keeping,
    observers: Mapping[str, Observer] | None = None,
    secrets: Secrets | None = None,
) -> Capture:
    """Returns a capture of a source. Closes the source and the outputs if that fails."""
    try:
        return Capture(source, kernel_filter, keeping, observers, secrets)
    except BaseException:
        source.close()
        if keeping.outputs is not None:
            keeping.outputs.abandon()
        raise

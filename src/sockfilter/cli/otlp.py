"""--otlp: the process that sends traces to a collector, and what it takes from the options and the environment."""

from __future__ import annotations

import os
import select
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sockfilter import __version__
from sockfilter.cli import beside, otlp_settings, privileges, sandbox
from sockfilter.cli.descriptors import say
from sockfilter.system.local_addresses import local_addresses
from sockfilter.traces.pipe import SpanPipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sockfilter.captures.archive import ArchiveCapture
    from sockfilter.captures.capture import Capture
    from sockfilter.cli.arguments import Options
    from sockfilter.cli.otlp_settings import OtlpSettings
    from sockfilter.cli.privileges import UserChoice
    from sockfilter.cli.signals import Signals
    from sockfilter.model import Connection
    from sockfilter.traces.member import TracesMember

# Seconds that the exporter has at the end to send what waits: if a person waits, and otherwise.
HURRIED_S, PATIENT_S = 1.0, 10.0
ENDED = "the process that sends traces has ended; the capture goes on"
# what resolving a host and checking a certificate may read
READABLE = (
    *("/etc/resolv.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/run/systemd/resolve"),
    *("/etc/ssl", "/etc/pki", "/usr/share/ca-certificates"),
)


class Traces:
    """The exporter, which starts now and ends with close(). Call this before any thread is started.

    Args:
        options: the options.
        choice: the user whom the exporter becomes.
        signals: whether a person has asked for the end.
    """

    def __init__(self, options: Options, choice: UserChoice, signals: Signals) -> None:
        beside.need("--otlp", "opentelemetry-proto", "otlp", "opentelemetry.proto", "google.protobuf")
        self._options = options
        self._signals = signals
        self._settings = otlp_settings.settings(options.otlp or "", os.environ)
        self._member: TracesMember | None = None
        reading, writing = os.pipe2(os.O_CLOEXEC)
        hearing, telling = os.pipe2(os.O_CLOEXEC)
        self._pid = beside.start(
            "the process that sends traces",
            lambda: _export(reading, telling, self._settings, options, choice),
            *(reading, telling),
        )
        os.close(reading)
        os.close(telling)
        # a file can wait; traffic cannot
        self._pipe = SpanPipe(writing, hearing, waits=options.read is not None, gone=lambda: say(ENDED))

    def begin(self, capture: Capture | ArchiveCapture) -> None:
        """Lets the exporter look for the collector. Before, what it says would come before the greeting."""
        capture.source.also_wake_for(self._pipe.fileno())
        self._pipe.go()

    def member(self, is_wanted: Callable[[Connection], bool] | None) -> TracesMember:
        """Returns the traces as an output. is_wanted: whether to send what a connection carries; None: all is sent."""
        from sockfilter.statistics.routes import router
        from sockfilter.traces.member import TracesMember
        from sockfilter.traces.resources import Resources
        from sockfilter.traces.spans import SpanMaker

        options, settings = self._options, self._settings
        is_live = options.read is None
        host = {"host.name": socket.gethostname()} if is_live else {}
        resources = Resources({**host, **settings.resource}, show_secrets=options.show_secrets)
        maker = SpanMaker(resources, router(options.routes), show_secrets=options.show_secrets)
        sampler = settings.sampler if options.sample is None else settings.sampler._replace(ratio=options.sample)
        local = local_addresses(options.netns) if is_live else frozenset[str]()
        self._member = TracesMember(
            self._pipe,
            maker,
            sampler,
            local,
            settings.address.port,
            options.count,
            is_wanted,
            lambda: self._patience_s,
        )
        return self._member

    def wanted(self, others: Callable[[Connection], bool] | None) -> Callable[[Connection], bool] | None:
        """Returns whether a connection is not the exporter's own, and meets another condition. None: all do."""
        options = self._options
        if options.read is not None or options.netns is not None:
            return others
        return beside.both(self._is_other, others)

    def close(self) -> None:
        """Ends the exporter. May be repeated."""
        self._pipe.close()
        if self._pid:
            # it has had its time
            with suppress(ProcessLookupError, PermissionError, ChildProcessError):
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
        self._pid = 0

    def _is_other(self, connection: Connection) -> bool:
        return self._member is None or self._member.is_other(connection)

    @property
    def _patience_s(self) -> float:
        return HURRIED_S if self._signals.end_asked else PATIENT_S


def _export(reading: int, telling: int, settings: OtlpSettings, options: Options, choice: UserChoice) -> None:
    """Sends traces until the capture says that no more follow, or closes the pipe."""
    # names of hosts are encoded by it; the new user may not be able to read it
    import encodings.idna  # noqa: F401

    from sockfilter.traces.collector import CollectorLink
    from sockfilter.traces.exporter import Exporter, line_of

    os.set_blocking(telling, False)

    def tell(report: Mapping[str, Any], *, must: bool = False) -> None:
        """Writes a report. Counts are complete each time, so that one may be left out if there is no room."""
        line = line_of(report)
        while True:
            try:
                os.write(telling, line)
                return
            except BlockingIOError:
                if not must:
                    return
                select.select([], [telling], [])
            except BrokenPipeError:  # the capture was killed: nobody asks any more
                return

    collector = CollectorLink(
        settings.address,
        settings.headers,
        settings.tls,
        settings.timeout_s,
        compresses=settings.compresses,
        opening=lambda ends: tell({"ends": ends}, must=True),
    )
    waits = options.read is not None
    name = str(settings.address)
    exporter = Exporter(collector, name, settings.limits, __version__, waits=waits, report=tell, say=say)
    privileges.give_up(choice, lambda: None)
    if options.sandbox:
        sandbox.enter(
            [], has_command=False, reads_code=not choice.hides_code, hints=False, followed=READABLE, connects=True
        )
    if os.read(reading, 1):
        exporter.run(reading)

"""--prometheus: the process that serves the metrics.

It makes the text too, so that a scrape costs the capture only a copy of the counts.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sockfilter import __version__
from sockfilter.cli import beside, privileges, sandbox
from sockfilter.cli.descriptors import say
from sockfilter.metrics.asking import AnsweringEnd, AskingEnd, Channel, channels
from sockfilter.page import addresses
from sockfilter.system.local_addresses import local_addresses

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from sockfilter.captures.archive import ArchiveCapture
    from sockfilter.captures.capture import Capture
    from sockfilter.cli.arguments import Options
    from sockfilter.cli.privileges import UserChoice
    from sockfilter.metrics.member import MetricsMember
    from sockfilter.metrics.snapshot import Family
    from sockfilter.model import Connection

ENDED = "the server of the metrics has ended; the capture goes on"


class Prometheus:
    """The server of the metrics, which starts now and ends with close(). Call this before any thread is started.

    Args:
        options: the options.
        choice: the user whom the server becomes.

    Raises InvalidArgument.
    """

    def __init__(self, options: Options, choice: UserChoice) -> None:
        beside.need("--prometheus", "prometheus-client", "prometheus", "prometheus_client")
        wanted = addresses.place(options.prometheus or "")
        is_page = options.web is not None and wanted.port == addresses.place(options.web).port
        listener = addresses.listen(wanted, "--prometheus", "", "the page of --web" if is_page else "another program")
        self._at = wanted._replace(port=listener.getsockname()[1])
        self._options = options
        here, there = channels()
        kept = (*there, listener.fileno())
        beside.start("the server of the metrics", lambda: _serve(there, listener, options, choice), *kept)
        for fd in there[:2]:
            os.close(fd)
        listener.close()
        self._known = local_addresses(options.netns)
        self._member: MetricsMember | None = None
        self._end = AnsweringEnd(here, self._counts, lambda: say(ENDED))

    def member(self, is_wanted: Callable[[Connection], bool] | None) -> MetricsMember:
        """Returns the metrics as an output. is_wanted: whether to count what a connection carries. None: all is."""
        from sockfilter.metrics.capture_metrics import CaptureMetrics
        from sockfilter.metrics.member import MetricsMember

        options = self._options
        own = None if options.netns is not None else addresses.OwnConnections(self._at, self._known).are_others
        more = options.prometheus_labels.split(",") if options.prometheus_labels else ()
        metrics = CaptureMetrics(options.routes, more, self._known, beside.both(own, is_wanted))
        can_tally = is_wanted is None and not (more or options.tcp or options.stacks)
        self._member = MetricsMember(metrics, can_tally=can_tally)
        return self._member

    def begin(self, capture: Capture | ArchiveCapture) -> None:
        """Answers the server from now on, and says where it is."""
        if self._member is not None:
            self._member.answer(self._end, capture)
        capture.source.also_wake_for(self._end.fileno())
        at = self._at._replace(ip=addresses.LOOPBACK) if self._at.is_everywhere else self._at
        say(f"metrics are at http://{at}/metrics")
        if not self._at.is_loopback:
            say(f"whoever reaches port {self._at.port} of this machine can read them: they name hosts and routes")

    def close(self) -> None:
        """Ends the server. May be repeated."""
        self._end.close()
        if self._member is not None and self._member.has_overflowed and not self._options.quiet:
            say(f'metrics: more than {self._member.limit} series; further labels were counted under other="true"')

    def _counts(self) -> list[Family]:
        return [] if self._member is None else self._member.snapshot()


def _serve(channel: Channel, listener: socket.socket, options: Options, choice: UserChoice) -> None:
    """Serves the metrics until the capture closes its end of the channel."""
    from threading import Thread

    from sockfilter.metrics.server import MetricsServer

    end = AskingEnd(channel)
    server = MetricsServer(listener, end.ask, __version__)
    privileges.give_up(choice, lambda: None)
    if options.sandbox:
        sandbox.enter([], has_command=False, reads_code=not choice.hides_code, hints=False, serves=True)
    Thread(target=server.serve_forever, daemon=True).start()
    end.listen()

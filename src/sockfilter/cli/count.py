"""sockfilter count: how many packets pass an interface, of which kinds, and where they vanish."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

from sockfilter.cli import subcommand, values
from sockfilter.cli.descriptors import STDOUT, say
from sockfilter.cli.stdout import StandardOutput
from sockfilter.cli.values import JSONL
from sockfilter.errors import InterfaceGone, InvalidArgument

if TYPE_CHECKING:
    import argparse

    from sockfilter.cli.signals import Signals
    from sockfilter.counting.counting import PacketCounting
    from sockfilter.counting.counts import PacketCounts

OK, GONE = 0, 1
TEXT = "text"
INTERVAL_S = 1.0
# clears the terminal from where the table before began: cursor up, erase below (ECMA-48, 8.3.22 and 8.3.39)
UP, CLEAR = "\x1b[{}A\r", "\x1b[J"
USUAL_LINES = 24

DESCRIPTION = """\
Counts the packets of an interface by direction, IP version, protocol, EtherType and VLAN, and shows them live. Every
packet passes, and other programs at the interface are left alone. Further places show where packets vanish.
"""
EPILOG = """\
places for --at:
  device       the counters of the driver
  xdp          before everything else, arriving packets only; xdp:native and xdp:generic choose the mode
  tcx          the hooks of traffic control
  socket       segments that reached an established TCP socket
  drops        packets that the kernel dropped, by reason

examples:
  sudo sockfilter count -i lo --once                       one second of loopback
  sudo sockfilter count -i lo --at device,tcx,drops --duration 2s
  sudo sockfilter count -i lo --format jsonl --once        for programs

exit status: 0 it was counted; 1 it could not be, or the interface has gone; 2 the command line is invalid.
"""


def get_parser() -> argparse.ArgumentParser:
    """Returns the command's parser."""
    parser = subcommand.parser("count", DESCRIPTION, EPILOG)
    parser.add_argument("-i", "--interface", dest="interface", metavar="NAME", help="the interface")
    parser.add_argument(
        "--at", action="append", metavar="PLACES", help="count at these places too, separated by commas; see below"
    )
    parser.add_argument("--once", action="store_true", help="end after one interval")
    parser.add_argument(
        "--interval",
        type=values.duration,
        default=INTERVAL_S,
        metavar="TIME",
        help="the time between two tables: seconds, or 500ms, 5m (1s)",
    )
    parser.add_argument("--duration", type=values.duration, metavar="TIME", help="end after this time")
    parser.add_argument("--netns", metavar="NAME|PID", help="count in this network namespace")
    parser.add_argument("-q", "--quiet", action="store_true", help="write no line about the beginning and the end")
    parser.add_argument("--format", type=values.form, choices=(TEXT, JSONL), default=TEXT, help="tables, or JSON lines")
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Counts until the end is requested. Returns the exit status. Raises SockfilterError."""
    from sockfilter.counting.counting import PacketCounting, places
    from sockfilter.system.namespace import entered

    options = subcommand.parsed(get_parser(), words)
    if isinstance(options, int):
        return options
    if not options.interface:
        raise InvalidArgument("sockfilter count: which interface? -i NAME; sockfilter -D lists them")
    if options.once and options.duration is not None:
        raise InvalidArgument("--once ends after one --interval; without it, --duration ends after several")
    at = places(",".join(options.at)) if options.at else []
    sink = StandardOutput(signals)
    with entered(options.netns):
        counting = PacketCounting(options.interface, at, has_to=False)
    with counting:
        for reason in counting.left_out:
            say(f"{reason}: counting without it")
        if not options.quiet:
            say(_greeting(counting))
        return Showing(options, signals, sink, counting).run()


def _greeting(counting: PacketCounting) -> str:
    modes = "".join(f"; XDP is {mode}" for mode in counting.modes.values())
    slow = ", which costs a veth device a tenth of its rate" if counting.modes.get("xdp") == "native" else ""
    return f"counting on {counting.interface}{modes}{slow}; Ctrl-C ends"


class Showing:
    """Shows what was counted, interval by interval, and all of it at the end."""

    def __init__(
        self, options: argparse.Namespace, signals: Signals, sink: StandardOutput, counting: PacketCounting
    ) -> None:
        self._options = options
        self._signals = signals
        self._sink = sink
        self._counting = counting
        self._is_json = options.format == JSONL
        self._is_live = not self._is_json and os.isatty(STDOUT) and os.environ.get("TERM") != "dumb"
        self._shown_lines = 0
        self._last: PacketCounts | None = None

    def run(self) -> int:
        """Shows until a signal, the duration, or the end of the interface. Returns the exit status."""
        status = OK
        began = time.monotonic()
        lasts_s = self._options.interval if self._options.once else self._options.duration
        due = began
        try:
            while True:
                due += self._options.interval
                until = due if lasts_s is None else min(due, began + lasts_s)
                self._wait_until(until)
                self._show_interval()
                if self._signals.end_asked or (lasts_s is not None and until >= began + lasts_s):
                    break
        except InterfaceGone as error:
            say(str(error))
            status = GONE
        self._show_end()
        return status

    def _wait_until(self, due: float) -> None:
        while not self._signals.end_asked and (left := due - time.monotonic()) > 0:
            select.select([self._signals.fd], [], [], left)
            self._signals.drain()
            self._sink.check_reader()

    def _show_interval(self) -> None:
        now = self._counting.snapshot()
        counts = now if self._last is None else now - self._last
        self._last = now
        if self._is_json:
            self._write_json("count", counts)
            return
        from sockfilter.cli.count_text import table

        text = table(counts, self._counting.modes, _lines() if self._is_live else None)
        if self._is_live:
            before = UP.format(self._shown_lines) + CLEAR if self._shown_lines else ""
            self._shown_lines = text.count("\n")
            text = before + text
        elif not self._options.once:
            text += "\n"
        self._sink.write(text.encode())

    def _show_end(self) -> None:
        """Shows all that was counted, since before the greeting."""
        counts = self._last
        if counts is None:
            return  # the interface went before the first interval ended
        if self._is_json:
            if not self._options.once:
                self._write_json("count-total", counts)
            return
        if not self._options.quiet:
            from sockfilter.cli.count_text import summary

            say(summary(counts))

    def _write_json(self, kind: str, counts: PacketCounts) -> None:
        import json

        made = {"kind": kind, "time": time.time(), **counts.as_dict(), "modes": self._counting.modes}
        self._sink.write(json.dumps(made).encode() + b"\n")


def _lines() -> int:
    try:
        return os.get_terminal_size(STDOUT).lines or USUAL_LINES
    except OSError:
        return USUAL_LINES

"""sockfilter top: the exchanges of a capture on a live screen."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from sockfilter.cli import arguments, settings, stdout, subcommand, values
from sockfilter.cli.capture_words import divided, refuse
from sockfilter.cli.descriptors import STDIN, STDOUT
from sockfilter.cli.ending import Reason
from sockfilter.cli.parser import Once
from sockfilter.cli.run import Run
from sockfilter.cli.stdout import StandardOutput
from sockfilter.errors import InvalidArgument, installing
from sockfilter.recent.store import RECENT_BYTES, RECENT_MAX, RecentExchanges

if TYPE_CHECKING:
    from sockfilter.captures.archive import ArchiveCapture
    from sockfilter.captures.capture import Capture
    from sockfilter.cli import hints
    from sockfilter.cli.arguments import Options
    from sockfilter.cli.shown import Shown
    from sockfilter.cli.signals import Signals
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.outputs.fan import Fan, Member
    from sockfilter.road.recent_frames import RecentFrames

DESCRIPTION = """\
Shows the exchanges of a capture on a live screen: a table that follows, with a waterfall; details of each exchange;
connections, statistics and losses. Captures as sockfilter does, live, of a command, or from a file, and takes the same
options. Press ? for the keys.
"""
EPILOG = """\
examples:
  sudo sockfilter top -i lo                       everything on loopback
  sudo sockfilter top -i any --tls                also what is in TLS
  sudo sockfilter top -i eth0 --show 'status >= 500'
  sockfilter top -r web.pcapng                    a capture file, or a HAR file

exit status: as that of a capture (sockfilter -h); 2 if there is no terminal, or if textual is not installed.
"""
# Options of a capture that have no meaning here, by their names in Options.
REFUSED = {
    "format": "--format",
    "stats": "--stats",
    "by": "--by",
    "routes": "--routes",
    "list_interfaces": "-D",
    "verbosity": "-v",
    "wide": "--wide",
}
MISSING = f"the live screen needs textual, which is not installed: {installing('screen')}"
# Bytes to keep of each body, unless --body says how many: most bodies of an API, laid out in the details.
BODY_BYTES = 64 << 10
# Thresholds of the garbage collector. The kept exchanges are millions of objects and no garbage: going through all of
# them takes a second, in which no key is answered. The numbers let it go through the new objects alone.
COLLECTOR = (20_000, 10, 1_000_000)
# Seconds after which another thread gets its turn. Python's own 5 ms make a key wait for several batches.
SWITCH_S = 0.001
MIB = 1 << 20
# Bytes of frames that are kept of a capture file: all frames of most files that a person looks through.
FRAMES_BYTES = 64 << 20
# the options of the screen by their names
NOT_GIVEN: dict[str, None] = dict.fromkeys(("keep", "keep_memory", "keep_frames", "show", "save_to"))


def _keep(text: str) -> int:
    return values.number(text, 1, "the number of exchanges")


def _mib(text: str) -> int:
    return values.number(text, 1, "the number of MiB") * MIB


def _mib_or_none(text: str) -> int:
    return values.number(text, 0, "the number of MiB") * MIB


def get_parser() -> argparse.ArgumentParser:
    """Returns the parser of the options that a capture does not have."""
    parser = subcommand.parser("top", DESCRIPTION, EPILOG)
    parser.usage = "%(prog)s [options of a capture] [options] [-- COMMAND [ARGUMENT ...]]"
    parser.add_argument(
        "--keep",
        action=Once,
        default=argparse.SUPPRESS,
        type=_keep,
        metavar="N",
        help=f"exchanges to keep; the oldest go ({RECENT_MAX})",
    )
    parser.add_argument(
        "--keep-memory",
        action=Once,
        default=argparse.SUPPRESS,
        type=_mib,
        metavar="MIB",
        help=f"memory that the kept exchanges may take, about ({RECENT_BYTES >> 20})",
    )
    parser.add_argument(
        "--keep-frames",
        action=Once,
        default=argparse.SUPPRESS,
        type=_mib_or_none,
        metavar="MIB",
        help=f"also keep the last frames, to save connections as pcapng; live it costs time"
        f" (of a file {FRAMES_BYTES >> 20}, live 0)",
    )
    parser.add_argument(
        "--show",
        action=Once,
        default=argparse.SUPPRESS,
        metavar="FILTER",
        help="show only exchanges that meet this filter at first; all are captured, unlike with -Y",
    )
    parser.add_argument(
        "--save-to",
        action=Once,
        default=argparse.SUPPRESS,
        metavar="FOLDER",
        help="the folder for saved files (the working directory)",
    )
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Captures and shows. Returns the exit status. Raises SockfilterError and OSError."""
    parsed = divided(get_parser(), words)
    if isinstance(parsed, int):
        return parsed
    given, rest, command = parsed
    own = argparse.Namespace(**{**NOT_GIVEN, **vars(given)})
    options = arguments.parse(rest + command, settings.values)
    _check(options, own)
    _check_terminal()
    try:
        import_module("textual")
    except ImportError as error:
        raise InvalidArgument(MISSING) from error
    gc.set_threshold(*COLLECTOR)
    return TopRun(options, signals, StandardOutput(signals), own).run()


def _check(options: Options, own: argparse.Namespace) -> None:
    """Raises InvalidArgument if an option has no meaning here."""
    refuse(options, REFUSED, "sockfilter top, which shows exchanges on its screen")
    if options.write == "-":
        raise InvalidArgument("-w -: sockfilter top needs standard output for its screen; use a file name")
    if options.read == "-":
        raise InvalidArgument(
            "-r -: sockfilter top reads its keys from standard input; save the capture to a file first"
        )
    if own.show is not None:
        from sockfilter.filters.where import Where

        Where.parse(own.show)
    if own.save_to is not None and not os.path.isdir(own.save_to):
        raise InvalidArgument(f"--save-to {own.save_to}: there is no such folder; create it first")


def _check_terminal() -> None:
    """Raises InvalidArgument if there is no terminal for the screen."""
    for fd, name in ((STDIN, "input"), (STDOUT, "output")):
        if not os.isatty(fd):
            raise InvalidArgument(
                f"sockfilter top needs a terminal, and standard {name} is none: run it without a pipe or a redirection;"
                " sockfilter -i shows lines anywhere, and over ssh use ssh -t"
            )
    if os.environ.get("TERM", "dumb") == "dumb":
        raise InvalidArgument("sockfilter top needs a terminal that can move its cursor, and TERM says dumb: set TERM")


class TopRun(Run):
    """A capture whose exchanges are on a screen.

    Args:
        options, signals, sink: as for Run.
        own: the options of the screen.
    """

    def __init__(self, options: Options, signals: Signals, sink: StandardOutput, own: argparse.Namespace) -> None:
        super().__init__(options, signals, sink)
        self._own = own
        self._store = RecentExchanges(own.keep or RECENT_MAX, own.keep_memory or RECENT_BYTES)
        self._reason = Reason.SIGNAL
        self._frames_kept: RecentFrames | None = None

    @cached_property
    def _fan(self) -> Fan:
        from sockfilter.captures.archive import is_archive
        from sockfilter.outputs.fan import Wants

        fan = super()._fan
        kept = self._own.keep_frames
        path = self._options.read
        if kept is None:
            kept = 0 if path is None or is_archive(path) else FRAMES_BYTES
        if kept and self._options.via != arguments.SYSCALLS:
            from sockfilter.road.recent_frames import RecentFrames

            self._frames_kept = RecentFrames(kept)
            fan.wants |= Wants.FRAMES
        return fan

    def _members(self) -> list[Member]:
        from sockfilter.recent.output import RecentOutput

        options = self._options
        is_wanted = self._is_wanted if options.tls and options.command else None
        frames = [] if self._frames_kept is None else [self._frames_kept]
        return [*super()._members(), RecentOutput(self._store, options.count, is_wanted), *frames]

    @cached_property
    def _exchanges(self) -> Shown:
        from sockfilter.cli.shown import Shown

        return Shown(None, self._options.count, self._report.note, messages=self._options.messages)

    @property
    def _policy(self) -> BodyPolicy:
        """What to keep of bodies: as much as the details show."""
        from sockfilter.model.policy import BodyPolicy

        policy = super()._policy
        limit = policy.limit if self._options.has_body else max(policy.limit, BODY_BYTES)
        return BodyPolicy(limit)

    @property
    def _processes(self) -> bool | None:
        return self._options.processes

    @property
    def _directories(self) -> list[str]:
        own = [] if self._own.save_to is None else [self._own.save_to]
        return [*super()._directories, *own]

    def _give_up(self, capture: Capture | ArchiveCapture) -> None:
        """Gives up all rights. Everything that the screen needs is imported before."""
        import_module("sockfilter.screen.app")
        import_module("sockfilter.screen.terminal")
        if self._choice.hides_code:
            from sockfilter.cli import preloading

            preloading.import_screen()
        super()._give_up(capture)

    @property
    def _folders(self) -> list[str]:
        # whether the user may write to the working directory is found when something is saved
        return [*self._directories, *([] if self._own.save_to is not None else ["."])]

    def _pump(self, capture: Capture | ArchiveCapture, began: hints.Start | None) -> Reason:
        """Shows the screen while a thread captures. Returns why the capture ended."""
        from sockfilter.screen.app import ScreenApp
        from sockfilter.screen.terminal import OutputDriver, SaidLines
        from sockfilter.screen.watched import Look, WatchedCapture

        def pump() -> None:
            self._reason = super(TopRun, self)._pump(capture, began)
            if self._reason is not Reason.SIGNAL:
                self._finish(capture)

        def look() -> Look:
            return Look(capture.ledger, tuple(getattr(capture, "connections", ())))  # an archive has none

        watched = WatchedCapture(
            capture.source.name, self._store, pump, look, self._signals.ask_for_end, is_live=self._options.read is None
        )
        sys.setswitchinterval(SWITCH_S)
        if not stdout.wants_colour(self._options.colour):
            os.environ["NO_COLOR"] = "1"
        with SaidLines() as said:
            app = ScreenApp(
                watched,
                folder=self._own.save_to or ".",
                filter_text=self._own.show or "",
                show_secrets=self._options.show_secrets,
                said=said.take,
                frames=None if self._frames_kept is None else self._frames_kept.pcapng,
                is_ended=lambda: self._signals.end_asked,
            )
            app.driver_class = OutputDriver
            try:
                app.run()
            finally:
                watched.end()
        if watched.error is not None:
            raise watched.error
        return self._reason

    def _finish(self, capture: Capture | ArchiveCapture) -> None:
        """Ends the capture while the screen is still there, so that it shows what was open. Raises CaptureFileError."""
        capture.close()
        self._fan.flush()
        if capture.source.damage is not None:
            raise capture.source.damage

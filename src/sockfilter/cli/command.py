"""The command, after signals and descriptors have been set up."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from sockfilter.cli import arguments, settings, stdout
from sockfilter.cli.ending import OK, fail, lacks_descriptors
from sockfilter.cli.stdout import StandardOutput
from sockfilter.errors import InvalidArgument, SockfilterError

if TYPE_CHECKING:
    from sockfilter.cli.arguments import Options
    from sockfilter.cli.signals import Signals

# Thresholds of the garbage collector: allocated objects, and young collections for each older one. Open connections are
# many objects and no garbage. With Python's defaults, scanning them took half of the CPU time during a flood of
# connections. With these values, about 500 ended connections wait to be collected.
COLLECTOR = (20_000, 20, 50)

# The subcommands: the first word, and the module whose run() takes the other words.
WORDS = "accelerate batch broker check config count diff doctor guard services tcp tls top"
COMMANDS = {word: f"sockfilter.cli.{word}" for word in WORDS.split()}
COMMANDS["report"] = "sockfilter.cli.page_report"


def command(argv: list[str] | None, signals: Signals) -> int:
    """Runs the command after signals have been set up. Returns its exit status."""
    try:
        words = sys.argv[1:] if argv is None else argv
        if words and words[0] in COMMANDS:
            return int(import_module(COMMANDS[words[0]]).run(words[1:], signals))
        if words and not words[0].startswith("-"):
            _check_first(words[0])
        options = _options(words)
        if isinstance(options, int):
            return options
        sink = StandardOutput(signals)
        if options.list_interfaces:
            return _list_interfaces(options, sink)
        gc.set_threshold(*COLLECTOR)
        from sockfilter.cli.run import Run  # most subcommands do not need it

        if options.others or options.read is not None:
            from sockfilter.cli import several  # live captures need none of it

            if several.is_several(options):
                return several.run(options, signals, sink, Run)
        return Run(options, signals, sink).run()
    except (SockfilterError, OSError) as error:
        return fail(error)
    except ImportError as error:
        if lacks_descriptors(error):
            return fail(error)
        raise


def _check_first(word: str) -> None:
    """Raises InvalidArgument if the first word is not a command and cannot begin a filter."""
    import difflib

    from sockfilter.cli import pcap_filter

    if pcap_filter.is_beginning(word):
        return
    near = difflib.get_close_matches(word, COMMANDS, n=1)
    if near:
        raise InvalidArgument(f"there is no command {word!r}; did you mean {near[0]}?")
    known = ", ".join(COMMANDS)
    raise InvalidArgument(
        f"there is no command {word!r}: there are {known}; -i {word} captures on an interface, -- {word} runs a program"
    )


def _options(argv: list[str]) -> Options | int:
    """Returns the parsed command line, or an exit status if there is nothing more to do."""
    try:
        return arguments.parse(argv, settings.values)
    except SystemExit as end:
        stdout.flush()  # the output of -h and --version
        return int(end.code or OK)


def _list_interfaces(options: Options, sink: StandardOutput) -> int:
    from sockfilter.escape import printable
    from sockfilter.sources.packets.interfaces import listed
    from sockfilter.system import namespace

    with namespace.entered(options.netns):
        entries = listed()
    lines = [f"{printable(entry.name):<16} {entry.state:<5} {' '.join(entry.addresses)}".rstrip() for entry in entries]
    lines.append(f"{'any':<16} {'up':<5} (all of them)")
    sink.write("".join(f"{line}\n" for line in lines).encode())
    return OK

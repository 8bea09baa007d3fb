"""The command line: tcpdump's letters where there are any."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from sockfilter.cli import tcpdump, values
from sockfilter.cli.parser import Added, Joined, Once, Parser, check_known
from sockfilter.cli.values import JSONL, KIB
from sockfilter.cli.versions import Versions
from sockfilter.errors import InvalidArgument

DESCRIPTION = (
    "Shows every HTTP exchange on a network interface: who asked whom for what, the answer, and how long it took."
)
EPILOG = """\
examples:
  sudo sockfilter -i lo                          everything on loopback
  sudo sockfilter -i eth0 --ports 8000           one service
  sudo sockfilter -i any --ports 80,8000-8100 -v with the headers
  sudo sockfilter -i lo,eth0 port 8080           two interfaces, with a filter as tcpdump has it
  sudo sockfilter -i lo --format jsonl -c 10     ten exchanges as JSON lines
  sudo sockfilter -- curl http://localhost:8000/ what a command sends and receives; its exit status
  sudo sockfilter --comm node                    what every process called node does
  sockfilter -D                                  which interfaces there are
  sockfilter config                              what the configuration file and the environment say
  sudo sockfilter doctor                         whether it can capture here, and why not
  sudo sockfilter broker --user $USER            lets that user's tests capture: sockfilter broker -h

kill -USR1 makes it tell what it has seen and lost so far.

exit status: 0 also after Ctrl-C; 1 something was in the way; 2 the command line or the configuration cannot be
meant; 3 something was lost (--fail-on-loss); 141 the reader of the output went away. With a command it is the
command's own, but for 124 something was lost (--fail-on-loss); 125 something was in the way; 126 the command cannot
be executed; 127 there is no such command.
"""

NEGATIVE = re.compile(r"-\d[\d.]*")
TAKES_NUMBER = re.compile("-c|--count|--duration|--ports|--body|-s|--snap|-B|--ring|--memory")
# what is about live captures, by its name in Options
LIVE = {
    "interface": "-i",
    "netns": "--netns",
    "promiscuous": "--promisc",
    "ring": "-B",
    "snap": "-s",
    "processes": "--processes",
}
# what is about packets, and what about system calls
PACKETS = {
    "interface": "-i",
    "netns": "--netns",
    "promiscuous": "--promisc",
    "snap": "-s",
    "write": "-w",
}
CALLS = {"pid": "--pid", "comm": "--comm", "cgroup": "--cgroup", "unix": "--unix", "command": "-- COMMAND"}
SYSCALLS = "syscalls"
ANY = "any"
TEXT = "text"
FORMATS = (TEXT, "raw", JSONL)
SUMMARIES = (TEXT, JSONL)
# those of forms/times.py, which is imported where there are lines
TIMES = ("clock", "date", "iso", "epoch", "delta", "relative", "none")


class Options(NamedTuple):
    """What is asked for, and what holds where nothing is. Bytes and seconds; None: no limit, or not asked for."""

    interface: str | None = None
    via: str = "packets"
    pid: tuple[int, ...] | None = None
    comm: str | None = None
    cgroup: str | None = None
    unix: bool = False
    command: tuple[str, ...] = ()
    read: str | None = None
    write: str | None = None
    megabytes: int | None = None
    seconds: int | None = None
    files: int | None = None
    list_interfaces: bool = False
    count: int | None = None  # type: ignore[assignment]  # in place of a tuple's
    duration_s: float | None = None
    ports: str | None = None
    host: str | None = None
    family: int | None = None
    netns: str | None = None
    body: int | None = 16 * KIB
    has_body: bool = False
    format: str = "text"
    quiet: bool = False
    verbosity: int = 0
    snap: int | None = None
    ring: int = 16384 * KIB
    memory: int = 256 * KIB * KIB
    user: str | None = None
    promiscuous: bool = False
    show_secrets: bool = False
    mask: str | None = None
    unmask: str | None = None
    colour: str = "auto"
    fail_on_loss: bool = False
    processes: bool | None = None
    time: str = "clock"
    wide: bool = False
    summary: str = "text"
    summary_fd: int | None = None
    sandbox: bool = True

    @property
    def interfaces(self) -> list[str]:
        """Those to listen on; none where a file is read, or system calls are captured."""
        return [] if self.interface is None else list(dict.fromkeys(self.interface.split(",")))


def get_parser() -> argparse.ArgumentParser:
    """The parser of the command line. What it gives has what was said, and nothing of what was not."""
    parser = Parser(
        "sockfilter",
        description=DESCRIPTION,
        epilog=EPILOG,
        usage="%(prog)s [options] [port N] [host X] [-- COMMAND [ARGUMENT ...]]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        add_help=False,
        allow_abbrev=False,
    )
    switch = argparse.BooleanOptionalAction
    where = parser.add_argument_group("where to look")
    where.add_argument(
        "-i", "--interface", action=Joined, metavar="NAME[,NAME]", help="interfaces to listen on, or any for all"
    )
    where.add_argument(
        "-r", "--read", action=Once, metavar="FILE", help="read a capture file: pcap, pcapng, in gzip; -: stdin"
    )
    where.add_argument("-D", "--list", dest="list_interfaces", action="store_true", help="list the interfaces and end")
    where.add_argument(
        "--netns",
        action=Once,
        metavar="NAME|PID",
        help="a network namespace, by name or by the number of a process in it",
    )
    where.add_argument("--promisc", dest="promiscuous", action=switch, help="take frames for other hosts too")
    calls = parser.add_argument_group("or at system calls, of TCP sockets (takes CAP_PERFMON too)")
    calls.add_argument("--via", action=Once, choices=("packets", SYSCALLS), help="where HTTP is seen (packets)")
    calls.add_argument(
        "--pid",
        action=Added,
        type=values.pids,
        metavar="N[,N]",
        help="calls of these processes, and of what they start",
    )
    calls.add_argument(
        "--comm",
        action=Joined,
        metavar="NAME[,NAME]",
        help="calls of the commands of these names, as ps -o comm has it",
    )
    calls.add_argument(
        "--cgroup", action=Once, metavar="PATH|ID", help="calls in this control group, or container by its id"
    )
    calls.add_argument("--unix", action="store_true", help="calls on Unix stream sockets too")
    what = parser.add_argument_group("what to take")
    what.add_argument("--ports", action=Joined, metavar="LIST", help="only these at either end: 8000,8080,9000-9100")
    what.add_argument(
        "--host", action=Joined, metavar="LIST", help="only these at either end: 10.0.0.0/8,::1,example.org"
    )
    what.add_argument("--family", action=Once, type=values.family, metavar="4|6|any", help="only IPv4, or IPv6")
    what.add_argument("-4", dest="family", action=Once, nargs=0, const=4, help="the same as --family 4")
    what.add_argument("-6", dest="family", action=Once, nargs=0, const=6, help="the same as --family 6")
    what.add_argument("-c", "--count", type=values.count, metavar="N", help="end after N exchanges")
    what.add_argument(
        "--duration",
        dest="duration_s",
        type=values.duration,
        metavar="TIME",
        help="end after so many seconds, or 500ms, 5m, 1h30m",
    )
    shown = parser.add_argument_group("what to show")
    shown.add_argument(
        "--format", action=Once, type=values.form, choices=FORMATS, help="lines, messages as they were, JSON lines"
    )
    shown.add_argument("-v", "--verbose", dest="verbosity", action="count", help="with headers; twice: with bodies")
    shown.add_argument(
        "--processes",
        action=switch,
        help="name the processes at both ends, on each line too (with -v and in JSON, where there are the rights)",
    )
    shown.add_argument(
        "--time",
        choices=TIMES,
        help="on lines: of day, with the date, in UTC, since 1970, since the line before, since the first, or none",
    )
    shown.add_argument("--wide", action=switch, help="lines as long as they are, on a terminal too")
    shown.add_argument("-q", "--quiet", action=switch, help="neither greeting nor summary")
    shown.add_argument("--body", type=values.body, metavar="N|all", help="bytes of each body to show (16384)")
    shown.add_argument("--show-secrets", action=switch, help="do not mask credentials, cookies and keys")
    shown.add_argument(
        "--mask",
        action=Joined,
        type=values.names,
        metavar="NAME[,NAME]",
        help="mask the values of these too: fields, parameters, JSON keys, options; * stands for any characters",
    )
    shown.add_argument(
        "--unmask", action=Joined, type=values.names, metavar="NAME[,NAME]", help="show the values of these"
    )
    shown.add_argument(
        "--color",
        dest="colour",
        choices=("auto", "always", "never"),
        help="colours; auto: on a terminal",
    )
    written = parser.add_argument_group("what to write")
    written.add_argument(
        "-w",
        "--write",
        action=Once,
        metavar="FILE",
        help="the frames of HTTP connections, as pcapng; -: to standard output",
    )
    written.add_argument(
        "-C",
        "--file-megabytes",
        dest="megabytes",
        type=values.at_least_1,
        metavar="N",
        help="another after N million bytes",
    )
    written.add_argument(
        "-G", "--file-seconds", dest="seconds", type=values.at_least_1, metavar="S", help="another after S seconds"
    )
    written.add_argument("-W", "--files", type=values.at_least_1, metavar="N", help="so many files")
    limits = parser.add_argument_group("limits")
    limits.add_argument("-s", "--snap", type=values.snap, metavar="N", help="bytes of each frame to take (0: all)")
    limits.add_argument("-B", "--ring", type=values.ring, metavar="KIB", help="size of the ring; also 8M (16384)")
    limits.add_argument(
        "--memory", type=values.memory, metavar="MIB", help="for all that is open together; also 1G (256)"
    )
    limits.add_argument(
        "--user",
        metavar="NAME",
        help="who to become once it captures (who ran sudo, else nobody), and as whom COMMAND runs; it keeps no rights",
    )
    limits.add_argument(
        "--no-sandbox",
        dest="sandbox",
        action="store_false",
        help="go without Landlock and seccomp, which confine it once it captures",
    )
    limits.add_argument(
        "--fail-on-loss",
        action=switch,
        help="exit status 3 if anything was lost, or not understood; with a command 124, if that succeeded",
    )
    ending = parser.add_argument_group("how it ends")
    ending.add_argument(
        "--summary",
        type=values.form,
        choices=SUMMARIES,
        help="what was seen and lost: for people, or as a JSON line (text)",
    )
    ending.add_argument(
        "--summary-fd",
        type=values.descriptor,
        metavar="N",
        help="write that line to this descriptor, and not to standard error",
    )
    tcpdump.add_options(parser)
    rest = parser.add_argument_group("and")
    rest.add_argument(
        "--no-config", action="store_true", help="go without the configuration file and SOCKFILTER_ variables"
    )
    rest.add_argument("--version", action=Versions, help="of sockfilter, libbpf, the BPF object and the kernel")
    rest.add_argument("-h", "--help", action="help", help="this text")
    return parser


def _with_negative_values(words: list[str]) -> list[str]:
    """Joins `-s -5` to `-s-5`: argparse takes the second for an option, and says that the first has no value."""
    made: list[str] = []
    for word in words:
        if made and word not in ("-4", "-6") and NEGATIVE.fullmatch(word) and TAKES_NUMBER.fullmatch(made[-1]):
            made[-1] += ("=" if made[-1].startswith("--") else "") + word
        else:
            made.append(word)
    return made


def _split(parser: argparse.ArgumentParser, words: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """The options, and the command behind --."""
    if "--" not in words:
        return words, ()
    at = words.index("--")
    if at == len(words) - 1:
        parser.error("--: which command? sockfilter -- COMMAND ARGUMENT ...")
    return words[:at], tuple(words[at + 1 :])


def _with_filter(said: dict[str, Any], words: list[str]) -> None:
    """Adds what the words of a filter ask for to what the options say."""
    if not words:
        return
    from sockfilter.cli import pcap_filter

    for name, value in pcap_filter.understood(words)._asdict().items():
        if value is None:
            continue
        if said.setdefault(name, value) != value:
            raise InvalidArgument(f"the filter and the options both say something of {name}: leave one of them out")


def _with_letters(said: dict[str, Any]) -> None:
    """Puts what tcpdump's letters say in the place of the long options."""
    said.pop("as_always", None)
    count = said.pop("time_letters", 0)
    if count > len(tcpdump.TIMES):
        raise InvalidArgument(f"-{'t' * count}: there are -t to -{'t' * len(tcpdump.TIMES)}, or --time")
    if count and said.setdefault("time", tcpdump.TIMES[count - 1]) != tcpdump.TIMES[count - 1]:
        raise InvalidArgument(f"-{'t' * count} and --time {said['time']}: only one of them can hold")


def _check_writing(parser: argparse.ArgumentParser, said: dict[str, Any]) -> None:
    """How files follow one another goes with files."""
    several = said.keys() & {"megabytes", "seconds"}
    if said.get("write", "-") == "-" and (several or "files" in said):
        parser.error("-C, -G and -W say how files follow one another: -w FILE says which")
    if "files" in said and not several:
        parser.error("-W: say too after how many million bytes (-C) or seconds (-G) another file begins")
    if "" in (said.get("write"), said.get("read")):
        parser.error("the file's name is empty")


def _check_reading(parser: argparse.ArgumentParser, said: dict[str, Any]) -> None:
    """What is about live captures does not go with a file."""
    for name, option in LIVE.items():
        if said.get(name):
            parser.error(f"{option} goes with a live capture, and -r reads a file")


def _check_calls(parser: argparse.ArgumentParser, said: dict[str, Any]) -> None:
    """What is about system calls chooses them; what is about packets, or a file, does not go with them."""
    about = [option for name, option in CALLS.items() if name in said]
    if about and "read" in said:
        parser.error(f"{about[0]} goes with a live capture, and -r reads a file")
    packets = [option for name, option in PACKETS.items() if said.get(name)]
    if about and said.setdefault("via", SYSCALLS) != SYSCALLS:
        parser.error(f"{about[0]} is about system calls: it goes with --via syscalls")
    if said.get("via") == SYSCALLS and packets:
        parser.error(f"{packets[0]} is about packets, and does not go with {' and '.join(about) or '--via syscalls'}")
    if "command" in said and said.keys() & {"pid", "comm", "cgroup"}:
        parser.error(f"{about[0]} and a command: the command's calls alone are shown")


def parse(arguments: list[str], configured: Callable[[], dict[str, Any]] = dict) -> Options:
    """Understands a command line. Ends the process where it asks for help, or for the version.

    Args:
        arguments: its words.
        configured: gives what holds where the command line says nothing, by the names of Options.

    Raises:
        InvalidArgument: it cannot be meant.
    """
    parser = get_parser()
    words, command = _split(parser, arguments)
    words = _with_negative_values(words)
    check_known(parser, words, tcpdump.ELSEWHERE)
    namespace, others = parser.parse_known_args(words)
    said = vars(namespace)
    _with_filter(said, others)
    _with_letters(said)
    if command:
        said["command"] = command
    if "summary_fd" in said and said.setdefault("summary", JSONL) != JSONL:
        raise InvalidArgument("--summary text goes to standard error; --summary-fd is for --summary jsonl")
    _check_writing(parser, said)
    _check_calls(parser, said)
    found = {**({} if said.pop("no_config", False) else configured()), **said}
    if "read" in said:
        _check_reading(parser, said)
        found = {name: value for name, value in found.items() if name not in LIVE}
    elif said.get("via") == SYSCALLS:
        found = {name: value for name, value in found.items() if name not in PACKETS}
    elif "interface" not in found and "list_interfaces" not in found:
        parser.error("which interface? -i NAME, -i any for all of them; -D lists them; -r FILE reads a capture file")
    if "" in found.get("interface", ANY).split(","):
        parser.error("-i: the name is empty; -i any stands for all interfaces")
    if said.get("write") == "-" and "format" in said:
        parser.error("-w - takes standard output: --format has no place to write to")
    if said.get("write") == "-" and said.get("summary_fd") == 1:
        parser.error("-w - takes standard output: --summary-fd 1 would write into the capture file")
    return Options(has_body="body" in found, **found)

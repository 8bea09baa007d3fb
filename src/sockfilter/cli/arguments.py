"""The command line: tcpdump's letters where there are any."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from sockfilter.cli.versions import Versions

DESCRIPTION = (
    "Shows every HTTP exchange on a network interface: who asked whom for what, the answer, and how long it took."
)
EPILOG = """\
examples:
  sudo sockfilter -i lo                          everything on loopback
  sudo sockfilter -i eth0 --ports 8000           one service
  sudo sockfilter -i any --ports 80,8000-8100 -v with the headers
  sudo sockfilter -i lo --format jsonl -c 10     ten exchanges as JSON lines
  sudo sockfilter -- curl http://localhost:8000/ what a command sends and receives; its exit status
  sudo sockfilter --comm node                    what every process called node does
  sockfilter -D                                  which interfaces there are
  sockfilter config                              what the configuration file and the environment say
  sudo sockfilter doctor                         whether it can capture here, and why not
  sudo sockfilter broker --user $USER            lets that user's tests capture: sockfilter broker -h

kill -USR1 makes it tell what it has seen and lost so far.

exit status: 0 also after Ctrl-C; 1 something was in the way; 2 the command line or the configuration cannot be
meant; 3 something was lost (--fail-on-loss); 141 the reader of the output went away.
"""

ALL = "all"
KIB = 1024
UNITS = {"K": KIB, "M": KIB**2, "G": KIB**3}
NEGATIVE = re.compile(r"-\d[\d.]*")
TAKES_NUMBER = re.compile("-c|--count|--duration|--ports|--body|-s|--snap|-B|--ring")
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
FAMILIES = {"4": 4, "6": 6, "any": None}


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
    user: str | None = None
    promiscuous: bool = False
    show_secrets: bool = False
    colour: str = "auto"
    fail_on_loss: bool = False
    processes: bool | None = None


def number(text: str, least: int, what: str) -> int:
    """A whole number from least on, for argparse."""
    if not text.isdecimal() or int(text) < least:
        raise _not_one(text, least, what)
    return int(text)


def _not_one(text: str, least: int, what: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{text!r}: {what} is a whole number from {least} on")


def count(text: str) -> int:
    """The value of -c."""
    return number(text, 1, "a count of exchanges")


def at_least_1(text: str) -> int:
    """The value of -C, -G and -W."""
    return number(text, 1, "what -C, -G and -W take")


def seconds(text: str) -> float:
    """The value of --duration."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: a duration is a number of seconds above 0")
    return value


def body(text: str) -> int | None:
    """The value of --body; None: all."""
    return None if text == ALL else number(text, 0, f"--body, where it is not {ALL},")


def snap(text: str) -> int | None:
    """The value of -s; 0: no limit, as tcpdump has it."""
    return number(text, 0, "a snap length") or None


def pids(text: str) -> tuple[int, ...]:
    """The value of --pid."""
    return tuple(number(part.strip(), 1, "the number of a process") for part in text.split(","))


def ring(text: str) -> int:
    """The value of -B in bytes; KiB as tcpdump has it, or with K, M or G behind."""
    digits, unit = (text[:-1], UNITS[text[-1:].upper()]) if text[-1:].upper() in UNITS else (text, KIB)
    if not digits.isdecimal() or int(digits) < 1:
        raise _not_one(text, 1, "a ring size, in KiB or with K, M or G behind it,")
    return int(digits) * unit


def family(text: str) -> int | None:
    """The value of --family; None: any."""
    if text not in FAMILIES:
        raise argparse.ArgumentTypeError(f"{text!r}: an address family is one of {', '.join(FAMILIES)}")
    return FAMILIES[text]


def get_parser() -> argparse.ArgumentParser:
    """The parser of the command line. What it gives has what was said, and nothing of what was not."""
    parser = argparse.ArgumentParser(
        "sockfilter",
        description=DESCRIPTION,
        epilog=EPILOG,
        usage="%(prog)s [options] [-- COMMAND [ARGUMENT ...]]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        add_help=False,
        allow_abbrev=False,
    )
    switch = argparse.BooleanOptionalAction
    where = parser.add_argument_group("where to look")
    where.add_argument("-i", "--interface", metavar="NAME", help="interface to listen on, or any")
    where.add_argument("-r", "--read", metavar="FILE", help="read a capture file: pcap, pcapng, in gzip; -: stdin")
    where.add_argument("-D", "--list", dest="list_interfaces", action="store_true", help="list the interfaces and end")
    where.add_argument(
        "--netns", metavar="NAME|PID", help="a network namespace, by name or by the number of a process in it"
    )
    where.add_argument("--promisc", dest="promiscuous", action=switch, help="take frames for other hosts too")
    calls = parser.add_argument_group("or at system calls, of TCP sockets (takes CAP_PERFMON too)")
    calls.add_argument("--via", choices=("packets", SYSCALLS), help="where HTTP is seen (packets)")
    calls.add_argument("--pid", type=pids, metavar="N[,N]", help="calls of these processes, and of what they start")
    calls.add_argument("--comm", metavar="NAME", help="calls of the commands of this name, as ps -o comm has it")
    calls.add_argument("--cgroup", metavar="PATH|ID", help="calls in this control group, or container by its id")
    calls.add_argument("--unix", action="store_true", help="calls on Unix stream sockets too")
    what = parser.add_argument_group("what to take")
    what.add_argument("--ports", metavar="LIST", help="only these at either end: 8000,8080,9000-9100")
    what.add_argument("--host", metavar="ADDRESS", help="only this address or network at either end: 10.0.0.0/8")
    what.add_argument("--family", type=family, metavar="4|6|any", help="only IPv4, or IPv6")
    what.add_argument("-4", dest="family", action="store_const", const=4, help="the same as --family 4")
    what.add_argument("-6", dest="family", action="store_const", const=6, help="the same as --family 6")
    what.add_argument("-c", "--count", type=count, metavar="N", help="end after N exchanges")
    what.add_argument("--duration", dest="duration_s", type=seconds, metavar="S", help="end after S seconds")
    shown = parser.add_argument_group("what to show")
    shown.add_argument("--format", choices=("text", "raw", "jsonl"), help="lines, messages as they were, JSON lines")
    shown.add_argument("-v", "--verbose", dest="verbosity", action="count", help="with headers; twice: with bodies")
    shown.add_argument(
        "--processes",
        action=switch,
        help="name the processes at both ends, on each line too (with -v and in JSON, where there are the rights)",
    )
    shown.add_argument("-q", "--quiet", action=switch, help="neither greeting nor summary")
    shown.add_argument("--body", type=body, metavar="N|all", help="bytes of each body to show (16384)")
    shown.add_argument("--show-secrets", action=switch, help="do not mask credentials, cookies and keys")
    shown.add_argument(
        "--color",
        dest="colour",
        choices=("auto", "always", "never"),
        help="colours; auto: on a terminal",
    )
    written = parser.add_argument_group("what to write")
    written.add_argument(
        "-w", "--write", metavar="FILE", help="the frames of HTTP connections, as pcapng; -: to standard output"
    )
    written.add_argument(
        "-C",
        "--file-megabytes",
        dest="megabytes",
        type=at_least_1,
        metavar="N",
        help="another after N million bytes",
    )
    written.add_argument(
        "-G", "--file-seconds", dest="seconds", type=at_least_1, metavar="S", help="another after S seconds"
    )
    written.add_argument("-W", "--files", type=at_least_1, metavar="N", help="so many files")
    limits = parser.add_argument_group("limits")
    limits.add_argument("-s", "--snap", type=snap, metavar="N", help="bytes of each frame to take (0: all)")
    limits.add_argument("-B", "--ring", type=ring, metavar="KIB", help="size of the ring; also 8M (16384)")
    limits.add_argument(
        "--user", metavar="NAME", help="who to become once it captures (who ran sudo, else nobody); it keeps no rights"
    )
    limits.add_argument("--fail-on-loss", action=switch, help="exit status 3 if anything was lost")
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
    """Understands a command line. Ends the process with status 2 where it cannot be meant.

    Args:
        arguments: its words.
        configured: gives what holds where the command line says nothing, by the names of Options.
    """
    parser = get_parser()
    words, command = _split(parser, arguments)
    said = vars(parser.parse_args(_with_negative_values(words)))
    if command:
        said["command"] = command
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
    if found.get("interface") == "":
        parser.error("-i: the name is empty; -i any stands for all interfaces")
    if said.get("write") == "-" and "format" in said:
        parser.error("-w - takes standard output: --format has no place to write to")
    return Options(has_body="body" in found, **found)

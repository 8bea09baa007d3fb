"""The command line: tcpdump's letters where there are any."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from typing import Any

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
  sockfilter -D                                  which interfaces there are
  sudo sockfilter doctor                         whether it can capture here, and why not
  sudo sockfilter broker --user $USER            lets that user's tests capture: sockfilter broker -h

kill -USR1 makes it tell what it has seen and lost so far.

exit status: 0 also after Ctrl-C; 1 something was in the way; 2 the command line cannot be meant;
3 something was lost (--fail-on-loss); 141 the reader of the output went away.
"""

ALL = "all"
KIB = 1024
UNITS = {"K": KIB, "M": KIB**2, "G": KIB**3}
NEGATIVE = re.compile(r"-\d[\d.]*")
TAKES_NUMBER = re.compile("-c|--duration|--ports|--body|-s|-B")


@dataclass(frozen=True, slots=True)
class Options:
    """The command line, understood. Bytes and seconds; None: no limit, or not asked for."""

    interface: str | None
    read: str | None
    write: str | None
    megabytes: int | None
    seconds: int | None
    files: int | None
    list_interfaces: bool
    count: int | None
    duration_s: float | None
    ports: str | None
    host: str | None
    family: int | None
    netns: str | None
    body: int | None
    has_body: bool
    format: str
    quiet: bool
    verbosity: int
    snap: int | None
    ring: int | None
    user: str | None
    promiscuous: bool
    show_secrets: bool
    colour: str
    fail_on_loss: bool


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


def ring(text: str) -> int:
    """The value of -B in bytes; KiB as tcpdump has it, or with K, M or G behind."""
    digits, unit = (text[:-1], UNITS[text[-1:].upper()]) if text[-1:].upper() in UNITS else (text, KIB)
    if not digits.isdecimal() or int(digits) < 1:
        raise _not_one(text, 1, "a ring size, in KiB or with K, M or G behind it,")
    return int(digits) * unit


def get_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        "sockfilter",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    where = parser.add_argument_group("where to look")
    where.add_argument("-i", dest="interface", metavar="NAME", help="interface to listen on, or any")
    where.add_argument("-r", dest="read", metavar="FILE", help="read a capture file: pcap, pcapng, in gzip; -: stdin")
    where.add_argument("-D", dest="list_interfaces", action="store_true", help="list the interfaces and end")
    where.add_argument(
        "--netns", metavar="NAME|PID", help="a network namespace, by name or by the number of a process in it"
    )
    where.add_argument("--promisc", dest="promiscuous", action="store_true", help="take frames for other hosts too")
    what = parser.add_argument_group("what to take")
    what.add_argument("--ports", metavar="LIST", help="only these at either end: 8000,8080,9000-9100")
    what.add_argument("--host", metavar="ADDRESS", help="only this address or network at either end: 10.0.0.0/8")
    what.add_argument("-4", dest="family", action="store_const", const=4, help="only IPv4")
    what.add_argument("-6", dest="family", action="store_const", const=6, help="only IPv6")
    what.add_argument("-c", dest="count", type=count, metavar="N", help="end after N exchanges")
    what.add_argument("--duration", dest="duration_s", type=seconds, metavar="S", help="end after S seconds")
    shown = parser.add_argument_group("what to show")
    shown.add_argument("--format", choices=("text", "raw", "jsonl"), help="lines, messages as they were, JSON lines")
    shown.add_argument("-v", dest="verbosity", action="count", default=0, help="with headers; twice: with bodies")
    shown.add_argument("-q", dest="quiet", action="store_true", help="neither greeting nor summary")
    shown.add_argument(
        "--body", type=body, default=argparse.SUPPRESS, metavar="N|all", help="bytes of each body to show (16384)"
    )
    shown.add_argument("--show-secrets", action="store_true", help="do not mask credentials, cookies and keys")
    shown.add_argument(
        "--color",
        dest="colour",
        choices=("auto", "always", "never"),
        default="auto",
        help="colours; auto: on a terminal",
    )
    written = parser.add_argument_group("what to write")
    written.add_argument(
        "-w", dest="write", metavar="FILE", help="the frames of HTTP connections, as pcapng; -: to standard output"
    )
    written.add_argument("-C", dest="megabytes", type=at_least_1, metavar="N", help="another after N million bytes")
    written.add_argument("-G", dest="seconds", type=at_least_1, metavar="S", help="another after S seconds")
    written.add_argument("-W", dest="files", type=at_least_1, metavar="N", help="so many files")
    limits = parser.add_argument_group("limits")
    limits.add_argument("-s", dest="snap", type=snap, metavar="N", help="bytes of each frame to take (0: all)")
    limits.add_argument("-B", dest="ring", type=ring, metavar="KIB", help="size of the ring; also 8M (16384)")
    limits.add_argument(
        "--user", metavar="NAME", help="who to become once it captures (who ran sudo, else nobody); it keeps no rights"
    )
    limits.add_argument("--fail-on-loss", action="store_true", help="exit status 3 if anything was lost")
    rest = parser.add_argument_group("and")
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


def _check_writing(parser: argparse.ArgumentParser, found: dict[str, Any]) -> None:
    """How files follow one another goes with files."""
    several = found["megabytes"] or found["seconds"]
    if found["write"] in (None, "-") and (several or found["files"]):
        parser.error("-C, -G and -W say how files follow one another: -w FILE says which")
    if found["files"] and not several:
        parser.error("-W: say too after how many million bytes (-C) or seconds (-G) another file begins")
    if found["write"] == "" or found["read"] == "":
        parser.error("the file's name is empty")


def _check_reading(parser: argparse.ArgumentParser, found: dict[str, Any]) -> None:
    """What is about live captures does not go with a file."""
    live = {"interface": "-i", "netns": "--netns", "promiscuous": "--promisc", "ring": "-B", "snap": "-s"}
    for name, option in live.items():
        if found[name]:
            parser.error(f"{option} goes with a live capture, and -r reads a file")


def parse(arguments: list[str]) -> Options:
    """Understands a command line. Ends the process with status 2 where it cannot be meant."""
    parser = get_parser()
    found = vars(parser.parse_args(_with_negative_values(arguments)))
    _check_writing(parser, found)
    if found["read"] is not None:
        _check_reading(parser, found)
    elif found["interface"] is None and not found["list_interfaces"]:
        parser.error("which interface? -i NAME, -i any for all of them; -D lists them; -r FILE reads a capture file")
    if found["interface"] == "":
        parser.error("-i: the name is empty; -i any stands for all interfaces")
    if found["write"] == "-" and found["format"]:
        parser.error("-w - takes standard output: --format has no place to write to")
    found["format"] = found["format"] or "text"
    has_body = "body" in found
    found.setdefault("body", 16 << 10)
    return Options(has_body=has_body, **found)

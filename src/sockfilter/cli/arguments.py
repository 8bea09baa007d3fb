"""The command line. It uses tcpdump's option letters where tcpdump has a matching option."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from sockfilter.cli import tcpdump, values
from sockfilter.cli.parser import Added, CommandLineParser, Joined, ManyFiles, Once, check_known
from sockfilter.cli.values import JSONL, KIB
from sockfilter.cli.versions import Versions
from sockfilter.errors import InvalidArgument

DESCRIPTION = (
    "Show every HTTP exchange on a network interface, or of a command: the request, the response, and how long it took."
)
EPILOG = """\
examples:
  sudo sockfilter -i lo                          everything on loopback
  sudo sockfilter -i eth0 --ports 8000           one service
  sudo sockfilter -i any --ports 80,8000-8100 -v several services, with headers
  sudo sockfilter -i lo,eth0 port 8080           two interfaces, and a filter in tcpdump's words
  sudo sockfilter -i lo --format jsonl -c 10     ten exchanges as JSON lines
  sudo sockfilter -i lo -Y 'status >= 500'       only the exchanges that meet a filter
  sudo sockfilter -i lo --stats                  counts, rates, errors and percentiles by route
  sudo sockfilter -- curl http://localhost:8000/ what a command sends and receives
  sudo sockfilter --comm node                    the traffic of all processes called node
  sudo sockfilter -i lo --web                    a page in the browser
  sockfilter report -r web.pcapng -o web.html    the same page, with everything in one file
  sockfilter -D                                  list the interfaces
  sockfilter config                              show the options from the configuration file and the environment
  sudo sockfilter top -i lo                      a live screen: table, details, filter: sockfilter top -h
  sockfilter check -r web.har --once FILTER      exit with 4 unless one exchange meets this: sockfilter check -h
  sockfilter diff before.har after.har           what differs between two captures
  sudo sockfilter doctor                         check whether sockfilter can capture here
  sudo sockfilter broker --user $USER            let the tests of this user capture: sockfilter broker -h

signals: SIGINT, SIGTERM and SIGHUP end the capture; SIGUSR1 prints the summary so far.

exit status: 0 success, also after Ctrl-C; 1 the capture could not start or continue; 2 the command line or the
configuration is invalid; 3 something was lost (--fail-on-loss); 141 the output pipe was closed. With a command, it is
the status of the command, or 124 something was lost (--fail-on-loss); 125 the capture could not start or continue;
126 the command is not executable; 127 the command does not exist.
"""

# What may follow an option whose value may be left out. No word of a filter looks like it.
PLACES = {"--web": re.compile(r"\d+|\S*:\S*"), "--otlp": re.compile(r"\S*[:/]\S*")}
# a pattern of file names, which no filter begins with
FILE_PATTERN = re.compile(r"[^(]*[*?]")
NEGATIVE = re.compile(r"-\d[\d.]*")
TAKES_NUMBER = re.compile("-c|--count|--duration|--ports|--body|-s|--snap|-B|--ring|--memory")
# Options that concern live captures, by their names in Options.
LIVE = {
    "interface": "-i",
    "netns": "--netns",
    "tls": "--tls",
    "promiscuous": "--promisc",
    "ring": "-B",
    "snap": "-s",
    "processes": "--processes",
    "prometheus": "--prometheus",
    "idle_s": "--exit-on-idle",
}
# Options that ask the kernel's TCP.
OF_TCP = {"tcp": "--tcp", "stacks": "--stacks"}
# Options that concern packets, and options that concern system calls.
PACKETS = {
    "interface": "-i",
    "netns": "--netns",
    "promiscuous": "--promisc",
    "snap": "-s",
    "write": "-w",
    "keylog": "--keylog",
    "tls": "--tls",
    "write_secrets": "--write-secrets",
    "pcap": "a filter of tcpdump",
}
# Options about statistics.
STATISTICS = {"stats": "--stats", "by": "--by", "routes": "--routes"}
CALLS = {"pid": "--pid", "comm": "--comm", "cgroup": "--cgroup", "unix": "--unix", "command": "-- COMMAND"}
# Options that give secrets of TLS: a capture file may carry some.
SECRETS = {"keylog", "tls", "read"}
SYSCALLS = "syscalls"
ANY = "any"
TEXT = "text"
HAR = "har"
CURL, PYTEST = "curl", "pytest"
PARQUET = "parquet"
FORMATS = (TEXT, "raw", JSONL, HAR, CURL, PYTEST, PARQUET)
# Formats that show bodies without --body.
WITH_BODIES = (HAR, CURL, PYTEST)
SUMMARIES = (TEXT, JSONL)
# The values of forms/times.py, which is imported only when lines are written.
TIMES = ("clock", "date", "iso", "epoch", "delta", "relative", "none")


class Options(NamedTuple):
    """The options given, and the defaults. Sizes are in bytes, times in seconds. None: no limit, or not given."""

    interface: str | None = None
    via: str = "packets"
    pid: tuple[int, ...] | None = None
    comm: str | None = None
    cgroup: str | None = None
    unix: bool = False
    command: tuple[str, ...] = ()
    read: str | None = None
    others: tuple[str, ...] = ()
    jobs: int = 1
    write: str | None = None
    output: str | None = None
    megabytes: int | None = None
    seconds: int | None = None
    files: int | None = None
    write_secrets: bool = False
    list_interfaces: bool = False
    count: int | None = None  # type: ignore[assignment]  # replaces tuple.count
    duration_s: float | None = None
    ports: str | None = None
    host: str | None = None
    family: int | None = None
    protocols: str | None = None
    keylog: str | None = None
    tls: bool = False
    filters: tuple[str, ...] = ()
    pcap: str | None = None
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
    all_hops: bool = False
    show_secrets: bool = False
    mask: str | None = None
    unmask: str | None = None
    proto: tuple[str, ...] = ()
    colour: str = "auto"
    fail_on_loss: bool = False
    processes: bool | None = None
    tcp: bool | None = None
    stacks: bool = False
    messages: bool = True
    time: str = "clock"
    wide: bool = False
    summary: str = "text"
    summary_fd: int | None = None
    sandbox: bool = True
    stats: bool = False
    tree: bool = False
    by: str | None = None
    web: str | None = None
    lines: bool = True
    routes: tuple[str, ...] = ()
    prometheus: str | None = None
    prometheus_labels: str | None = None
    idle_s: float | None = None
    otlp: str | None = None
    sample: float | None = None

    @property
    def writes_har(self) -> bool:
        """Whether the file to write is an HTTP archive."""
        return is_har(self.write)

    @property
    def interfaces(self) -> list[str]:
        """The interfaces to capture on. Empty when a file is read or system calls are captured."""
        return [] if self.interface is None else list(dict.fromkeys(self.interface.split(",")))


def is_har(path: str | None) -> bool:
    """Returns whether a file is an HTTP archive by its name."""
    return path is not None and path.lower().endswith(f".{HAR}")


def get_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line. Its namespace has only the options that were given."""
    parser = CommandLineParser(
        "sockfilter",
        description=DESCRIPTION,
        epilog=EPILOG,
        usage="%(prog)s [options] [filter of tcpdump] [-- COMMAND [ARGUMENT ...]]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        add_help=False,
        allow_abbrev=False,
    )
    switch = argparse.BooleanOptionalAction
    where = parser.add_argument_group("where to look")
    where.add_argument(
        "-i",
        "--interface",
        action=Joined,
        metavar="NAME[,NAME]",
        help="listen on these interfaces; any: all interfaces",
    )
    where.add_argument(
        "-r",
        "--read",
        action=ManyFiles,
        metavar="FILE",
        help="read capture files: pcap or pcapng, also in gzip; or those in a directory, or by a pattern in quotes;"
        " several may follow; -: standard input",
    )
    where.add_argument(
        "--jobs",
        action=Once,
        type=values.jobs,
        metavar="N",
        help="with -r: the captures to read at the same time, each by a process (1)",
    )
    where.add_argument("-D", "--list", dest="list_interfaces", action="store_true", help="list the interfaces and exit")
    where.add_argument(
        "--netns",
        action=Once,
        metavar="NAME|PID",
        help="listen in this network namespace: its name, or the number of a process in it",
    )
    where.add_argument("--promisc", dest="promiscuous", action=switch, help="also capture frames for other hosts")
    where.add_argument(
        "--all-hops", action=switch, help="show an exchange on each interface that it crosses, not once with its path"
    )
    calls = parser.add_argument_group("or at system calls, of TCP sockets (also requires CAP_PERFMON)")
    calls.add_argument(
        "--via", action=Once, choices=("packets", SYSCALLS), help="capture packets or system calls (packets)"
    )
    calls.add_argument(
        "--pid",
        action=Added,
        type=values.pids,
        metavar="N[,N]",
        help="capture these processes and their children",
    )
    calls.add_argument(
        "--comm",
        action=Joined,
        metavar="NAME[,NAME]",
        help="capture processes with these names, as ps -o comm shows them",
    )
    calls.add_argument(
        "--cgroup", action=Once, metavar="PATH|ID", help="capture a control group, or a container by its id"
    )
    calls.add_argument("--unix", action="store_true", help="also capture Unix stream sockets")
    what = parser.add_argument_group("what to capture")
    what.add_argument(
        "--ports", action=Joined, metavar="LIST", help="only these ports, at either end: 8000,8080,9000-9100"
    )
    what.add_argument(
        "--host", action=Joined, metavar="LIST", help="only these hosts, at either end: 10.0.0.0/8,::1,example.org"
    )
    what.add_argument("--family", action=Once, type=values.family, metavar="4|6|any", help="only IPv4, or only IPv6")
    what.add_argument("-4", dest="family", action=Once, nargs=0, const=4, help="the same as --family 4")
    what.add_argument("-6", dest="family", action=Once, nargs=0, const=6, help="the same as --family 6")
    what.add_argument(
        "--protocols",
        action=Joined,
        type=values.protocols,
        metavar="LIST",
        help="protocols to read beside HTTP: mqtt,amqp,smtp or all (live: http alone; of a file: all)",
    )
    what.add_argument(
        "--keylog",
        action=Once,
        metavar="FILE",
        help="open TLS with the secrets in this key log, which programs write where SSLKEYLOGFILE says",
    )
    what.add_argument(
        "--tls",
        action="store_true",
        help="open TLS with the secrets of all processes, which probes take from their TLS libraries",
    )
    what.add_argument(
        "-Y",
        "--filter",
        dest="filters",
        action=Added,
        type=values.where,
        metavar="FILTER",
        help='only exchanges that meet this, such as: status >= 500 and path ~ "^/api/" and duration > 200ms',
    )
    what.add_argument("-c", "--count", type=values.count, metavar="N", help="exit after N exchanges")
    what.add_argument(
        "--duration",
        dest="duration_s",
        type=values.duration,
        metavar="TIME",
        help="exit after this time: seconds, or 500ms, 10s, 5m, 1h30m",
    )
    what.add_argument(
        "--exit-on-idle",
        dest="idle_s",
        type=values.duration,
        metavar="TIME",
        help="exit when no exchange has ended, and none has been under way, for this time: 30s, 5m",
    )
    shown = parser.add_argument_group("what to show")
    shown.add_argument(
        "--format",
        action=Once,
        type=values.form,
        choices=FORMATS,
        help="a line for each exchange, messages as sent, JSON lines, an HTTP archive, curl commands, tests, or a"
        " dataset of Parquet files (with -o)",
    )
    shown.add_argument(
        "--tree",
        action="store_true",
        help="show, at the end, each exchange below the one that its client served meanwhile, as a proxy does",
    )
    shown.add_argument(
        "--stats",
        action="store_true",
        help="show statistics instead of exchanges: counts, rates, errors, percentiles; live on a terminal",
    )
    shown.add_argument(
        "--by",
        action=Joined,
        type=values.by,
        metavar="NAME[,NAME]",
        help="group the statistics by route (the default), method, host, status, client, server, port, process, ...",
    )
    shown.add_argument(
        "--routes",
        action=Added,
        type=values.routes,
        metavar="ROUTE[,ROUTE]",
        help="names of routes for the statistics: /users/{id}/orders; * is a segment, /** at the end is any rest",
    )
    shown.add_argument("-v", "--verbose", dest="verbosity", action="count", help="print headers too; twice: bodies too")
    shown.add_argument(
        "--processes",
        action=switch,
        help="name the processes at both ends on each line (default: with -v and in JSON, if permitted)",
    )
    shown.add_argument(
        "--tcp",
        action=switch,
        help="say why exchanges were slow, as the kernel's TCP knows it (default: where processes are named)",
    )
    shown.add_argument("--stacks", action="store_true", help="with --tcp: the kernel's stack of each dropped segment")
    shown.add_argument(
        "--messages",
        action=switch,
        help="also show messages of WebSocket and other streams, as they pass (default: yes)",
    )
    shown.add_argument(
        "--time",
        choices=TIMES,
        help="time on each line: of day, with date, UTC, since 1970, since the previous line, since the first, or none",
    )
    shown.add_argument("--wide", action=switch, help="do not shorten lines to the width of the terminal")
    shown.add_argument("-q", "--quiet", action=switch, help="print neither the first line nor the summary")
    shown.add_argument("--body", type=values.body, metavar="N|all", help="bytes to show of each body (16384)")
    shown.add_argument("--show-secrets", action=switch, help="do not mask credentials, cookies and keys")
    shown.add_argument(
        "--mask",
        action=Joined,
        type=values.names,
        metavar="NAME[,NAME]",
        help="also mask the values of these names: fields, parameters, JSON keys, options; * matches any characters",
    )
    shown.add_argument(
        "--unmask",
        action=Joined,
        type=values.names,
        metavar="NAME[,NAME]",
        help="do not mask the values of these names",
    )
    shown.add_argument(
        "--proto",
        action=Added,
        type=values.file_name,
        metavar="FILE",
        help="decode gRPC messages by this schema, which protoc has written with --descriptor_set_out",
    )
    shown.add_argument(
        "--color",
        dest="colour",
        choices=("auto", "always", "never"),
        help="use colours; auto: on a terminal",
    )
    shown.add_argument(
        "--web",
        action=Once,
        nargs="?",
        const="",
        type=values.web,
        metavar="PORT",
        help="show exchanges on a page in the browser instead; PORT or ADDRESS:PORT (127.0.0.1, and any free port)",
    )
    shown.add_argument(
        "--prometheus",
        action=Once,
        type=values.prometheus,
        metavar="PORT",
        help="serve metrics for Prometheus instead, and /healthz; PORT (of 127.0.0.1) or ADDRESS:PORT",
    )
    shown.add_argument(
        "--prometheus-labels",
        action=Joined,
        type=values.metric_labels,
        metavar="LIST",
        help="further labels of the metrics: host, process, container",
    )
    written = parser.add_argument_group("what to write")
    written.add_argument(
        "-w",
        "--write",
        action=Once,
        metavar="FILE",
        help="write the frames of HTTP connections as pcapng, or to a FILE.har the exchanges; -: standard output",
    )
    written.add_argument(
        "-o", "--output", action=Once, metavar="DIR", help="the directory of the dataset that --format parquet writes"
    )
    written.add_argument(
        "-C",
        "--file-megabytes",
        dest="megabytes",
        type=values.at_least_1,
        metavar="N",
        help="start another file after N million bytes",
    )
    written.add_argument(
        "-G",
        "--file-seconds",
        dest="seconds",
        type=values.at_least_1,
        metavar="S",
        help="start another file after S seconds",
    )
    written.add_argument("-W", "--files", type=values.at_least_1, metavar="N", help="number of files")
    written.add_argument(
        "--write-secrets",
        action="store_true",
        help="also write the secrets of the TLS connections in the file, so that Wireshark opens them too",
    )
    written.add_argument(
        "--otlp",
        action=Once,
        nargs="?",
        const="",
        type=values.otlp,
        metavar="URL",
        help="also send exchanges as traces to this collector (OTEL_EXPORTER_OTLP_ENDPOINT, or http://localhost:4318)",
    )
    written.add_argument(
        "--sample",
        action=Once,
        type=values.ratio,
        metavar="RATIO",
        help="the share of the traces to send with --otlp, unless the caller has decided: 0.1; 10%% works too",
    )
    limits = parser.add_argument_group("limits")
    limits.add_argument("-s", "--snap", type=values.snap, metavar="N", help="bytes to capture of each frame (0: all)")
    limits.add_argument(
        "-B", "--ring", type=values.ring, metavar="KIB", help="size of the ring buffer; 8M works too (16384)"
    )
    limits.add_argument(
        "--memory", type=values.memory, metavar="MIB", help="memory for all open connections; 1G works too (256)"
    )
    limits.add_argument(
        "--user",
        metavar="NAME",
        help="user to switch to when the capture is open (the one who ran sudo, else nobody), and to run COMMAND as",
    )
    limits.add_argument(
        "--no-sandbox",
        dest="sandbox",
        action="store_false",
        help="do not confine sockfilter with Landlock and seccomp",
    )
    limits.add_argument(
        "--fail-on-loss",
        action=switch,
        help="exit with 3 if anything was lost or not understood; with a command: with 124 if it succeeded",
    )
    ending = parser.add_argument_group("how it ends")
    ending.add_argument(
        "--summary",
        type=values.form,
        choices=SUMMARIES,
        help="print the summary for people, or as a JSON line (text)",
    )
    ending.add_argument(
        "--summary-fd",
        type=values.descriptor,
        metavar="N",
        help="write the JSON summary to this descriptor instead of standard error",
    )
    tcpdump.add_options(parser)
    rest = parser.add_argument_group("other options")
    rest.add_argument(
        "--no-config", action="store_true", help="ignore the configuration file and the SOCKFILTER_ variables"
    )
    rest.add_argument(
        "--version", action=Versions, help="print the versions of sockfilter, libbpf, the BPF object and the kernel"
    )
    rest.add_argument("-h", "--help", action="help", help="print this text")
    return parser


def _with_negative_values(words: list[str]) -> list[str]:
    """Joins `-s -5` to `-s-5`: argparse takes `-5` for an option and reports that `-s` has no value."""
    made: list[str] = []
    for word in words:
        if made and word not in ("-4", "-6") and NEGATIVE.fullmatch(word) and TAKES_NUMBER.fullmatch(made[-1]):
            made[-1] += ("=" if made[-1].startswith("--") else "") + word
        else:
            made.append(word)
    return made


def _with_places(words: list[str]) -> list[str]:
    """Writes `--web` as `--web=`, and `--otlp` likewise, unless a place follows: a filter's first word is none.

    An empty word, as of a variable that is not set, is a place too, and the same as none.
    """
    return [
        f"{word}=" if word in PLACES and behind and not PLACES[word].fullmatch(behind) else word
        for word, behind in zip(words, [*words, ""][1:], strict=True)
    ]


def _with_files(words: list[str]) -> list[str]:
    """Writes `-r FILE FILE` as `-r FILE -r FILE`. What may be the beginning of a filter is no file."""
    made: list[str] = []
    is_behind = False
    for word in words:
        if made and made[-1] in ("-r", "--read"):
            is_behind = True
        elif is_behind and not word.startswith("-") and _is_file(word):
            made.append("-r")
        else:
            is_behind = bool(re.match("-r.|--read=.", word))
        made.append(word)
    return made


def _is_file(word: str) -> bool:
    """Whether a word behind -r FILE is another file, and not the beginning of a filter."""
    from sockfilter.archive.paths import NAMED  # imported only if a word is behind a file
    from sockfilter.cli import pcap_filter

    if os.sep in word or NAMED.search(word) or FILE_PATTERN.match(word):
        return True
    return os.path.exists(word) and not pcap_filter.is_beginning(word)


def _split(parser: argparse.ArgumentParser, words: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Splits the options from the command after `--`."""
    if "--" not in words:
        return words, ()
    at = words.index("--")
    if at == len(words) - 1:
        parser.error("-- needs a command: sockfilter -- COMMAND ARGUMENT ...")
    return words[:at], tuple(words[at + 1 :])


def _with_filter(said: dict[str, Any], words: list[str]) -> None:
    """Adds the conditions of the filter words to the options."""
    if not words:
        return
    from sockfilter.cli import pcap_filter

    try:
        found = pcap_filter.understood(words)
    except pcap_filter.NotSimple as error:
        said["pcap"] = pcap_filter.for_libpcap(words, error)
        return
    for name, value in found._asdict().items():
        if value is None:
            continue
        if said.setdefault(name, value) != value:
            raise InvalidArgument(f"the filter and the options both set {name}: remove one of them")


def _with_letters(said: dict[str, Any]) -> None:
    """Replaces tcpdump's letters by the long options that they stand for."""
    said.pop("as_always", None)
    count = said.pop("time_letters", 0)
    if count > len(tcpdump.TIMES):
        raise InvalidArgument(f"-{'t' * count}: use -t to -{'t' * len(tcpdump.TIMES)}, or --time")
    if count and said.setdefault("time", tcpdump.TIMES[count - 1]) != tcpdump.TIMES[count - 1]:
        raise InvalidArgument(f"-{'t' * count} and --time {said['time']}: only one is possible")


def _check_statistics(parser: argparse.ArgumentParser, said: dict[str, Any]) -> None:
    """Checks the options about statistics. --by and --routes imply --stats."""
    about = [option for name, option in STATISTICS.items() if name in said]
    if not about:
        return
    said["stats"] = True
    if said.get("format", TEXT) not in (TEXT, JSONL):
        parser.error(f"{about[0]} shows a table, or JSON with --format json: remove --format {said['format']}")
    if said.get("write") == "-":
        parser.error(f"-w - uses standard output: remove {about[0]}")


def _check_tree(parser: argparse.ArgumentParser, said: dict[str, Any]) -> None:
    """Checks that nothing contradicts --tree."""
    if not said.get("tree"):
        return
    if said.get("stats"):
        parser.error("--tree shows exchanges, and --stats shows numbers: use one of them")
    if said.get("format", TEXT) not in (TEXT, JSONL):
        parser.error(f"--tree shows text, or JSON with --format json: remove --format {said['format']}")
    if said.get("write") == "-":
        parser.error("-w - uses standard output: remove --tree")


def _check_writing(parser: argparse.ArgumentParser, said: dict[str, Any]) -> None:
    """Checks that options about file rotation are given together with an output file."""
    several = said.keys() & {"megabytes", "seconds"}
    if said.get("write", "-") == "-" and (several or "files" in said):
        parser.error("-C, -G and -W need a file name: -w FILE")
    if "files" in said and not several:
        parser.error("-W needs -C (million bytes of each file) or -G (seconds of each file)")
    if said.get("write_secrets"):
        _check_secrets(parser, said)
    if is_har(said.get("write")):
        if several:
            parser.error("-C and -G begin new files of frames; a HAR file is one")
        if said.get("format") == "raw":
            parser.error(
                "--format raw keeps bodies as they were sent, and a HAR file has them decoded: use one of them"
            )
    if "sample" in said and "otlp" not in said:
        parser.error("--sample is for traces: use it with --otlp")
    if "" in (said.get("write"), said.get("read"), said.get("keylog")):
        parser.error("the name of the file is empty")
    if said.get("keylog") == "-":
        parser.error("--keylog -: a key log cannot be read from standard input; use a file or a named pipe")


def _check_dataset(parser: argparse.ArgumentParser, found: dict[str, Any]) -> None:
    """Checks that --format parquet and its directory are given together."""
    is_wanted, path = found.get("format") == PARQUET, found.get("output")
    if is_wanted and not path:
        parser.error("--format parquet writes a dataset, which is a directory: -o DIR")
    if path is not None and not is_wanted:
        parser.error("-o names the directory of --format parquet; -w FILE writes a file of frames, or FILE.har")


def _check_secrets(parser: argparse.ArgumentParser, said: dict[str, Any]) -> None:
    """Checks that --write-secrets has a file that can hold secrets, and a source of them."""
    path = said.get("write")
    if path is None:
        parser.error("--write-secrets needs a capture file: -w FILE.pcapng")
    if path.endswith(".pcap"):
        parser.error(f"--write-secrets: only pcapng holds secrets: -w {path}ng")
    if is_har(path):
        parser.error(f"--write-secrets: only pcapng holds secrets: -w {path[: -len(HAR)]}pcapng")
    if said.get("filters"):
        parser.error("--write-secrets with -Y is not possible: write all frames, and read the file with -Y")
    if not said.keys() & SECRETS:
        parser.error("--write-secrets needs a source of secrets: --tls or --keylog FILE")


def _check_page(parser: argparse.ArgumentParser, said: dict[str, Any]) -> None:
    """Checks the options beside --web, which takes the place of the lines unless these are asked for."""
    if "web" not in said:
        return
    if said.get("format") == "raw":
        parser.error("--format raw keeps bodies as they were sent, and the page has them decoded: use one of them")
    said["lines"] = not said.keys().isdisjoint(("format", "verbosity", "stats"))


def _check_metrics(parser: argparse.ArgumentParser, said: dict[str, Any]) -> None:
    """Checks the options beside --prometheus, which takes the place of the lines unless these are asked for."""
    if "prometheus" in said:
        said.setdefault("lines", not said.keys().isdisjoint(("format", "verbosity", "stats")))
    elif "prometheus_labels" in said:
        parser.error("--prometheus-labels is for the metrics of --prometheus PORT")


def _check_reading(parser: argparse.ArgumentParser, said: dict[str, Any]) -> None:
    """Checks that no option about live captures is given together with a capture file."""
    for name, option in OF_TCP.items():
        if said.get(name):
            parser.error(f"a capture file has no TCP of its own: -r shows what the wire showed; remove {option}")
    for name, option in LIVE.items():
        if said.get(name):
            parser.error(f"{option} is for live captures, and -r reads a file")


def _check_calls(parser: argparse.ArgumentParser, said: dict[str, Any]) -> None:
    """Checks that options about system calls are not given together with options about packets or a file."""
    about = [option for name, option in CALLS.items() if name in said]
    if "command" in said and said.keys() & {"pid", "comm", "cgroup"}:
        parser.error(f"{about[0]} and a command: with a command, only its connections are captured")
    if said.get("tls") and said.get("via") != SYSCALLS and said.keys() & {"pid", "command"}:
        # packets have what the secrets open; which of them are the process's is known by its sockets
        about = [option for option in about if option not in (CALLS["command"], CALLS["pid"])]
        said.setdefault("interface", ANY)
    if said.get("tls") and "comm" in said:
        parser.error("--tls is for packets, which have no process names: use -i any --tls -Y 'comm == \"NAME\"'")
    if about and "read" in said:
        parser.error(f"{about[0]} is for live captures, and -r reads a file")
    packets = [option for name, option in PACKETS.items() if said.get(name) and not is_har(str(said[name]))]
    by_whom = "--via syscalls" if "via" in said else " and ".join(about)
    if about and said.setdefault("via", SYSCALLS) != SYSCALLS:
        parser.error(f"{about[0]} is for system calls: use --via syscalls")
    if said.get("via") == SYSCALLS and packets:
        parser.error(f"{packets[0]} is for packets, and cannot be used with {by_whom}")


def parse(arguments: list[str], configured: Callable[[], dict[str, Any]] = dict) -> Options:
    """Parses a command line. Exits after --help and --version.

    Args:
        arguments: the words of the command line.
        configured: returns the values for options that the command line does not give, by their names in Options.

    Raises:
        InvalidArgument: an option or a combination of options is invalid.
    """
    parser = get_parser()
    words, command = _split(parser, arguments)
    words = _with_negative_values(_with_places(_with_files(words)))
    check_known(parser, words, tcpdump.ELSEWHERE)
    namespace, others = parser.parse_known_args(words)
    said = vars(namespace)
    _with_filter(said, others)
    _with_letters(said)
    if command:
        said["command"] = command
    if "summary_fd" in said and said.setdefault("summary", JSONL) != JSONL:
        raise InvalidArgument("--summary text goes to standard error; --summary-fd needs --summary jsonl")
    _check_statistics(parser, said)
    _check_tree(parser, said)
    _check_writing(parser, said)
    _check_calls(parser, said)
    _check_page(parser, said)
    _check_metrics(parser, said)
    found = {**({} if said.pop("no_config", False) else configured()), **said}
    if "read" in said:
        _check_reading(parser, said)
        found = {name: value for name, value in found.items() if name not in LIVE and name not in OF_TCP}
    elif "jobs" in said:
        parser.error("--jobs is for capture files: -r FILE FILE ...")
    elif said.get("via") == SYSCALLS:
        found = {name: value for name, value in found.items() if name not in PACKETS}
    elif "interface" not in found and "list_interfaces" not in found:
        parser.error(
            "no interface: use -i NAME, or -i any for all interfaces; -D lists them; -r FILE reads a capture file"
        )
    _check_dataset(parser, found)
    if found.get("stacks") and found.get("tcp") is False:
        parser.error("--stacks shows what the kernel's TCP knows: remove --no-tcp")
    if "" in found.get("interface", ANY).split(","):
        parser.error("-i: the name is empty; -i any means all interfaces")
    if said.get("write") == "-" and "format" in said:
        parser.error("-w - uses standard output: remove --format")
    if said.get("write") == "-" and said.get("summary_fd") == 1:
        parser.error("-w - uses standard output: --summary-fd 1 would write into the capture file")
    return Options(has_body="body" in found, **found)

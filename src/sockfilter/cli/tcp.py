"""sockfilter tcp: the life of TCP connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.cli import subcommand, values
from sockfilter.cli.parser import Added, Joined, check_known
from sockfilter.cli.values import JSONL
from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    import argparse

    from sockfilter.captures.tcp_selection import TcpSelection
    from sockfilter.cli.signals import Signals

TEXT = "text"
TOP_S = 1.0
BY = ("process", "connection")

DESCRIPTION = """\
Prints a line for each TCP connection when it ends or fails: who connected to whom, how long it took to connect, how
long it was open, the bytes each end sent, the round-trip time, and why it ended. Also says whose accept queue is full.
"""
EPILOG = """\
examples:
  sudo sockfilter tcp                     all connections of this machine, as they end
  sudo sockfilter tcp --ports 8000        one service
  sudo sockfilter tcp --drops --stacks    which packets the kernel drops, why and where
  sudo sockfilter tcp --slow 100ms        connections that were slow to connect, to be read, or to answer
  sudo sockfilter tcp --top               bytes each second, by process
  sockfilter tcp --now                    what is open now; works without rights
  sockfilter tcp --now --listening        who listens, and how full the accept queues are

Without rights, it shows the ends of connections that sock_diag tells of, without reasons, connect times and states.

exit status: 0 success, also after Ctrl-C; 1 it could not start or continue; 2 the command line is invalid.
"""
ELSEWHERE = {
    "-i": "sockfilter tcp sees connections on all interfaces; --host and --ports choose some",
    "-r": "a capture file has no sockets; sockfilter -r FILE shows its exchanges",
    "-w": "sockfilter tcp writes no packets; --format jsonl writes lines for programs",
}
# kinds of lines that may be shown beside each other
KINDS = {"states": "--states", "drops": "--drops", "resets": "--resets", "listening": "--listening"}


def get_parser() -> argparse.ArgumentParser:
    """Returns the command's parser."""
    parser = subcommand.parser("tcp", DESCRIPTION, EPILOG)
    kinds = parser.add_argument_group("what to show in place of connections that end")
    kinds.add_argument(
        "--states", action="store_true", help="each change of a connection's state, and how long it lasted"
    )
    kinds.add_argument(
        "--drops",
        nargs="?",
        const="",
        metavar="REASON[,REASON]",
        help="segments that the kernel drops: why and where; only those with these reasons",
    )
    kinds.add_argument("--stacks", action="store_true", help="with --drops: the kernel's stack, at most 20 each second")
    kinds.add_argument(
        "--resets", action="store_true", help="resets that are sent and received, and the kernel's reasons"
    )
    kinds.add_argument(
        "--listening", action="store_true", help="who listens, and connections turned away because a queue is full"
    )
    kinds.add_argument("--now", action="store_true", help="what is open now; with --listening: who listens. Then exit")
    kinds.add_argument(
        "--top",
        nargs="?",
        const=TOP_S,
        type=values.duration,
        metavar="TIME",
        help="bytes sent and received, each second or in each such time",
    )
    kinds.add_argument("--by", choices=BY, help="with --top: a line for each process, or for each connection (process)")
    what = parser.add_argument_group("which connections")
    what.add_argument("--ports", action=Joined, metavar="LIST", help="with these ports at either end: 8000,9000-9100")
    what.add_argument("--host", action=Joined, metavar="LIST", help="with these hosts at either end: 10.0.0.0/8,::1")
    what.add_argument("--netns", metavar="NAME|PID", help="of this network namespace (all of the machine)")
    what.add_argument("--pid", action=Added, type=values.pids, metavar="N[,N]", help="of these processes")
    what.add_argument("--comm", action=Joined, metavar="NAME[,NAME]", help="of processes with these names")
    what.add_argument("--cgroup", metavar="PATH|ID", help="of a control group, or of a container by its id")
    what.add_argument(
        "--slow", type=values.duration, metavar="TIME", help="whose connect, first read or round trip took this or more"
    )
    how = parser.add_argument_group("how to show them")
    how.add_argument("--http", action="store_true", help="the HTTP exchanges of each connection beneath it")
    how.add_argument("-c", "--count", type=values.lines, metavar="N", help="exit after N lines")
    how.add_argument("--duration", type=values.duration, metavar="TIME", help="exit after this time: 500ms, 10s, 5m")
    how.add_argument(
        "--format", type=values.form, choices=(TEXT, JSONL), default=TEXT, help="lines of text, or JSON lines"
    )
    how.add_argument("-q", "--quiet", action="store_true", help="print neither the first line nor the summary")
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Shows connections. Returns the exit status. Raises SockfilterError and OSError."""
    parser = get_parser()
    check_known(parser, words, ELSEWHERE)
    found = subcommand.parsed_known(parser, words)
    if isinstance(found, int):
        return found
    options, others = found
    if others:
        raise InvalidArgument(
            f"sockfilter tcp takes options alone, and {others[0]!r} is none: it sees connections on all interfaces;"
            " --host and --ports choose some"
        )
    _check(options)
    selection = _selection(options)
    if options.now:
        from sockfilter.cli import tcp_now

        return tcp_now.show(options, selection)
    if options.top is not None:
        from sockfilter.cli import tcp_top

        return tcp_top.show(options, selection, signals)
    from sockfilter.cli import tcp_live

    return tcp_live.show(options, selection, signals)


def _selection(options: argparse.Namespace) -> TcpSelection:
    from sockfilter.captures.tcp_selection import TcpSelection

    host = None
    if options.host is not None:
        from sockfilter.cli import hosts

        host = [each for found in hosts.addresses(options.host, None).values() for each in found]
    comm = None if options.comm is None else options.comm.split(",")
    return TcpSelection(options.ports, host, options.pid, comm, options.cgroup)


def _check(options: argparse.Namespace) -> None:
    """Raises InvalidArgument if options exclude one another."""
    kinds = [word for name, word in KINDS.items() if _is_given(options, name)]
    others = [word for word in kinds if word != "--listening"] if options.now else kinds
    for name, word in (("now", "--now"), ("top", "--top")):
        if _is_given(options, name):
            others += [
                each for each, given in (("--http", options.http), ("--slow", options.slow is not None)) if given
            ]
            if name == "now" and options.top is not None:
                others.append("--top")
            if others:
                raise InvalidArgument(f"{word} and {others[0]} exclude one another: use one of them")
    if options.now and options.cgroup is not None:
        raise InvalidArgument("--now and --cgroup exclude one another: use --pid or --comm")
    if options.stacks and options.drops is None:
        raise InvalidArgument("--stacks shows where packets are dropped: add --drops")
    if options.by is not None and options.top is None:
        raise InvalidArgument("--by groups what --top shows: add --top")
    if options.http and kinds:
        raise InvalidArgument(f"--http and {kinds[0]} exclude one another: --http shows exchanges beneath connections")
    if options.slow is not None and kinds:
        raise InvalidArgument(f"--slow and {kinds[0]} exclude one another: --slow chooses among connections that end")


def _is_given(options: argparse.Namespace, name: str) -> bool:
    value = getattr(options, name)
    return value is not None and value is not False

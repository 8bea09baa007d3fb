"""sockfilter guard: tries a rule on real traffic, and enforces it for a time if that is asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sockfilter.cli import subcommand, values
from sockfilter.cli.parser import Joined
from sockfilter.cli.stdout import StandardOutput
from sockfilter.cli.values import JSONL
from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    import argparse

    from sockfilter.cli.signals import Signals
    from sockfilter.guarding.rules import Rules

OK = 0
TEXT = "text"
# options that other tools for servers have, and that cannot be here
OF_HTTP = ("--method", "--path", "--host", "--status")

DESCRIPTION = """\
Judges packets that open a connection, and says which it would refuse, and which exchanges would not have been. It drops
nothing unless --enforce is given. All other packets pass: established connections, replies, ARP, ICMP and fragments.
"""
EPILOG = """\
examples:
  sudo sockfilter guard -i lo --allow 22,8000 --for 2s              a dry run
  sudo sockfilter guard -i lo --deny 65001 --enforce --for 2s       drop openings to this port for two seconds
  sockfilter guard -i lo --allow 22,8000 --per-source 50/s --print-nft

exit status: 0 it has run; 1 it could not; 2 the command line is invalid, or would cut the ssh session that it runs in.
"""


def get_parser() -> argparse.ArgumentParser:
    """Returns the command's parser."""
    parser = subcommand.parser("guard", DESCRIPTION, EPILOG)
    add = parser.add_argument
    add("-i", "--interface", dest="interface", metavar="NAME", help="judge what arrives at this interface (Linux 6.6)")
    add("--cgroup", metavar="PATH", help="judge what arrives for sockets of this cgroup instead (Linux 5.12)")
    add("--allow", action=Joined, metavar="PORTS", help="refuse openings to all ports but these: 22,8000-8010")
    add("--deny", action=Joined, metavar="PORTS", help="refuse openings to these ports")
    add(
        "--per-source",
        metavar="N/s[:BURST]",
        help="refuse more openings of an IPv4 address, or an IPv6 network of 64 bits, than N a second (or N/m)",
    )
    add("--sources", action=Joined, metavar="CIDR", help="judge only openings from these networks")
    add("--not-sources", action=Joined, metavar="CIDR", help="do not judge openings from these networks")
    add("--udp", action="store_true", help="judge datagrams too")
    add("--enforce", action="store_true", help="drop what is refused; needs --for or --until-stopped")
    add("--for", dest="lasts", type=values.duration, metavar="TIME", help="end after this time: 10m")
    add("--until-stopped", action="store_true", help="enforce until a signal ends it")
    add("--cut-my-session", action="store_true", help="enforce a rule that refuses new ssh sessions like this one")
    add("--no-exchanges", action="store_true", help="do not capture beside it, to say which exchanges are concerned")
    add("--print-nft", action="store_true", help="print the same rules for nftables, and end")
    add("--netns", metavar="NAME|PID", help="the network namespace of the interface")
    add("-q", "--quiet", action="store_true", help="write no line about the beginning and the end")
    add("--format", type=values.form, choices=(TEXT, JSONL), default=TEXT, help="lines of text, or JSON lines")
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Guards until the end is requested. Returns the exit status. Raises SockfilterError."""
    from sockfilter.guarding import rules as rules_module

    for word in words:
        if word.partition("=")[0] in OF_HTTP:
            raise InvalidArgument(f"{word}: {rules_module.NOT_HTTP}")
    options = subcommand.parsed(get_parser(), words)
    if isinstance(options, int):
        return options
    rules = _rules(options)
    _check(options, rules)
    sink = StandardOutput(signals)
    if options.print_nft:
        from sockfilter.guarding.nft import nft_rules

        sink.write(nft_rules(options.interface, rules).encode())
        return OK
    from sockfilter.cli.guarding import Guarding  # with what it needs

    return Guarding(options, rules, signals, sink).run()


def _rules(options: argparse.Namespace) -> Rules:
    """Returns the rules. Raises InvalidArgument in the words of the command line."""
    from sockfilter.guarding import rules as rules_module

    if options.allow is not None and options.deny is not None:
        raise InvalidArgument("--allow and --deny: choose one; with --allow, all other ports are refused")
    if options.allow is None and options.deny is None and options.per_source is None:
        raise InvalidArgument("sockfilter guard: which rule? --allow PORTS, --deny PORTS, --per-source N/s")
    return rules_module.made(
        options.allow, options.deny, options.per_source, options.sources, options.not_sources, options.udp
    )


def _check(options: argparse.Namespace, rules: Rules) -> None:
    """Raises InvalidArgument if the options contradict each other, or the rules cut the session."""
    if (options.interface is None) == (options.cgroup is None):
        raise InvalidArgument("sockfilter guard: where? -i NAME or --cgroup PATH, one of them")
    if options.print_nft and options.interface is None:
        raise InvalidArgument("--print-nft prints rules for an interface: give -i NAME")
    if options.until_stopped and options.lasts is not None:
        raise InvalidArgument("--for and --until-stopped: choose one")
    if options.until_stopped and not options.enforce:
        raise InvalidArgument("--until-stopped is for --enforce; a dry run ends with Ctrl-C, or after --for TIME")
    if options.enforce and options.lasts is None and not options.until_stopped and not options.print_nft:
        raise InvalidArgument("--enforce drops connections: say for how long, with --for 10m or --until-stopped")
    if options.enforce and not options.cut_my_session and not options.print_nft:
        _check_session(rules)


def _check_session(rules: Rules) -> None:
    from sockfilter.cli.ssh_session import ssh_session

    session = ssh_session(os.environ)
    if session is None or not rules.refuses_port(session.port) or not rules.judges(session.client):
        return
    raise InvalidArgument(
        f"this ssh session came from {session.client} to port {session.port}, and the rule refuses another one:"
        f" add {session.port} to the allowed ports, or --not-sources {session.client}; --cut-my-session does it anyway"
    )

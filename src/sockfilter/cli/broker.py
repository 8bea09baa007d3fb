"""sockfilter broker: captures for those who may not, and whom it was told of."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.cli import subcommand
from sockfilter.cli.descriptors import STDERR, STDIN, STDOUT, say
from sockfilter.errors import InvalidArgument
from sockfilter.sources.broker.messages import SOCKET

if TYPE_CHECKING:
    import argparse

    from sockfilter.cli.signals import Signals

# sd_listen_fds(3): the first descriptor that systemd passes on
FIRST_PASSED = 3
OK = 0

DESCRIPTION = """\
Captures for processes that lack the rights, such as tests: it loads the program, attaches it to an interface, and
passes the ring on over a Unix socket. Only for the users and the interfaces named; the packet socket stays with it.
"""
EPILOG = """\
examples:
  sudo sockfilter broker --user $USER --background   tests of this user see lo
  sudo sockfilter broker --user ci -i lo -i br0      two interfaces, for user ci
"""


def get_parser() -> argparse.ArgumentParser:
    """Its command line."""
    parser = subcommand.parser("broker", DESCRIPTION, EPILOG)
    parser.add_argument(
        "--user", dest="users", action="append", metavar="NAME", help="who may capture (who ran sudo); can be repeated"
    )
    parser.add_argument(
        "-i",
        "--interface",
        dest="interfaces",
        action="append",
        metavar="NAME",
        help="where, or any (lo); can be repeated",
    )
    parser.add_argument("--promisc", dest="promiscuous", action="store_true", help="frames for other hosts too")
    parser.add_argument(
        "--background", action="store_true", help="go on in the background once it listens; kill PROCESS ends it"
    )
    parser.add_argument("--socket", default=SOCKET, metavar="PATH", help=f"where to listen ({SOCKET})")
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Serves until a signal asks for the end. Returns the exit status. Raises SockfilterError."""
    from sockfilter.sources.broker.server import Broker, Permission, inherited, known_interfaces, listening, user_number

    options = subcommand.parsed(get_parser(), words)
    if isinstance(options, int):
        return options
    users = options.users or [name for name in (os.environ.get("SUDO_UID"),) if name]
    if not users:
        raise InvalidArgument("for whom? --user NAME says who may capture")
    numbers = frozenset(map(user_number, users))
    interfaces = known_interfaces(options.interfaces or ["lo"])
    passed = os.environ.get("LISTEN_PID") == str(os.getpid())
    listener = inherited(FIRST_PASSED) if passed else listening(options.socket)
    where = "the socket that was passed on" if passed else options.socket
    greeting = f"broker at {where}: {', '.join(sorted(interfaces))} for {', '.join(users)}"
    if options.background and not _goes_on(greeting):
        return OK
    if not options.background:
        say(f"{greeting}; Ctrl-C ends")
    try:
        with Broker(listener, Permission(numbers, interfaces, options.promiscuous)) as broker:
            broker.also_wake_for(signals.fd)
            while not signals.end_asked:
                broker.serve()
                signals.drain()
    finally:
        if not passed:
            with suppress(OSError):
                os.unlink(options.socket)
    return OK


def _goes_on(greeting: str) -> bool:
    """Leaves the terminal to who called. Returns whether this is the process that goes on."""
    child = os.fork()
    if child:
        say(f"{greeting}; kill {child} ends it")
        return False
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (STDIN, STDOUT, STDERR):
        os.dup2(null, fd)
    os.close(null)
    return True

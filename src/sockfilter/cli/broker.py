"""sockfilter broker: captures on behalf of permitted users who have no rights to capture."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

from sockfilter.cli import confinement, subcommand, values
from sockfilter.cli.descriptors import STDERR, STDIN, STDOUT, say
from sockfilter.errors import InvalidArgument, MissingCapability
from sockfilter.libbpf import object as libbpf
from sockfilter.model.protocols import wanted
from sockfilter.sources.broker.messages import SOCKET

if TYPE_CHECKING:
    import argparse

    from sockfilter.cli.signals import Signals

# sd_listen_fds(3): the first descriptor that systemd passes on
FIRST_PASSED = 3
# Seconds that close(2) may take, before Linux 6.16.
LINGERS_S = 1.0
OK = 0

DESCRIPTION = """\
Captures for processes that have no rights, such as tests. The broker loads the program, attaches it to an interface,
and passes the ring over a Unix socket. It serves only the named users and interfaces, and keeps the packet socket.
"""
EPILOG = """\
examples:
  sudo sockfilter broker --user $USER --background   the tests of this user see lo
  sudo sockfilter broker --user ci -i lo -i br0      two interfaces, for user ci
"""


def get_parser() -> argparse.ArgumentParser:
    """Returns the command's parser."""
    parser = subcommand.parser("broker", DESCRIPTION, EPILOG)
    parser.add_argument(
        "--user",
        dest="users",
        action="append",
        metavar="NAME",
        help="a user who may capture (the one who ran sudo); repeatable",
    )
    parser.add_argument(
        "-i",
        "--interface",
        dest="interfaces",
        action="append",
        metavar="NAME",
        help="an interface, or any (lo); repeatable",
    )
    parser.add_argument(
        "--promisc", dest="promiscuous", action="store_true", help="also capture frames for other hosts"
    )
    parser.add_argument(
        "--capture-files",
        action="store_true",
        help="also give frames for capture files (--wire-dir, write=), with the SYNs of all connections",
    )
    parser.add_argument(
        "--protocols",
        type=values.protocols,
        metavar="LIST",
        help="also capture these protocols beside HTTP: mqtt,amqp,smtp or all",
    )
    parser.add_argument(
        "--tls", action="store_true", help="also give connections of TLS, which a client opens with its own key log"
    )
    parser.add_argument(
        "--background", action="store_true", help="continue in the background when it listens; kill PROCESS ends it"
    )
    parser.add_argument("--socket", default=SOCKET, metavar="PATH", help=f"listen at this path ({SOCKET})")
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Serves until a signal requests the end. Returns the exit status. Raises SockfilterError."""
    from sockfilter.sources.broker import listening, places, server
    from sockfilter.sources.broker.request import Permission
    from sockfilter.sources.broker.session import attaching
    from sockfilter.sources.packets import attachment
    from sockfilter.system import rights

    options = subcommand.parsed(get_parser(), words)
    if isinstance(options, int):
        return options
    users = options.users or [name for name in (os.environ.get("SUDO_UID"),) if name]
    if not users:
        raise InvalidArgument("no user: --user NAME permits a user to capture")
    if rights.missing():
        raise MissingCapability(f"starting a broker: {rights.advice()}")
    numbers = frozenset(map(server.user_number, users))
    interfaces = server.known_interfaces(options.interfaces or ["lo"])
    permission = Permission(
        numbers, interfaces, options.promiscuous, options.capture_files, wanted(options.protocols, ()), options.tls
    )
    attach = attaching(libbpf.read(attachment.OBJECT))
    with ExitStack() as stack:
        passed = os.environ.get("LISTEN_PID") == str(os.getpid())
        listener = (
            listening.inherited(FIRST_PASSED)
            if passed
            else stack.enter_context(listening.Listening(options.socket)).socket
        )
        where = "the socket from systemd" if passed else options.socket
        greeting = f"broker at {where}: {', '.join(sorted(interfaces))} for {', '.join(users)}"
        count = min(places.PLACES_MAX, confinement.confine(len(interfaces)))
        shares = places.Places(numbers, count, places.kernel_bytes())
        if options.background and not _goes_on(greeting):
            stack.pop_all()  # the child process now owns these resources
            return OK
        if not options.background:
            say(f"{greeting}; Ctrl-C ends")
        if not listening.refuse_descriptors(listener):
            _interrupt_closes()
        with server.Broker(listener, permission, shares, attach) as broker:
            broker.also_wake_for(signals.fd)
            while not signals.end_asked:
                broker.serve()
                signals.drain()
    return OK


def _interrupt_closes() -> None:
    """Lets a timer signal interrupt a close(2) that blocks on a lingering socket; see refuse_descriptors()."""
    signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, LINGERS_S, LINGERS_S)


def _goes_on(greeting: str) -> bool:
    """Forks and detaches the child from the terminal. Returns whether this process is the one that continues."""
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

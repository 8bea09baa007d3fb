"""--web: the process that serves the page, and the pipe that leads to it.

The server is a process of its own: it accepts connections, which the sandbox denies to the capture, and it has neither
the capture's descriptors nor its rights. If it is slow, or dies, the capture goes on.
"""

from __future__ import annotations

import os
import select
import signal
from itertools import pairwise
from typing import TYPE_CHECKING

from sockfilter.cli import page, privileges, sandbox
from sockfilter.cli.descriptors import say
from sockfilter.errors import InvalidArgument
from sockfilter.page import addresses
from sockfilter.page.pipe import LinePipe

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from sockfilter.cli.arguments import Options
    from sockfilter.cli.privileges import UserChoice
    from sockfilter.cli.signals import Signals
    from sockfilter.model import Connection
    from sockfilter.page.addresses import WebAddress
    from sockfilter.page.member import PageMember

NO_EXTRA = "--web needs aiohttp, which is not installed: pip install 'sockfilter[web]'"
# bytes of chance in the token: nobody guesses it
TOKEN_BYTES = 16
# standard descriptors, which the server keeps
STANDARD = 3
DESCRIPTORS_MAX = 1 << 20


def check() -> None:
    """Raises InvalidArgument if the library for the server is not installed."""
    from importlib.util import find_spec

    if find_spec("aiohttp") is None:
        raise InvalidArgument(NO_EXTRA)


class Web:
    """The server of the page, which starts now and ends with close(). Call this before any thread is started.

    Args:
        options: the options.
        choice: the user whom the server becomes.
    """

    def __init__(self, options: Options, choice: UserChoice) -> None:
        import secrets

        check()
        wanted = addresses.place(options.web or "")
        listener = addresses.listen(wanted)
        self.at = wanted._replace(port=listener.getsockname()[1])
        self._options = options
        self._token = secrets.token_urlsafe(TOKEN_BYTES)
        reading, writing = os.pipe2(os.O_CLOEXEC)
        self._pid = os.fork()
        if not self._pid:
            _serve(reading, listener, self.at, self._token, options, choice)
        os.close(reading)
        listener.close()
        # a file can wait; traffic cannot
        self.pipe = LinePipe(writing, waits=options.read is not None)

    @property
    def address(self) -> str:
        """The address of the page."""
        at = self.at._replace(ip=addresses.LOOPBACK) if self.at.is_everywhere else self.at
        return f"http://{at}/?token={self._token}"

    def say(self) -> None:
        """Says where the page is, and who can reach it."""
        say(f"the page is at {self.address}")
        if not self.at.is_loopback:
            say(
                f"whoever reaches port {self.at.port} of this machine and knows the token can see the traffic; it is"
                " sent without encryption, so others on the way can see it and the token too"
            )

    def member(self) -> PageMember:
        """Returns the page as an output."""
        from sockfilter.page.member import PageMember

        options = self._options
        return PageMember(
            self.pipe,
            options.count,
            bodies=options.body != 0,
            show_secrets=options.show_secrets,
            messages=options.messages,
        )

    def wanted(self) -> Callable[[Connection], bool] | None:
        """Returns whether a connection is not the page's own. None: the capture cannot see these."""
        options = self._options
        if options.read is not None or options.netns is not None:
            return None
        known: frozenset[str] = frozenset()
        if self.at.is_everywhere:
            from sockfilter.sources.packets.interfaces import listed

            known = frozenset(address.partition("/")[0] for entry in listed() for address in entry.addresses)
        return addresses.OwnConnections(self.at, known).are_others

    def stay(self, signals: Signals) -> None:
        """Waits for a signal, while the page shows a capture that has ended."""
        if signals.end_asked:
            return
        what = "the capture has ended; the page" if self._options.read is None else "the page of what was read"
        say(f"{what} stays until Ctrl-C")
        while not signals.end_asked:
            select.select([signals.fd], [], [])
            signals.drain()

    def close(self) -> None:
        """Ends the server. May be repeated."""
        self.pipe.close()


def _serve(
    reading: int, listener: socket.socket, at: WebAddress, token: str, options: Options, choice: UserChoice
) -> None:
    """Becomes the server. Never returns."""
    status = 1
    try:
        leave_signals()
        for fd in sorted((reading, listener.fileno())):
            os.set_inheritable(fd, False)
        close_others(reading, listener.fileno())
        import asyncio
        import logging

        from sockfilter.page.server import Server

        logging.disable()
        server = Server(reading, listener, at, token, page.about(options))
        privileges.give_up(choice, lambda: None)

        def confine() -> None:
            if options.sandbox:
                sandbox.enter([], has_command=False, reads_code=not choice.hides_code, hints=False, serves=True)

        asyncio.run(server.serve(confine))
        status = 0
    except Exception as error:
        say(f"the page's server has ended: {type(error).__name__}: {error}")
    finally:
        os._exit(status)


def leave_signals() -> None:
    """Ignores signals in a server: Ctrl-C reaches it too, and the capture ends it, by closing the pipe."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)


def close_others(*kept: int) -> None:
    """Closes all descriptors but the standard ones and these."""
    ends = [STANDARD - 1, *sorted(kept), DESCRIPTORS_MAX]
    for before, behind in pairwise(ends):
        os.closerange(before + 1, behind)

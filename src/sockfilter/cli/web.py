"""--web: the process that serves the page, and the pipe that leads to it."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

from sockfilter.cli import beside, page, privileges, sandbox
from sockfilter.cli.descriptors import say
from sockfilter.page import addresses
from sockfilter.page.pipe import LinePipe
from sockfilter.system.local_addresses import local_addresses

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from sockfilter.captures.archive import ArchiveCapture
    from sockfilter.captures.capture import Capture
    from sockfilter.cli.arguments import Options
    from sockfilter.cli.privileges import UserChoice
    from sockfilter.cli.signals import Signals
    from sockfilter.model import Connection
    from sockfilter.page.addresses import WebAddress
    from sockfilter.page.member import PageMember

# bytes of chance in the token: nobody guesses it
TOKEN_BYTES = 16


class Web:
    """The server of the page, which starts now and ends with close(). Call this before any thread is started.

    Args:
        options: the options.
        choice: the user whom the server becomes.
    """

    def __init__(self, options: Options, choice: UserChoice) -> None:
        import secrets

        beside.need("--web", "aiohttp", "web", "aiohttp")
        wanted = addresses.place(options.web or "")
        listener = addresses.listen(wanted)
        self.at = wanted._replace(port=listener.getsockname()[1])
        self._options = options
        self._token = secrets.token_urlsafe(TOKEN_BYTES)
        reading, writing = os.pipe2(os.O_CLOEXEC)
        beside.start(
            "the page's server",
            lambda: _serve(reading, listener, self.at, self._token, options, choice),
            *(reading, listener.fileno()),
        )
        os.close(reading)
        listener.close()
        # a file can wait; traffic cannot
        self.pipe = LinePipe(writing, waits=options.read is not None, gone=self._tell_of_end)
        self._is_over = False

    @property
    def address(self) -> str:
        """The address of the page."""
        at = self.at._replace(ip=addresses.LOOPBACK) if self.at.is_everywhere else self.at
        return f"http://{at}/?token={self._token}"

    def begin(self, capture: Capture | ArchiveCapture) -> None:
        """Says where the page is, and who can reach it."""
        capture.source.also_wake_for(self.pipe.fileno())
        say(f"the page is at {self.address}")
        if not self.at.is_loopback:
            say(
                f"whoever reaches port {self.at.port} of this machine and knows the token can see the traffic; it is"
                " sent without encryption, so others on the way can see it and the token too"
            )

    def member(self, _: Callable[[Connection], bool] | None) -> PageMember:
        """Returns the page as an output. The fan leaves out connections for it, as wanted() says."""
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
        known = local_addresses() if self.at.is_everywhere else frozenset[str]()
        return addresses.OwnConnections(self.at, known).are_others

    def stay(self, signals: Signals) -> None:
        """Waits for a signal, while the page shows a capture that has ended."""
        if signals.end_asked or self.pipe.is_gone:
            return
        self._is_over = True
        what = "the capture has ended; the page" if self._options.read is None else "the page of what was read"
        say(f"{what} stays until Ctrl-C")
        poll = select.poll()
        poll.register(signals.fd, select.POLLIN)
        poll.register(self.pipe.fileno(), 0)
        while not (signals.end_asked or self.pipe.is_gone):
            poll.poll()
            signals.drain()
            self.pipe.check()

    def _tell_of_end(self) -> None:
        say("the server of the page has ended" + ("" if self._is_over else "; the capture goes on"))

    def close(self) -> None:
        """Ends the server. May be repeated."""
        self.pipe.close()


def _serve(
    reading: int, listener: socket.socket, at: WebAddress, token: str, options: Options, choice: UserChoice
) -> None:
    """Serves the page until the capture closes the pipe."""
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

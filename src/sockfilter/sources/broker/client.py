"""The client's end: an attachment that a broker makes."""

from __future__ import annotations

import os
import select
import socket
from struct import Struct
from threading import Lock
from typing import TYPE_CHECKING, Any

from sockfilter.errors import BrokerError
from sockfilter.sources.broker import messages, request
from sockfilter.sources.packets.interfaces import Interface

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# struct timeval
TIMEVAL = Struct("@ll")


class BorrowedAttachment:
    """A program that a broker has loaded and attached; it goes when this, or the process, does.

    Args:
        link: the connection to the broker, which is this one's from here on.
        descriptors: of the maps.
    """

    def __init__(self, link: socket.socket, descriptors: list[int]) -> None:
        self._link: socket.socket | None = link
        self._descriptors = descriptors
        self._counters: list[int] | None = None
        self._known: list[int] = []
        # one thread may look after the interface while another asks for the counters: each is to get its own answer
        self._asking = Lock()
        self._poll = select.poll()
        self._poll.register(link, select.POLLIN)
        # a child of fork has the same connection, and must not end what its parent has
        self._process = os.getpid()
        self.ring_fd, self.shared_fd, self.skips_fd = descriptors

    def check(self) -> None:
        """Raises BrokerError where the broker has gone, and the program with it."""
        if self._link is None or self._counters is not None:
            return
        if not self._poll.poll(0):  # it says nothing unasked: what can be read is the end
            return
        raise BrokerError("the broker has ended, and the capture with it; start the broker again, then a new capture")

    def counters(self) -> list[int]:
        """The program's counters, in the order of enum sf_counter; the last known where the broker has gone."""
        if self._counters is None:
            self._known = self._ask("counters")
        return self._counters or self._known

    def rebind(self, position: int, interface: Interface) -> None:
        """Binds it to the interface that has now the name that was asked for in this position."""
        if self._counters is None:
            self._known = self._ask("rebind", position=position)

    def detach(self) -> None:
        """Takes it off the interface; its maps stay."""
        if self._counters is None:
            self._counters = self._ask("detach")

    def close(self) -> None:
        """Gives everything back; counters() goes on to answer."""
        self.detach()
        if self._link is None:
            return
        self._link.close()
        self._link = None
        for fd in self._descriptors:
            os.close(fd)

    def _ask(self, what: str, **more: int) -> list[int]:
        if self._link is None or os.getpid() != self._process:
            return self._known
        try:
            with self._asking:
                messages.send(self._link, {"do": what, **more})
                answer, _ = messages.receive(self._link)
            return [int(count) for count in answer["counters"]]
        except (OSError, BrokerError, KeyError, TypeError, ValueError):
            return self._known  # check() says that it has gone


def borrow(path: str) -> Callable[..., tuple[list[Interface], BorrowedAttachment]]:
    """What asks the broker at a path to attach, in place of attachment.attach()."""

    def attach(
        names: Sequence[str], config: Any, ports: bytes, ring: int, promiscuous: bool, meanwhile: Callable[[], None]
    ) -> tuple[list[Interface], BorrowedAttachment]:
        meanwhile()
        link = _connected(path)
        try:
            answer, descriptors = first_answer(link, request.message(list(names), config, ports, ring, promiscuous))
            messages.raise_refusal(answer)
            if len(descriptors) != messages.DESCRIPTORS:
                raise BrokerError(f"the broker at {path} sent {len(descriptors)} descriptors; it has another version")
            try:
                found = [Interface(**each) for each in answer["interfaces"]]
            except (KeyError, TypeError) as error:
                raise BrokerError(f"the broker at {path} named no interfaces; it has another version") from error
            return found, BorrowedAttachment(link, descriptors)
        except OSError as error:
            link.close()
            raise BrokerError(
                f"asking the broker at {path}: {error.strerror or error}; look at its messages"
            ) from error
        except BaseException:
            link.close()
            raise

    return attach


def first_answer(link: socket.socket, message: messages.Message) -> tuple[messages.Message, list[int]]:
    """The answer to the first message. Raises OSError and BrokerError."""
    try:
        messages.send(link, message)
        return messages.receive(link)
    except ConnectionError:
        # it was dismissed before it had said anything: the words are there, behind the error
        return messages.receive(link)


def _connected(path: str) -> socket.socket:
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        # a wait in connect(2) ends with the time for sending (unix(7)); a socket with a timeout would not wait at all
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, TIMEVAL.pack(int(messages.ANSWER_S), 0))
        link.connect(path)
        link.settimeout(messages.ANSWER_S)
    except OSError as error:
        link.close()
        raise BrokerError(
            f"connecting to the broker at {path}: {error.strerror or error};"
            " start one: sudo sockfilter broker --user $USER"
        ) from error
    return link

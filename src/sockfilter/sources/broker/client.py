"""The client's side: an attachment that a broker makes."""

from __future__ import annotations

import os
import select
import socket
from struct import Struct
from threading import Lock
from typing import TYPE_CHECKING

from sockfilter.errors import BrokerError
from sockfilter.sources.broker import messages
from sockfilter.sources.broker.request import message
from sockfilter.sources.packets.interfaces import Interface

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.sources.packets.request import AttachRequest

# struct timeval
TIMEVAL = Struct("@ll")


class BorrowedAttachment:
    """A program that a broker has loaded and attached. It ends with close(), or with the process.

    Args:
        link: the connection to the broker. This object owns it from now on.
        descriptors: of the maps. This object owns them from now on.
    """

    def __init__(self, link: socket.socket, descriptors: list[int]) -> None:
        self._link: socket.socket | None = link
        self._descriptors = descriptors
        self._counters: list[int] | None = None
        self._known: list[int] = []
        # one thread may rebind while another asks for the counters: each must get its own answer
        self._asking = Lock()
        self._poll = select.poll()
        self._poll.register(link, select.POLLIN)
        # after fork(), the child has the same connection, and must not end its parent's capture
        self._process = os.getpid()
        self.ring_fd, self.shared_fd, self.skips_fd = descriptors

    def check(self) -> None:
        """Raises BrokerError if the broker has ended, and the program with it."""
        if self._link is None or self._counters is not None:
            return
        if not self._poll.poll(0):  # the broker sends only answers, so anything readable is the end
            return
        raise BrokerError("the broker has ended, and the capture with it; start the broker again, then a new capture")

    def counters(self) -> list[int]:
        """Returns the program's counters, in the order of enum sf_counter; the last known if the broker has ended."""
        if self._counters is None:
            self._known = self._ask("counters")
        return self._counters or self._known

    def rebind(self, position: int, interface: Interface) -> None:
        """Has the broker bind to the interface that now has the name requested in this position."""
        if self._counters is None:
            self._known = self._ask("rebind", position=position)

    def detach(self) -> None:
        """Detaches the program from the interfaces. Its maps stay open."""
        if self._counters is None:
            self._counters = self._ask("detach")

    def close(self) -> None:
        """Closes the connection and the maps. counters() still works."""
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
            return self._known  # check() reports that the broker has ended


def borrow(path: str) -> Callable[..., tuple[list[Interface], BorrowedAttachment]]:
    """Returns a replacement for attachment.attach() that asks the broker at a path."""

    def attach(request: AttachRequest, meanwhile: Callable[[], None]) -> tuple[list[Interface], BorrowedAttachment]:
        meanwhile()
        link = _connected(path)
        try:
            answer, descriptors = first_answer(link, message(request))
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


def first_answer(link: socket.socket, first: messages.Message) -> tuple[messages.Message, list[int]]:
    """Sends the first message and returns the answer. Raises OSError and BrokerError."""
    try:
        messages.send(link, first)
        return messages.receive(link)
    except ConnectionError:
        # the broker refused the client before the message arrived: its answer follows the error
        return messages.receive(link)


def _connected(path: str) -> socket.socket:
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        # SO_SNDTIMEO limits the wait in connect(2) (unix(7)); a Python timeout makes the socket non-blocking, and
        # connect(2) would then not wait at all
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

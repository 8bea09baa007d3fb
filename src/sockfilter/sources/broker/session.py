"""The requests of one client, and the answers. It uses no socket, so that tests can try any bytes."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sockfilter.errors import BrokerError, SockfilterError
from sockfilter.sources.broker import messages
from sockfilter.sources.broker.request import checked
from sockfilter.sources.packets.attachment import attach
from sockfilter.sources.packets.interfaces import NameCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.sources.broker.messages import Message
    from sockfilter.sources.broker.places import Place
    from sockfilter.sources.broker.request import Permission
    from sockfilter.sources.packets.attachment import Attachment
    from sockfilter.sources.packets.interfaces import Interface
    from sockfilter.sources.packets.request import AttachRequest

    Attach: TypeAlias = Callable[[AttachRequest], tuple[list[Interface], Attachment]]


class Answer(NamedTuple):
    """An answer to a client.

    Attributes:
        data: the message.
        descriptors: the descriptors to send with it. The session still owns them.
        is_last: the connection is closed after this answer.
    """

    data: bytes
    descriptors: list[int]
    is_last: bool = False


class Session:
    """One client, from its first message on. It may attach once. The first refusal ends the session.

    Args:
        permission: what the client may capture.
        place: the client's place. The session owns it from now on.
        attach: attaches the program for a request.
    """

    def __init__(self, permission: Permission, place: Place, attach: Attach) -> None:
        self._permission = permission
        self._place = place
        self._attach_ = attach
        self._attachment: Attachment | None = None
        self._interfaces: list[Interface] = []

    @property
    def has_attached(self) -> bool:
        """Whether the client has a capture. Its connection may then be silent for any time."""
        return self._attachment is not None

    def close(self) -> None:
        """Ends the capture, and frees the place. The place stays taken until the client closes the ring."""
        attachment, self._attachment = self._attachment, None
        try:
            if attachment is not None:
                attachment.close()
        finally:
            self._place.leave()

    def take(self, data: bytes) -> Answer:
        """Returns the answer to a message. Raises nothing, whatever the bytes are."""
        try:
            answer, descriptors = self._do(messages.decoded(data))
            return Answer(messages.encoded(answer), descriptors)
        except SockfilterError as error:
            return refused(error)
        except Exception as error:  # a bug, or no memory: only this client is disconnected
            return refused(BrokerError(f"the broker could not do this ({type(error).__name__}): see its version"))

    def _do(self, request: Message) -> tuple[Message, list[int]]:
        what = request.get("do")
        if what == "attach":
            return self._attach(request)
        if self._attachment is None:
            raise BrokerError("nothing is attached yet")
        if what == "detach":
            self._attachment.detach()
        elif what == "rebind":
            self._rebind(self._attachment, request.get("position"))
        elif what != "counters":
            raise BrokerError("there is no such request; the client has another version")
        return {"counters": self._attachment.counters()}, []

    def _attach(self, message: Message) -> tuple[Message, list[int]]:
        if self._attachment is not None:
            raise BrokerError("it is attached already; open another connection")
        request = checked(message, self._permission)
        self._place.take(request.ring)
        self._interfaces, self._attachment = self._attach_(request)
        made = self._attachment
        self._place.watch(made.ring_fd)
        answer = {"interfaces": [interface._asdict() for interface in self._interfaces]}
        return answer, [made.ring_fd, made.shared_fd, made.skips_fd]

    def _rebind(self, attachment: Attachment, position: object) -> None:
        """Binds to the interface that has the same name, because the client has permission for that name."""
        if type(position) is not int or not 0 <= position < len(self._interfaces):
            raise BrokerError("there is no such interface to rebind; the client has another version")
        before = self._interfaces[position]
        with NameCache() as names:
            found = names.find(before.name)
        if found is not None and found.has_link_header == before.has_link_header:
            with suppress(OSError):  # it was deleted again
                attachment.rebind(position, found)


def refused(error: SockfilterError) -> Answer:
    """Returns the answer that refuses a request and ends the session."""
    return Answer(messages.encoded(messages.refusal(error)), [], is_last=True)


def attaching(program: bytes) -> Attach:
    """Returns a function that attaches in this process. The broker has no rights left to read the object's file.

    Args:
        program: the content of the BPF object's file.
    """

    return partial(attach, content=program)

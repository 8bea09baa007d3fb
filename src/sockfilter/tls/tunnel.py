"""The plaintext of a TLS connection as a transport, which carries another conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.sequence import MASK

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.connection import Connection
    from sockfilter.model.flow import LeftOut
    from sockfilter.protocols.interface import Context, Conversation, Handover, Make, Transport


class TlsTunnel:
    """Carries a conversation in the plaintext.

    The first byte of an end has the sequence number 0. The numbers of an end whose first bytes were not seen begin
    anywhere.

    Args:
        transport: carries the ciphertext.
        model: the connection, as exchanges refer to it.
        is_whole: for each end, whether its first byte is known.
        rejected: is called when no more bytes are needed.

    Attributes:
        model: the connection.
        isn: the numbers before the first bytes.
        conversation: what reads the plaintext. Set by begin().
    """

    __slots__ = ("_rejected", "_transport", "conversation", "isn", "model")

    conversation: Conversation

    def __init__(self, transport: Transport, model: Connection, is_whole: bool, rejected: Callable[[], None]) -> None:
        self._transport = transport
        self._rejected = rejected
        self.model = model
        self.isn: tuple[int | None, int | None] = (MASK, MASK) if is_whole else (None, None)

    def begin(self, make: Make, context: Context, before: Handover | None) -> None:
        """Makes the conversation."""
        self.conversation = make(self, context, before)

    @property
    def last_ns(self) -> int:
        """When its last segment passed, in the source's clock."""
        return self._transport.last_ns

    def announce(self, end: int, size: int) -> None:
        """Does nothing: the tags of the records are needed to know what passes."""

    def leave_out(self, end: int, number: int, take: Callable[[LeftOut], int]) -> None:
        """Does nothing, for the same reason."""

    def reject(self) -> None:
        """Notes that no more bytes are needed."""
        self._rejected()

    def replace(self, conversation: Conversation) -> None:
        """Passes all further bytes to another conversation."""
        self.conversation = conversation

"""Handshake messages that are needed to open records: the hellos, and the extensions of the server (RFC 8446, 4)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT_HELLO, SERVER_HELLO, NEW_SESSION_TICKET, END_OF_EARLY_DATA, ENCRYPTED_EXTENSIONS = 1, 2, 4, 5, 8
CERTIFICATE, SERVER_HELLO_DONE, FINISHED, KEY_UPDATE = 11, 14, 20, 24
# the messages whose content is read, or whose end matters
READ = frozenset((CLIENT_HELLO, SERVER_HELLO, END_OF_EARLY_DATA, ENCRYPTED_EXTENSIONS, FINISHED, KEY_UPDATE))
# type and length in front of a message
MESSAGE_HEAD = 4
# Bytes of a message that are kept: of the messages that are read, the ClientHello is the longest, with at most 2^16
# bytes of extensions and of suites. Certificates may be longer, and are not read.
MESSAGE_BYTES_MAX = 1 << 17
# the random of a ServerHello that is a HelloRetryRequest (RFC 8446, 4.1.3)
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
RANDOM_BYTES = 32
# type and length of an extension
EXTENSION = Struct(">HH")
SNI, ALPN, ENCRYPT_THEN_MAC, EARLY_DATA, PRE_SHARED_KEY, SUPPORTED_VERSIONS = 0, 16, 22, 42, 41, 43


class ClientHello(NamedTuple):
    """A ClientHello.

    Attributes:
        random: its random bytes.
        session: the session id.
        sni: the name of the server; None if there is none.
        has_early_data: whether the client sends early data.
    """

    random: bytes
    session: bytes
    sni: str | None
    has_early_data: bool


class ServerHello(NamedTuple):
    """A ServerHello.

    Attributes:
        random: its random bytes.
        session: the session id.
        version: the version that the server chose.
        suite: the number of the suite that it chose.
        extensions: by their types.
    """

    random: bytes
    session: bytes
    version: int
    suite: int
    extensions: dict[int, bytes]

    @property
    def is_retry(self) -> bool:
        """Whether it asks for another ClientHello."""
        return self.random == RETRY


class Truncated(Exception):  # not named ...Error, because it is not an error
    """The message is shorter than its fields say."""


class MessageFields:
    """Reads the fields of a message in their order.

    Args:
        data: the message.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next bytes. Raises Truncated."""
        part = self._data[self._at : self._at + size]
        if len(part) < size:
            raise Truncated
        self._at += size
        return part

    def number(self, size: int) -> int:
        """The next number of a size in bytes. Raises Truncated."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """The next bytes whose length is in front of them, as a number of a size in bytes. Raises Truncated."""
        return self.take(self.number(size))

    @property
    def has_more(self) -> bool:
        """Whether bytes are left."""
        return self._at < len(self._data)


def client_hello(message: bytes) -> ClientHello | None:
    """Reads a ClientHello without its head; None if it is malformed."""
    try:
        fields = MessageFields(message)
        fields.take(2)
        random, session = fields.take(RANDOM_BYTES), fields.vector(1)
        fields.vector(2)
        fields.vector(1)
        found = _extensions(fields.vector(2)) if fields.has_more else {}
    except Truncated:
        return None
    return ClientHello(random, session, _server_name(found.get(SNI, b"")), EARLY_DATA in found)


def server_hello(message: bytes) -> ServerHello | None:
    """Reads a ServerHello without its head; None if it is malformed."""
    try:
        fields = MessageFields(message)
        version = fields.number(2)
        random, session, suite = fields.take(RANDOM_BYTES), fields.vector(1), fields.number(2)
        fields.take(1)
        found = _extensions(fields.vector(2)) if fields.has_more else {}
    except Truncated:
        return None
    chosen = found.get(SUPPORTED_VERSIONS, b"")
    if len(chosen) == 2:
        version = int.from_bytes(chosen, "big")
    return ServerHello(random, session, version, suite, found)


def encrypted_extensions(message: bytes) -> dict[int, bytes]:
    """Reads EncryptedExtensions without their head: the extensions by type. Malformed ones are left out."""
    try:
        return _extensions(MessageFields(message).vector(2))
    except Truncated:
        return {}


def chosen_protocol(extensions: dict[int, bytes]) -> str | None:
    """The protocol that the server chose (RFC 7301, 3.1); None if it chose none."""
    try:
        names = MessageFields(MessageFields(extensions.get(ALPN, b"")).vector(2))
        return names.vector(1).decode("ascii", "backslashreplace")
    except Truncated:
        return None


def _extensions(data: bytes) -> dict[int, bytes]:
    """The extensions by type. Raises Truncated."""
    at, size, found = 0, len(data), {}
    while at < size:
        start = at + EXTENSION.size
        if start > size:
            raise Truncated
        kind, length = EXTENSION.unpack_from(data, at)
        at = start + length
        if at > size:
            raise Truncated
        found[kind] = data[start:at]
    return found


def _server_name(data: bytes) -> str | None:
    """The first host name of the extension server_name (RFC 6066, 3)."""
    try:
        names = MessageFields(MessageFields(data).vector(2))
        while names.has_more:
            kind, name = names.number(1), names.vector(2)
            if kind == 0:
                return name.decode("ascii", "backslashreplace")
    except Truncated:
        pass
    return None


class MessageReader:
    """Puts handshake messages together, which may span records.

    Attributes:
        is_lost: whether bytes before the next ones are missing.
    """

    __slots__ = ("_have", "_needed", "_parts", "_passing", "is_lost")

    def __init__(self) -> None:
        self._parts: list[bytes] = []  # of a message that is not complete
        self._have, self._needed = 0, MESSAGE_HEAD
        self._passing = 0  # bytes of a message whose content is not needed
        self.is_lost = False

    @property
    def weight(self) -> int:
        """The number of bytes that are kept."""
        return self._have

    def lose(self) -> None:
        """Notes that bytes are missing here."""
        self._keep(b"", MESSAGE_HEAD)
        self._passing, self.is_lost = 0, True

    def messages(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yields the messages that are complete, and those that begin and are not read: their types and contents.

        Args:
            data: the content of the next record.
        """
        if self.is_lost:
            # after missing bytes, only a record that consists of whole messages is understood
            if not _is_whole(data):
                return
            self.is_lost = False
        self._parts.append(data)
        self._have += len(data)
        if self._have < self._needed:
            return
        buffer, at = b"".join(self._parts), 0
        needed = MESSAGE_HEAD
        while True:
            passed = min(self._passing, len(buffer) - at)
            self._passing -= passed
            at += passed
            start = at + MESSAGE_HEAD
            if self._passing or start > len(buffer):
                break
            kind, size = buffer[at], int.from_bytes(buffer[at + 1 : start], "big")
            if kind not in READ or size > MESSAGE_BYTES_MAX:
                self._passing, at = size, start
                yield kind, b""
            elif start + size > len(buffer):
                needed = MESSAGE_HEAD + size
                break
            else:
                at = start + size
                yield kind, buffer[start:at]
        self._keep(buffer[at:], needed)

    def _keep(self, rest: bytes, needed: int) -> None:
        self._parts = [rest] if rest else []
        self._have, self._needed = len(rest), needed


def _is_whole(data: bytes) -> bool:
    at = 0
    while at + MESSAGE_HEAD <= len(data):
        at += MESSAGE_HEAD + int.from_bytes(data[at + 1 : at + MESSAGE_HEAD], "big")
    return at == len(data)

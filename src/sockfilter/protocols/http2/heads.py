"""Makes heads of header blocks: pseudo-fields and fields (RFC 9113, 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.head import Head, LostField
from sockfilter.model.headers import Headers, text
from sockfilter.protocols.coding import DECODERS
from sockfilter.protocols.contents import MEDIA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.protocols.http2.hpack import Field

METHOD, PATH, SCHEME, AUTHORITY, PROTOCOL = b":method", b":path", b":scheme", b":authority", b":protocol"
STATUS = b":status"
STATUS_DIGITS = 3
CONTENT_ENCODING = b"content-encoding"
CONTENT_TYPE = b"content-type"
# the coding of content whose fields are not all known: no decoder has this name
UNKNOWN_CODING = b"?"


class BlockFields:
    """The fields of one header block, sorted.

    Args:
        fields: the fields in their order.

    Attributes:
        pseudo: the pseudo-fields that are known. If one comes twice, the first counts.
        others: the other fields that are known.
        lost: the fields that are not wholly known.
        has_lost: whether there are such fields.
        is_proper: no pseudo-field comes twice, or after another field.
    """

    __slots__ = ("has_lost", "is_proper", "lost", "others", "pseudo")

    def __init__(self, fields: Sequence[Field]) -> None:
        self.pseudo: dict[bytes, bytes] = {}
        self.lost: list[LostField] = []
        self.is_proper = True
        names = [field[0] for field in fields]
        if None in names:
            fields = self._without_lost(fields)
            names = [field[0] for field in fields]
        at = 0
        for name, value, _ in fields:
            if name[:1] != b":":  # type: ignore[index]  # the fields without a name are not among them
                break
            at += 1
            if name in self.pseudo:
                self.is_proper = False
            else:
                self.pseudo[name] = value  # type: ignore[index,assignment]  # as above
        self.has_lost = bool(self.lost)
        self.others = fields[at:] if at else fields
        if b"\0:" in b"\0".join(names[at:]) and at < len(names):  # type: ignore[arg-type]  # as above
            self._drop_late()

    def _without_lost(self, fields: Sequence[Field]) -> list[Field]:
        known = []
        for at, field in enumerate(fields):
            if field[0] is None or field[1] is None:
                self.lost.append(LostField(at, _known_text(field[0]), _known_text(field[1])))
            else:
                known.append(field)
        return known

    def _drop_late(self) -> None:
        """Drops pseudo-fields after other fields: they are malformed (RFC 9113, 8.3)."""
        kept = [field for field in self.others if (field[0] or b"")[:1] != b":"]
        self.is_proper = self.is_proper and len(kept) == len(self.others)
        self.others = kept

    @property
    def is_request(self) -> bool | None:
        """Whether they are of a request; None if no pseudo-field is known: they may be of either, or trailers."""
        if STATUS in self.pseudo:
            return False
        return True if self.pseudo else None

    @property
    def is_trailers(self) -> bool:
        """Whether they follow a body: a head begins with pseudo-fields (RFC 9113, 8.1)."""
        return not self.pseudo and (not self.lost or self.lost[0].at > 0)

    @property
    def headers(self) -> Headers:
        """The other fields, as text."""
        return Headers([(text(name), text(value)) for name, value, _ in self.others])  # type: ignore[arg-type]  # known

    def conceal(self) -> None:
        """Forgets the fields, because they may be trailers."""
        self.others, self.lost = [], []


class Http2Head(Head):
    """The head of a message of HTTP/2. What is not known is empty, or 0.

    Args:
        fields: the fields, sorted.
        is_request: whether it is the head of a request.

    Attributes:
        codings: the codings of the content, in lower case, in the order in which they were applied; UNKNOWN_CODING if
            a field that is not known may name them.
        is_shared: whether its block came again.
    """

    __slots__ = ("_fields", "_is_request", "codings", "is_shared")

    def __init__(self, fields: BlockFields, is_request: bool) -> None:
        self.version = "2"
        self.method = self.target = ""
        self.status = 0
        self._reason = self._headers = None
        self._fields = fields
        self._is_request = is_request
        self.is_shared = False
        self.codings = _codings(fields.others)
        if fields.lost and any(map(_may_be_coding, fields.lost)):
            self.codings = (UNKNOWN_CODING,)
        pseudo = fields.pseudo
        if is_request:
            self.method, self.target = text(pseudo.get(METHOD, b"")), text(pseudo.get(PATH, b""))
            if self.method == "CONNECT" and not self.target:
                self.target = text(pseudo.get(AUTHORITY, b""))
        else:
            digits = pseudo.get(STATUS, b"")
            if len(digits) == STATUS_DIGITS and digits.isdigit():
                self.status = int(digits)

    @property
    def is_request(self) -> bool:
        """Whether it is the head of a request."""
        return self._is_request

    @property
    def headers(self) -> Headers:
        """The fields without the pseudo-fields, in their order."""
        if self._headers is None:
            self._headers = self._fields.headers
        return self._headers

    @property
    def authority(self) -> str:
        """The host and the port, if any, as sent: from :authority, else from the Host field (RFC 9113, 8.3.1)."""
        return text(self._fields.pseudo.get(AUTHORITY, b"")) or self.headers.get("host", "")

    @property
    def scheme(self) -> str:  # type: ignore[override]  # it is made when it is needed
        """The scheme of a request."""
        return text(self._fields.pseudo.get(SCHEME, b""))

    @property
    def protocol(self) -> str:
        """Of an extended CONNECT, the protocol of the tunnel (RFC 8441, 4); otherwise empty."""
        return text(self._fields.pseudo.get(PROTOCOL, b""))

    @property
    def lost(self) -> tuple[LostField, ...]:  # type: ignore[override]  # as scheme
        """The fields that are not wholly known."""
        return tuple(self._fields.lost)

    @property
    def may_have_reader(self) -> bool:
        """Whether the media type may be that of a protocol that is read inside bodies."""
        values = [value for name, value, _ in self._fields.others if name == CONTENT_TYPE]
        return any((value or b"").lstrip().lower().startswith(MEDIA) for value in values)

    @property
    def size(self) -> int:
        """Bytes of text in the head."""
        fields = self._fields
        pseudo = sum(len(name) + len(value) for name, value in fields.pseudo.items())
        return pseudo + sum(len(name or b"") + len(value or b"") for name, value, _ in fields.others)


def _known_text(raw: bytes | None) -> str | None:
    return None if raw is None else text(raw)


def _may_be_coding(field: LostField) -> bool:
    """Whether a field that is not wholly known may be Content-Encoding."""
    if field.name is not None:
        return field.name == CONTENT_ENCODING.decode()
    return field.value is None or field.value.lower().encode("latin-1", "replace") in DECODERS


def _codings(fields: Sequence[Field]) -> tuple[bytes, ...]:
    values = [field[1] for field in fields if field[0] == CONTENT_ENCODING]
    if not values:
        return ()
    found = [name.strip() for value in values for name in (value or b"").lower().split(b",")]
    return tuple(name for name in found if name not in (b"", b"identity"))

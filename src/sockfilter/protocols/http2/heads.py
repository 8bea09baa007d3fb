"""Makes heads of header blocks: pseudo-fields and fields (RFC 9113, 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.head import Head, LostField
from sockfilter.model.headers import Headers, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.protocols.http2.hpack import Field

REQUEST_NAMES = frozenset((b":method", b":path", b":scheme", b":authority", b":protocol"))
STATUS = b":status"
STATUS_DIGITS = 3


class Http2Head(Head):
    """The head of a message of HTTP/2. What is not known is empty, or 0.

    Args:
        fields: the fields, sorted.
        is_request: whether it is the head of a request.

    Attributes:
        codings: the codings of the content, in lower case, in the order in which they were applied.
        protocol: of an extended CONNECT, the protocol of the tunnel (RFC 8441, 4); otherwise empty.
    """

    __slots__ = ("_authority", "_is_request", "codings", "lost", "protocol", "scheme")

    def __init__(self, fields: Fields, is_request: bool) -> None:
        pseudo = fields.pseudo
        method, target = text(pseudo.get(b":method", b"")), text(pseudo.get(b":path", b""))
        self._authority = text(pseudo.get(b":authority", b""))
        if method == "CONNECT" and not target:
            target = self._authority
        super().__init__("2", method, target, _status(pseudo.get(STATUS, b"")), "", Headers(fields.known))
        self.scheme = text(pseudo.get(b":scheme", b""))
        self.protocol = text(pseudo.get(b":protocol", b""))
        self.lost = tuple(fields.lost)
        self._is_request = is_request
        self.codings = _codings(fields.known)

    @property
    def is_request(self) -> bool:
        """Whether it is the head of a request."""
        return self._is_request

    @property
    def authority(self) -> str:
        """The host and the port, if any, as sent: from :authority, else from the Host field (RFC 9113, 8.3.1)."""
        return self._authority or self.headers.get("host", "")


class Fields:
    """The fields of one header block, sorted.

    Args:
        fields: the fields in their order.

    Attributes:
        pseudo: the pseudo-fields that are known. If one comes twice, the first counts.
        known: the other fields that are known: pairs of name and value.
        lost: the fields that are not wholly known.
        is_proper: no pseudo-field comes twice, or after another field.
    """

    __slots__ = ("is_proper", "known", "lost", "pseudo")

    def __init__(self, fields: Sequence[Field]) -> None:
        self.pseudo: dict[bytes, bytes] = {}
        self.known: list[tuple[str, str]] = []
        self.lost: list[LostField] = []
        self.is_proper = True
        pseudo, known = self.pseudo, self.known
        for at, (name, value, _) in enumerate(fields):
            if name is None or value is None:
                self.lost.append(LostField(at, _known_text(name), _known_text(value)))
            elif name[:1] != b":":
                known.append((text(name), text(value)))
            elif name in pseudo or known:
                self.is_proper = False
            else:
                pseudo[name] = value

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

    def conceal(self, fields: Sequence[Field]) -> None:
        """Treats all fields as not wholly known.

        Args:
            fields: the fields in their order.
        """
        self.known.clear()
        self.lost[:] = [
            LostField(at, _known_text(name), _known_text(value)) for at, (name, value, _) in enumerate(fields)
        ]


def _known_text(raw: bytes | None) -> str | None:
    return None if raw is None else text(raw)


def _status(digits: bytes) -> int:
    return int(digits) if len(digits) == STATUS_DIGITS and digits.isdigit() else 0


def _codings(fields: list[tuple[str, str]]) -> tuple[bytes, ...]:
    found = [name.strip() for key, value in fields if key == "content-encoding" for name in value.lower().split(",")]
    return tuple(name.encode("utf-8", "surrogateescape") for name in found if name not in ("", "identity"))

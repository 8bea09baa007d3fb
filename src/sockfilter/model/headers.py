"""Header fields, as sent; names are looked up case-insensitively."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterator


def text(raw: bytes) -> str:
    """Bytes of a peer as text. Bytes that are not UTF-8 become surrogates, so that encoding gives them back."""
    return raw.decode("utf-8", "surrogateescape")


class Headers:
    """The fields of a message, with their order, case and duplicates as sent.

    Args:
        fields: pairs of name and value.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    @classmethod
    def from_head(cls, head: bytes) -> Headers:
        """Splits a head of HTTP/1 with its start line, or a trailer section with an empty line in front.

        A line that begins with white space continues the value before it (RFC 9112, 5.2). A line without a colon is a
        name without a value.
        """
        fields: list[tuple[str, str]] = []
        for line in head.split(b"\n")[1:]:
            line = line.rstrip(b"\r")  # noqa: PLW2901
            if not line:
                continue
            if line[:1] in (b" ", b"\t") and fields:
                name, value = fields[-1]
                more = text(line.strip(b" \t"))
                fields[-1] = (name, f"{value} {more}".strip())
                continue
            raw_name, _, raw_value = line.partition(b":")
            fields.append((text(raw_name.rstrip(b" \t")), text(raw_value.strip(b" \t"))))
        return cls(fields)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __getitem__(self, name: str) -> str:
        """The first value of a name, which is case-insensitive. Raises KeyError if there is none."""
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    __hash__ = None  # type: ignore[assignment]  # like a list

    def __repr__(self) -> str:
        """All fields, with secrets masked, because a failing assertion shows them."""
        from sockfilter.masking import mask_fields  # imported late: only needed to show it

        return f"Headers({mask_fields(self._fields)!r})"

    @overload
    def get(self, name: str) -> str | None: ...

    @overload
    def get(self, name: str, default: str) -> str: ...

    @overload
    def get(self, name: str, default: None) -> str | None: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of a name, which is case-insensitive, else the default."""
        wanted = name.lower()
        for key, value in self._fields:  # faster than a generator: it is called for most messages
            if key.lower() == wanted:
                return value
        return default

    def get_all(self, name: str) -> list[str]:
        """Every value of a name, which is case-insensitive, in order."""
        wanted = name.lower()
        return [value for key, value in self._fields if key.lower() == wanted]

"""The names of fields in the filter language: which condition each stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sockfilter.filters.conditions import CONDITIONS
from sockfilter.filters.fields import EACH
from sockfilter.filters.kinds import quoted
from sockfilter.filters.message_fields import of_message_only

if TYPE_CHECKING:
    from sockfilter.filters.fields import FilterField, Key

# What is before the dot in a name: request_header is written request.header.
GROUPS = ("request", "response", "client", "server", "tls")
PLAIN_PART = re.compile(r"[\w-]+")
FIRST = re.compile(r"[A-Za-z_][\w-]*")
REST = re.compile(
    r"""\.(?P<word>[\w$*-]+)|\.(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|\[\s*(?:(?P<index>\d+|\*)|(?P<inside>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))\s*\]""",
    re.DOTALL,
)
INDEX_DIGITS_MAX = 9
# The names of Wireshark, of Kubeshark, and those that people guess.
OTHER_NAMES = {
    **{f"request.{name}": name for name in ("method", "path", "target", "query", "host", "version")},
    "request.headers": "request.header",
    "response.headers": "response.header",
    "headers": "header",
    "header.request": "request.header",
    "header.response": "response.header",
    "response.status": "status",
    "response.code": "status",
    "code": "status",
    "uri": "target",
    "url": "target",
    "http.request.method": "method",
    "http.request.uri": "target",
    "http.request.uri.path": "path",
    "http.request.version": "version",
    "http.response.code": "status",
    "http.host": "host",
    "http.time": "duration",
    "tcp.port": "port",
    "tcp.stream": "connection",
    "ip.addr": "ip",
    "ipv6.addr": "ip",
    "http2.streamid": "stream",
    "time": "duration",
    "latency": "duration",
    "elapsed": "duration",
    "comm": "process",
    "grpc.status": "grpc_status",
    "problem": "problems",
}
# Names of others that have no equivalent, and what to use.
INSTEAD = {
    "ip.src": "client.ip or server.ip",
    "ip.dst": "client.ip or server.ip",
    "tcp.srcport": "client.port or server.port",
    "tcp.dstport": "client.port or server.port",
    "src.ip": "client.ip",
    "dst.ip": "server.ip",
    "src.port": "client.port",
    "dst.port": "server.port",
}


class UnknownName(Exception):
    """There is no such field. Internal to the parser, which adds the place.

    Args:
        words: what is wrong.
        start, end: the place in the name.
    """

    def __init__(self, words: str, start: int, end: int) -> None:
        super().__init__(words)
        self.start, self.end = start, end


@dataclass(frozen=True)
class Name:
    """A field in a filter.

    Attributes:
        condition: the name of its condition, or of its property of messages.
        key: the name or the path after it; None if there is none.
    """

    condition: str
    key: Key = None

    def __str__(self) -> str:
        key = self.key if isinstance(self.key, tuple) else () if self.key is None else (self.key,)
        return dotted(self.condition) + "".join(map(_part, key))

    @property
    def field(self) -> FilterField:
        """Its row in the table."""
        return FIELDS[self.condition]


def _part(part: Any) -> str:
    if part is EACH:
        return "[*]"
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if PLAIN_PART.fullmatch(part) and part.isascii() else f".{quoted(part)}"


def dotted(condition: str) -> str:
    """Returns the name of a field in the language by the name of its condition."""
    group, _, rest = condition.partition("_")
    return f"{group}.{rest}" if rest and group in GROUPS else condition


# the fields by the names of their conditions; those of messages alone come last
FIELDS: dict[str, FilterField] = {name: condition.field for name, condition in CONDITIONS.items()} | of_message_only(
    CONDITIONS
)
# the conditions by each name of the language; those that only other programs use come last
NAMES = {dotted(name): name for name in FIELDS}
NAMES |= {name: name for name in FIELDS if name not in NAMES}
NAMES |= {other: NAMES[name] for other, name in OTHER_NAMES.items()}


def understood(text: str) -> Name:
    """Returns the field that a name stands for. Raises UnknownName.

    Args:
        text: the name with dots, quotes and brackets, as the grammar's FIELD has it.
    """
    parts = _parts(text)
    words = []
    for part, _ in parts:
        if not isinstance(part, str) or part is EACH:
            break
        words.append(part)
    for count in range(len(words), 0, -1):
        if ".".join(words[:count]) in INSTEAD:
            break
        condition = NAMES.get(".".join(words[:count]))
        if condition is not None:
            return Name(condition, _key(condition, text, parts, count))
    raise _unknown(text, words, parts)


def _parts(text: str) -> list[tuple[Any, int]]:
    """Returns the parts of a name, each with the offset of its end."""
    first = FIRST.match(text)
    assert first is not None  # the grammar has matched it
    parts: list[tuple[Any, int]] = [(first[0], first.end())]
    for found in REST.finditer(text, first.end()):
        if "*" in (found["word"], found["index"]):
            part: Any = EACH
        elif found["index"] is not None:
            part = int(found["index"]) if len(found["index"]) <= INDEX_DIGITS_MAX else found["index"]
        elif found["word"] is not None:
            part = found["word"]
        else:
            part = Literal(unquoted(found["string"] or found["inside"]))
        parts.append((part, found.end()))
    return parts


class Literal(str):
    """A part in quotes, which is never a word of the language."""

    __slots__ = ()


def unquoted(text: str) -> str:
    """Returns the text of a string in quotes. Raises ValueError with the escape that does not exist."""
    return ESCAPE.sub(_unescaped, text[1:-1])


ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\", '"': '"', "'": "'", "/": "/"}


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if code in ESCAPES:
        return ESCAPES[code]
    if len(code) > 1 and int(code[1:], 16) < 0x110000:
        return chr(int(code[1:], 16))
    raise ValueError(found[0])


def _key(condition: str, text: str, parts: list[tuple[Any, int]], used: int) -> Key:
    rest = [str(part) if isinstance(part, Literal) else part for part, _ in parts[used:]]
    keys = FIELDS[condition].keys
    if not rest:
        return None
    start = parts[used - 1][1]
    name = text[:start]
    if keys == "path":
        return tuple(rest[1:] if rest[0] == "$" else rest) or None
    if keys == "name" and len(rest) == 1 and rest[0] is not EACH:
        return str(rest[0])
    if keys == "name" and rest[0] is not EACH:
        return ".".join(map(str, rest))
    raise UnknownName(f"{name} has no parts{_beginning_with(text[:start])}", start, len(text))


def _unknown(text: str, words: list[str], parts: list[tuple[Any, int]]) -> UnknownName:
    name = ".".join(words)
    end = parts[len(words) - 1][1]
    for other, use in INSTEAD.items():
        if f"{name}.".startswith(f"{other}."):
            return UnknownName(f"there is no field {other}; use {use}", 0, end)
    import difflib

    own = [dotted(each) for each in FIELDS]
    folded = {each.lower(): each for each in NAMES}
    near = difflib.get_close_matches(name.lower(), own, n=1) or difflib.get_close_matches(name.lower(), folded, n=1)
    if not near and len(words) > 1:
        return UnknownName(f"there is no field {name}{_beginning_with(words[0])}", 0, end)
    if near:
        return UnknownName(f"there is no field {name}; did you mean {dotted(NAMES[folded[near[0]]])}?", 0, end)
    return UnknownName(f"there is no field {name}; there are {', '.join(own)}", 0, end)


def _beginning_with(group: str) -> str:
    found = [dotted(each) for each in FIELDS if dotted(each).startswith(f"{group}.")]
    return f"; there are {', '.join(found)}" if found else ""

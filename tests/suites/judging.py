"""Whether two listeners saw the same exchanges, and what is different where they did not."""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

Line = dict[str, Any]

# what differs from one listener to another: numbers of its own, and when it looked
OWN = ("id", "kind", "time", "timing", "connection", "interface")


class Ends(NamedTuple):
    """The addresses and ports of a connection. Where they were used again, the connections stand for one."""

    client: str
    client_port: int
    server: str
    server_port: int

    def __str__(self) -> str:
        return f"{self.client}:{self.client_port} > {self.server}:{self.server_port}"


class Difference(NamedTuple):
    """What one listener says of an exchange and another says otherwise; None: it has no such exchange."""

    ends: Ends
    number: int
    one: Line | None
    other: Line | None

    @property
    def fields(self) -> list[str]:
        """The paths of what differs."""
        return sorted(_differing(self.one, self.other))

    def __str__(self) -> str:
        if self.one is None or self.other is None:
            only = self.one or self.other or {}
            side = "second" if self.one is None else "first"
            return f"{self.ends} #{self.number}: {_title(only)} was seen by the {side} alone, {only.get('problems')}"
        told = "; ".join(f"{path}: {_at(self.one, path)!r} / {_at(self.other, path)!r}" for path in self.fields)
        return f"{self.ends} #{self.number}: {_title(self.one)}: {told}"


def by_ends(lines: Iterable[Line]) -> dict[Ends, list[Line]]:
    """The exchanges of each connection, in order."""
    found = defaultdict(list)
    for line in lines:
        client, server = line["client"], line["server"]
        found[Ends(client["ip"], client["port"], server["ip"], server["port"])].append(line)
    return found


def differences(one: Iterable[Line], other: Iterable[Line], besides: Iterable[str] = ()) -> list[Difference]:
    """What two listeners say otherwise, exchange by exchange.

    Args:
        one: what the first has seen.
        other: what the second has seen.
        besides: fields of an exchange that are not compared, beside those that no two listeners share.
    """
    left, right = by_ends(one), by_ends(other)
    found = []
    for ends in sorted({*left, *right}):
        first = [_comparable(line, besides) for line in left.get(ends, [])]
        second = [_comparable(line, besides) for line in right.get(ends, [])]
        for number in range(max(len(first), len(second))):
            ours = first[number] if number < len(first) else None
            theirs = second[number] if number < len(second) else None
            if ours != theirs:
                found.append(Difference(ends, number + 1, ours, theirs))
    return found


def _comparable(line: Line, besides: Iterable[str]) -> Line:
    """An exchange without what is a listener's own, its bodies by their hashes."""
    kept = {name: value for name, value in line.items() if name not in OWN and name not in besides}
    for half in ("request", "response"):
        if kept.get(half):
            kept[half] = kept[half] | {"body": _hashed(kept[half]["body"])}
    return kept


def _hashed(body: Line) -> Line:
    content = base64.b64decode(body["base64"]) if "base64" in body else body.get("text", "").encode()
    kept = {name: value for name, value in body.items() if name not in ("base64", "text")}
    return kept | {"sha256": hashlib.sha256(content).hexdigest()[:16], "form": "base64" if "base64" in body else "text"}


def _differing(one: Any, other: Any, path: str = "") -> Iterable[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in {*one, *other}:
            yield from _differing(one.get(name), other.get(name), f"{path}.{name}" if path else name)
    elif one != other:
        yield path


def _at(line: Line, path: str) -> Any:
    found: Any = line
    for name in path.split(".") if path else ():
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _title(line: Line) -> str:
    request, response = line.get("request"), line.get("response")
    asked = f"{request['method']} {request['target'][:60]}" if request else "no request"
    return f"{asked} {response['status'] if response else 'no response'}"

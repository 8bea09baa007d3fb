"""What has changed from an exchange to its counterpart, and routes that have become slower."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.errors import BodyError
from sockfilter.masking import MASK, is_secret, mask_field
from sockfilter.views.json_paths import Absent, differing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sockfilter.comparison.ignoring import Ignoring
    from sockfilter.comparison.matching import Pair
    from sockfilter.model import Exchange, Message

# changes of one pair: enough to see what has happened
CHANGES_MAX = 50


class ChangedPart(NamedTuple):
    """A part that has changed, and its values. None: it is not there."""

    what: str
    before: Any
    after: Any


class Slower(NamedTuple):
    """A route that has become slower: the medians of its durations in nanoseconds, and the number of pairs."""

    route: str
    before_ns: int
    after_ns: int
    pairs: int

    @property
    def share(self) -> float:
        """How much longer it takes: 0.5 for half as long again."""
        return self.after_ns / self.before_ns - 1 if self.before_ns else float("inf")


def changes(pair: Pair, ignoring: Ignoring, *, show_secrets: bool = False) -> list[ChangedPart]:
    """Returns what has changed, with secrets masked unless they are shown.

    Args:
        pair: both exchanges.
        ignoring: what is not compared.
        show_secrets: do not mask secrets.
    """
    return list(islice(_changes(pair, ignoring, show_secrets), CHANGES_MAX))


def _changes(pair: Pair, ignoring: Ignoring, show_secrets: bool) -> Iterator[ChangedPart]:
    before, after = pair.before, pair.after
    statuses = _status(before), _status(after)
    if statuses[0] != statuses[1] and not ignoring.part("status"):
        yield ChangedPart("status", *statuses)
    problems = [[problem.value for problem in each.problems] for each in (before, after)]
    if problems[0] != problems[1] and not ignoring.part("problems"):
        yield ChangedPart("problems", *problems)
    for half in ("request", "response"):
        one, other = getattr(before, half), getattr(after, half)
        if one is not None and other is not None:
            yield from _of_fields(half, one, other, ignoring, show_secrets)
            yield from _of_bodies(half, one, other, ignoring, show_secrets)


def _status(exchange: Exchange) -> int | None:
    return None if exchange.response is None else exchange.response.status or None


def _of_fields(
    half: str, before: Message, after: Message, ignoring: Ignoring, show_secrets: bool
) -> Iterator[ChangedPart]:
    names = dict.fromkeys(name.lower() for message in (before, after) for name, _ in message.headers)
    for name in names:
        one, other = before.headers.get_all(name), after.headers.get_all(name)
        if one != other and not ignoring.field(half, name):
            shown = [_field(name, values, show_secrets) for values in (one, other)]
            yield ChangedPart(f"{half}.header.{name}", *shown)


def _field(name: str, values: list[str], show_secrets: bool) -> str | None:
    return ", ".join(value if show_secrets else mask_field(name, value) for value in values) if values else None


def _of_bodies(
    half: str, before: Message, after: Message, ignoring: Ignoring, show_secrets: bool
) -> Iterator[ChangedPart]:
    one, other = before.body, after.body
    if bytes(one) == bytes(other) and one.wire_len == other.wire_len:
        return
    try:
        values = before.json(), after.json()
    except BodyError:
        if not ignoring.part("body") and _differ(before, after):
            yield ChangedPart(f"{half}.body", f"{_length(before)} bytes", f"{_length(after)} bytes{_place(one, other)}")
        return
    for path, wanted, found in differing(*values):
        if not ignoring.path(path):
            key = path.rpartition(".")[2]
            shown = [_leaf(key, each, show_secrets) for each in (wanted, found)]
            yield ChangedPart(f"{half}.json{path.removeprefix('$')}", *shown)


def _differ(before: Message, after: Message) -> bool:
    """Returns whether two bodies differ in what was kept of both, or in their length."""
    one, other = before.body, after.body
    least = min(len(one), len(other))
    return bytes(one[:least]) != bytes(other[:least]) or _length(before) != _length(after)


def _length(message: Message) -> int:
    return message.body.wire_len if message.body.length is None else message.body.length


def _place(before: bytes, after: bytes) -> str:
    """Returns where two bodies differ, in words. Empty: one is the beginning of the other."""
    at = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), None)
    return "" if at is None else f", different from byte {at} on"


def _leaf(key: str, value: Any, show_secrets: bool) -> Any:
    if value is Absent:
        return None
    return MASK if not show_secrets and isinstance(value, str) and is_secret(key, value) else value


def slower(pairs: Iterable[Pair], share: float) -> list[Slower]:
    """Returns the routes whose median duration has grown by more than a share, the worst first.

    Args:
        pairs: the pairs.
        share: 0.2 for a fifth.
    """
    times: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for pair in pairs:
        durations = pair.before.duration_ns, pair.after.duration_ns
        if durations[0] is not None and durations[1] is not None:
            times[pair.route].append((durations[0], durations[1]))
    made = []
    for route, known in times.items():
        before, after = (round(median(each)) for each in zip(*known, strict=True))
        made.append(Slower(route, before, after, len(known)))
    return sorted((each for each in made if each.share > share), key=lambda each: -each.share)

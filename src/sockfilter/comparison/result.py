"""The result of a comparison, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.escape import printable
from sockfilter.forms.json_dict import time_text
from sockfilter.forms.json_values import clean_text
from sockfilter.forms.sizes import duration_text
from sockfilter.masking import mask_json, mask_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.comparison.changes import ChangedPart, Slower
    from sockfilter.comparison.matching import Matched, Pair
    from sockfilter.model import Exchange

# exchanges of each kind that are listed, and characters of a value
LISTED_MAX, VALUE_MAX = 1000, 120


class Result(NamedTuple):
    """What two captures have in common, and what not.

    Attributes:
        matched: the pairs, and what has no counterpart.
        changed: the pairs that differ, with what has changed.
        slower: the routes that have become slower.
        show_secrets: whether secrets are shown.
    """

    matched: Matched
    changed: list[tuple[Pair, list[ChangedPart]]]
    slower: list[Slower]
    show_secrets: bool = False

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not (self.matched.gone or self.matched.added or self.changed or self.slower)

    def text(self) -> str:
        """Returns the result for people. "-" is gone, "+" was added, "~" has changed, "!" is slower."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for pair, changed in self.changed[:LISTED_MAX]:
            yield f"~ {self._named(pair.before)}"
            for change in changed:
                yield f"      {printable(change.what)}: {_value(change.before)}, then {_value(change.after)}"
        yield from _rest(self.changed)
        for sign, exchanges in (("-", self.matched.gone), ("+", self.matched.added)):
            for _, exchange in exchanges[:LISTED_MAX]:
                yield f"{sign} {self._named(exchange)}"
            yield from _rest(exchanges)
        for each in self.slower:
            yield (
                f"! {printable(each.route)}: {duration_text(each.before_ns)}, then {duration_text(each.after_ns)}"
                f" (+{each.share:.0%}, median of {each.pairs})"
            )
        found = [
            f"{len(self.changed)} of {len(self.matched.pairs)} changed",
            f"{len(self.matched.gone)} gone",
            f"{len(self.matched.added)} added",
            *([f"{len(self.slower)} routes slower"] if self.slower else []),
        ]
        yield ", ".join(found)

    def _named(self, exchange: Exchange) -> str:
        status = "no response" if exchange.response is None else exchange.response.status or "-"
        return f"{printable(self._asked(exchange))} {status}"

    def _asked(self, exchange: Exchange) -> str:
        request = exchange.request
        if request is None:
            return "(no request)"
        return f"{request.method} {request.target if self.show_secrets else mask_target(request.target)}"

    def as_dict(self) -> dict[str, Any]:
        """Returns the result for programs. The form is a public contract: fields are only added."""
        return {
            "kind": "difference",
            "same": self.is_same,
            "matched": len(self.matched.pairs),
            "changed": [
                {
                    "route": clean_text(pair.route),
                    "before": self._brief(pair.before),
                    "after": self._brief(pair.after),
                    "changes": [change._asdict() for change in changed],
                }
                for pair, changed in self.changed
            ],
            "gone": [{"route": clean_text(route), **self._brief(each)} for route, each in self.matched.gone],
            "added": [{"route": clean_text(route), **self._brief(each)} for route, each in self.matched.added],
            "slower": [
                {
                    "route": clean_text(each.route),
                    "before": each.before_ns / 1e9,
                    "after": each.after_ns / 1e9,
                    "pairs": each.pairs,
                }
                for each in self.slower
            ],
        }

    def _brief(self, exchange: Exchange) -> dict[str, Any]:
        duration_ns, start_ns = exchange.duration_ns, exchange.start_ns
        return {
            "id": exchange.id,
            "time": None if start_ns is None else time_text(start_ns),
            "request": clean_text(self._asked(exchange)),
            "status": None if exchange.response is None else exchange.response.status or None,
            "duration": None if duration_ns is None else duration_ns / 1e9,
        }


def _rest(listed: list[Any]) -> Iterator[str]:
    if len(listed) > LISTED_MAX:
        yield f"... {len(listed) - LISTED_MAX} more"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else mask_json(repr(value))
    return printable(text if len(text) <= VALUE_MAX else f"{text[: VALUE_MAX - 3]}...") or "''"

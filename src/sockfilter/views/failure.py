"""The message and the summary line of a failed expectation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.errors import ExpectationFailed
from sockfilter.escape import printable, printable_target
from sockfilter.filters.where import SHOWN_MAX, Where
from sockfilter.forms.transcript import listing
from sockfilter.masking import mask_target
from sockfilter.model.problem import Problem
from sockfilter.views.differences import lines, masked_value
from sockfilter.views.nearest import Nearest, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.model import Exchange

# The maximum number of exchanges to list: if many tests fail together, each takes only part of a screen.
LISTED_MAX = 10
# Characters for all conditions in one line, and for each value. The nearest exchange must remain readable.
BRIEF_MAX, BRIEF_VALUE_MAX = 80, 40
# Characters of a target in the short name of an exchange.
NAMED_MAX = 60
# Conditions that are written as their values, without their names.
PLAIN = ("method", "path", "target", "host", "status")


class SeenExchange(NamedTuple):
    """The exchanges at the time when an expectation was evaluated.

    Attributes:
        ended: the exchanges that have ended.
        found: the exchanges among them that meet the conditions.
        pending: the exchanges that have begun and not ended.
        not_kept: the number of earlier exchanges that are in none of the lists, because only the last ones are kept.
    """

    ended: list[Exchange]
    found: list[Exchange]
    pending: list[Exchange]
    not_kept: int = 0


def miscounted(where: Where, times: str, seen: SeenExchange, number: int | None = None) -> ExpectationFailed:
    """Returns the error for a wrong number of matches.

    Args:
        where: the conditions.
        times: the expected number, in words.
        seen: the exchanges at that time.
        number: the number of matches. None: all that were found.
    """
    number = len(seen.found) if number is None else number
    were = {0: "were none", 1: "was 1"}.get(number, f"were {number}")
    head, summary = f"{_words(where)}: {times}; there {were}", f"{_brief(where)} {times}, found {number or 'none'}"
    if seen.found:
        return _failed(head, summary, [_titled("these are", seen.found)], seen.found, seen, None)
    return _failed(head, summary, [], [], seen, nearest(where, seen.ended, seen.pending))


def not_all(where: Where, seen: SeenExchange, number: int, total: int) -> ExpectationFailed:
    """Returns the error for exchanges that do not meet conditions that all must meet.

    Args:
        where: the conditions.
        seen: the exchanges; found has those that do not meet them.
        number: the number of exchanges that do not meet them.
        total: the number of all exchanges.
    """
    do = "does not" if number == 1 else "do not"
    first = seen.found[0]
    reasons = [line for one in where.differences(first) for line in lines(one, first)]
    head, summary = (
        f"{_words(where)}: always; {number} of {total} {do}",
        f"{_brief(where)} always, {number} of {total} {do}",
    )
    part = "\n".join(
        [_titled("these do not" if number > 1 else "this does not", seen.found), *(f"        {r}" for r in reasons)]
    )
    return _failed(head, summary, [part], seen.found, seen, None)


def disordered(
    where: Where, steps: list[Where], met: list[Exchange], within: str, seen: SeenExchange
) -> ExpectationFailed:
    """Returns the error for a step that was not met in its place.

    Args:
        where: the conditions of all steps.
        steps: the conditions of each step.
        met: the exchanges that met the first steps.
        within: the time that was waited, in words.
        seen: the exchanges at that time.
    """
    order, step = " then ".join(f"({_words(one)})" for one in steps), steps[len(met)]
    after = f" after {named(met[-1])}" if met else ""
    missed = f"did not come{after}{within}"
    known = set(map(id, met))
    others = [exchange for exchange in seen.ended if id(exchange) not in known]
    near = nearest(Where(where, step), others, seen.pending)
    if near is not None and not near.lines:
        near = Nearest(near.exchange, ["it came before"])
    head = f"{_words(where)}, in order {order}; ({_words(step)}) {missed}"
    return _failed(head, f"{_brief(step)}, which {missed}", [], [], seen, near)


def _failed(
    head: str, summary: str, parts: list[str], known: list[Exchange], seen: SeenExchange, near: Nearest | None
) -> ExpectationFailed:
    parts = [f"expected {head}", *parts]
    if near is not None:
        known = [near.exchange]
        parts += [_titled("the nearest", [near.exchange]), *(f"        {line}" for line in near.lines)]
        summary += f"; nearest: {named(near.exchange)}{f' ({near.lines[0]})' if near.lines else ''}"
    elif not known:
        parts.append("no exchange was seen at all")
        summary += "; no exchange was seen"
    shown = set(map(id, known))
    for what, exchanges in (("", seen.ended), (", not ended", seen.pending)):
        rest = [exchange for exchange in exchanges if id(exchange) not in shown]
        if rest:
            parts.append(_titled(f"{len(rest)} other{'s' * (len(rest) > 1)}{what}", rest))
    if seen.not_kept:
        parts.append(f"{seen.not_kept} more exchanges, which are not listed")
    failed = ExpectationFailed("\n".join(parts))
    failed.summary = f"expected {summary}"
    failed.exchange = known[-1] if known else None
    return failed


def _titled(title: str, exchanges: Sequence[Exchange]) -> str:
    lines = listing(exchanges, LISTED_MAX).split("\n")
    return "\n".join([f"{title}:", *(f"    {line}" for line in lines)])


def hurt(exchanges: Sequence[Exchange]) -> ExpectationFailed:
    """Something of these exchanges was sent again or dropped, and should not have been."""
    title = "expected that nothing is sent again or dropped, but something was:"
    failed = ExpectationFailed(f"{title}\n{listing(exchanges)}")
    failed.exchange = exchanges[0]
    return failed


def not_asked(exchanges: Sequence[Exchange]) -> ExpectationFailed:
    """Whether something of these exchanges was sent again is not known."""
    title = "it is not known whether something was sent again: capture with tcp=True, on the machine of one end:"
    return ExpectationFailed(f"{title}\n{listing(exchanges)}")


def named(exchange: Exchange) -> str:
    """Returns the short name of an exchange: the request, the status and the problems."""
    request, response = exchange.request, exchange.response
    reasons = [problem.value for problem in exchange.problems if problem is not Problem.NO_RESPONSE]
    asked = "no request"
    if request:
        asked = f"{request.method} {_cut(printable_target(mask_target(request.target)), NAMED_MAX)}"
    said = f"{asked}, no response" if response is None else f"{asked} {response.status or '-'}"
    return f"{said} [{', '.join(reasons)}]" if reasons else said


def _words(where: Where) -> str:
    words = (
        f"{name}={masked_value(name, wanted, SHOWN_MAX)}" if name else masked_value(name, wanted, SHOWN_MAX)
        for name, wanted in where.conditions
    )
    return ", ".join(words) or "an exchange"


def _brief(where: Where) -> str:
    """Returns the conditions in short form, such as GET /items 200."""
    words = " ".join(_brief_one(*condition) for condition in where.conditions)
    return _cut(printable(words), BRIEF_MAX) or "an exchange"


def _brief_one(name: str, wanted: Any) -> str:
    if name in PLAIN and isinstance(wanted, (str, int)):
        return mask_target(wanted) if name == "target" and isinstance(wanted, str) else str(wanted)
    return f"{name}={_brief_value(name, wanted)}" if name else _brief_value(name, wanted)


def _brief_value(name: str, wanted: Any) -> str:
    text = masked_value(name, wanted, SHOWN_MAX)
    if len(text) > BRIEF_VALUE_MAX and isinstance(wanted, (dict, list)):
        return "{...}" if isinstance(wanted, dict) else "[...]"
    return _cut(text, BRIEF_VALUE_MAX)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."

"""Compares wanted values with seen ones: one rule for each kind of value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    from sockfilter.model import Message

# says whether a value is the wanted one
Test: TypeAlias = "Callable[[Any], bool]"


def test_for(wanted: Any, is_exact: Callable[[Any], bool], kinds: str) -> Test:
    """Makes the test of a value.

    Args:
        wanted: a compiled pattern, which must match anywhere in the value; a predicate, which is called with the
            value; a range, which must contain it; a set of any of these, one of which must match; else the value
            itself.
        is_exact: whether wanted can be the value itself.
        kinds: what the value can be, for the error message.

    Raises:
        InvalidArgument: wanted is none of these.
    """
    check_not_empty(wanted)
    if isinstance(wanted, re.Pattern):
        return _finds(wanted)
    if isinstance(wanted, range):
        return _within(wanted, kinds)
    if isinstance(wanted, (set, frozenset)):
        tests = [test_for(one, is_exact, kinds) for one in wanted]
        return lambda value: any(test(value) for test in tests)
    if callable(wanted):
        return lambda value: value is not None and bool(wanted(value))
    if not is_exact(wanted):
        raise InvalidArgument(f"it must be {kinds}, a compiled pattern, a predicate, or a set")
    return lambda value: bool(value == wanted)


def check_not_empty(wanted: Any) -> None:
    """Raises InvalidArgument for a set or a range of nothing, which no value would meet."""
    if isinstance(wanted, (set, frozenset, range)) and not wanted:
        raise InvalidArgument("it is empty, so nothing would match")


def _within(wanted: range, kinds: str) -> Test:
    if "number" not in kinds:
        raise InvalidArgument(f"it must be {kinds}; a range matches only numbers")
    if wanted.step != 1:
        return lambda value: value in wanted
    # not "in": seconds have fractions
    return lambda value: value is not None and wanted.start <= value < wanted.stop


def _finds(pattern: re.Pattern[Any]) -> Test:
    if isinstance(pattern.pattern, bytes):
        return lambda value: value is not None and bool(pattern.search(_as_bytes(value)))
    return lambda value: value is not None and bool(pattern.search(_as_text(value)))


def _as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def _as_text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def is_text(wanted: Any) -> bool:
    """Whether it is a string."""
    return isinstance(wanted, str)


def is_number(wanted: Any) -> bool:
    """Whether it is a whole number."""
    return isinstance(wanted, int) and not isinstance(wanted, bool)


def texts(wanted: Any) -> list[str]:
    """The strings among the wanted values: the value itself, or those of a set."""
    if isinstance(wanted, (set, frozenset)):
        return [text for one in wanted for text in texts(one)]
    return [wanted] if isinstance(wanted, str) else []


def content_test(wanted: Any) -> Callable[[Message], bool]:
    """Makes the test of a message's body. Strings and patterns of strings test its text, all others its bytes.

    Raises:
        InvalidArgument: wanted cannot be compared with a body.
    """
    if isinstance(wanted, (set, frozenset)):
        tests = [content_test(one) for one in wanted]
        return lambda message: any(test(message) for test in tests)
    test = test_for(wanted, lambda one: isinstance(one, (bytes, str)), "bytes or a string")
    if isinstance(getattr(wanted, "pattern", wanted), str):
        return lambda message: test(message.text)
    return lambda message: test(message.body)


def fields_test(wanted: Any) -> Callable[[Callable[[str], list[str]]], bool]:
    """Makes the test of named values, such as fields. A name may have several values.

    Args:
        wanted: a name, which must be present; or a mapping from names to what one value of the name must be, to a list
            of all its values in order, or to None if the name must be absent.

    Returns a test that takes a function, which returns the values of a name.
    """
    if isinstance(wanted, str):
        return lambda values: bool(values(wanted))
    if callable(wanted):
        raise InvalidArgument("a predicate needs a name, as in {'name': predicate}")
    if not isinstance(wanted, Mapping):
        raise InvalidArgument("it must be a name, or names with values, as in {'name': 'value'}")
    tests = {name: _values_test(one) for name, one in wanted.items()}
    return lambda values: all(test(values(name)) for name, test in tests.items())


def _values_test(wanted: Any) -> Callable[[list[str]], bool]:
    if wanted is None:
        return lambda values: not values
    if isinstance(wanted, (list, tuple)):
        exact = [str(one) if is_number(one) else one for one in wanted]
        if not all(map(is_text, exact)):
            raise InvalidArgument("a list must have all values, as strings")
        return lambda values: values == exact
    if is_number(wanted):
        wanted = str(wanted)
    test = test_for(wanted, is_text, "a string")
    return lambda values: any(map(test, values))

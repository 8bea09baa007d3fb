"""Where two JSON values differ, as JSONPath writes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.views.json_paths import DEPTH_MAX, Absent, differing


def found(wanted: Any, other: Any) -> list[tuple[str, Any, Any]]:
    return [tuple(one) for one in differing(wanted, other)]


@pytest.mark.parametrize(
    ("wanted", "other", "differences"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        (1, 2, [("$", 1, 2)]),
        ({"a": 1}, {"a": 2}, [("$.a", 1, 2)]),
        ({"a": 1}, {}, [("$.a", 1, Absent)]),
        ({}, {"a": None}, [("$.a", Absent, None)]),
        ({"a": {"b": [1, 2, 3]}}, {"a": {"b": [1, 5, 3]}}, [("$.a.b[1]", 2, 5)]),
        ([1, 2], [1], [("$[1]", 2, Absent)]),
        ([1], [1, 2], [("$[1]", Absent, 2)]),
        ({"a": [1]}, {"a": {"0": 1}}, [("$.a", [1], {"0": 1})]),
        ({"a": 1}, {"a": "1"}, [("$.a", 1, "1")]),
        ({"with space": 1, "'": 2}, {"with space": 2, "'": 3}, [("$['with space']", 1, 2), ('$["\'"]', 2, 3)]),
        ({"b": 1, "a": 1}, {"c": 1, "a": 2}, [("$.b", 1, Absent), ("$.a", 1, 2), ("$.c", Absent, 1)]),
        ({"a": 1}, None, [("$", {"a": 1}, None)]),
    ],
)
def test_paths(wanted: Any, other: Any, differences: list[tuple[str, Any, Any]]):
    assert found(wanted, other) == differences


def test_deep_values_are_compared_as_one():
    def nested(value: int) -> Any:
        return json.loads("[" * 400 + str(value) + "]" * 400)

    ((path, _, _),) = found(nested(1), nested(2))
    assert path == "$" + "[0]" * DEPTH_MAX


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text("ab ", max_size=2),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text("ab ", max_size=2), inside, max_size=3),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_what_differs_differs_there(wanted: Any, other: Any):
    differences = found(wanted, other)
    assert bool(differences) == (wanted != other)
    for path, one, two in differences:
        assert one != two
        assert at(path, wanted) == one
        assert at(path, other) == two


def at(path: str, value: Any) -> Any:
    for step in steps(path.removeprefix("$")):
        try:
            value = value[step]
        except (KeyError, IndexError):
            return Absent
    return value


def steps(path: str) -> list[Any]:
    made: list[Any] = []
    while path:
        if path.startswith("."):
            end = min((i for i in (path.find(".", 1), path.find("[", 1)) if i > 0), default=len(path))
            made.append(path[1:end])
        else:
            end = path.index("]") + 1
            made.append(eval(path[1 : end - 1]))
        path = path[end:]
    return made

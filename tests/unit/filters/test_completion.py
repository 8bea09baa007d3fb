"""Completion offers what may stand at the cursor, and nothing else."""

from __future__ import annotations

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.filters.completion import CANDIDATES_MAX, complete
from sockfilter.filters.faults import InvalidFilter
from sockfilter.filters.names import FIELDS, dotted
from sockfilter.filters.where import Where
from sockfilter.model import Problem


def texts(text: str, cursor: int | None = None) -> list[str]:
    return [candidate.text for candidate in complete(text, cursor).candidates]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sta", ["status", "grpc_status"]),
        ("status ", ["==", "!=", "<", "<=", ">", ">=", "and", "or", "in", "not in"]),
        ("complete ", ["==", "!=", "and", "or"]),
        ("status =", ["=="]),
        ("status == 200 ", ["and", "or"]),
        ("(status == 200 ", ["and", "or", ")"]),
        ("status in {200 ", ["}"]),
        ("complete == ", ["true", "false"]),
        ("protocol == web", ["websocket"]),
        ("not comp", ["complete"]),
        ("http.ho", ["host"]),
        ("path ~ ", []),
        ("status not ", ["in"]),
        ("frobnicate == ", []),
    ],
)
def test_candidates(text: str, wanted: list[str]):
    assert texts(text) == wanted


def test_fields_stand_at_the_beginning_and_after_and():
    for text in ("", "status == 200 and ", "(", "not "):
        assert set(texts(text)) <= {dotted(name) for name in FIELDS} | {f"{dotted(name)}." for name in FIELDS} | {"not"}
        assert "status" in texts(text)


def test_the_names_of_problems_are_candidates():
    assert texts("problems == ") == [problem.value for problem in Problem][:CANDIDATES_MAX]
    assert texts("problems == gap or problems == body-l") == ["body-limit"]


def test_the_cursor_may_be_in_the_middle():
    made = complete("meth and status == 200", 4)
    assert (made.start, made.end) == (0, 4)
    assert made.applied("meth and status == 200", made.candidates[0]) == ("method and status == 200", 7)


def test_a_name_that_needs_a_key_has_its_dot():
    made = complete("request.hea")
    assert made.candidates[0].text == "request.header."
    assert made.applied("request.hea", made.candidates[0]) == ("request.header.", 15)


@pytest.mark.parametrize(
    "text", ["status == 200", "path ~ '^/api' and not complete", "status in {200, 404}", "\"a' (", "\x00"]
)
def test_no_place_of_a_filter_is_too_odd(text: str):
    for cursor in range(len(text) + 1):
        complete(text, cursor)


def test_each_completed_filter_goes_on_or_is_one():
    for candidate in complete("complete == ").candidates:
        Where(f"complete == {candidate.text}")


@pytest.mark.parametrize(
    ("text", "start", "end"), [("status == x", 10, 11), ("stat == 200", 0, 4), ("status ==", 9, 9), ("", None, 0)]
)
def test_an_error_has_its_place(text: str, start: int | None, end: int):
    with pytest.raises(InvalidFilter) as caught:
        Where(text)
    assert (caught.value.start, caught.value.end) == (start, end)
    assert caught.value.words in str(caught.value)
    assert isinstance(caught.value, InvalidArgument)

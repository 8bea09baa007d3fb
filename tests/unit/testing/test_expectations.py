"""How many are expected, and what is said where it is otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sockfilter import Exchange, ExpectationFailed, SockfilterError, Where
from sockfilter.errors import InvalidArgument
from sockfilter.filters.where import SHOWN_MAX
from sockfilter.outputs.transcript import LINES_MAX
from sockfilter.testing.expectations import Expectation
from tests.support.keeper import FakeKeeper


def expectation(targets: list[str], **conditions: Any) -> Expectation:
    """One of exchanges with these targets, in this order."""
    keeper = FakeKeeper(limit=1000)
    for target in targets:
        keeper.take(target)
    return Expectation(lambda: keeper.kept.since(0)[0], lambda: keeper.pending, Where(**conditions))


def targets(found: list[Exchange]) -> list[str]:
    return [made.request.target for made in found]


def failure(look: Callable[[], object]) -> str:
    with pytest.raises(ExpectationFailed) as failed:
        look()
    assert isinstance(failed.value, AssertionError)
    assert isinstance(failed.value, SockfilterError)
    return str(failed.value)


THREE = ["/a", "/b", "/a"]


def test_what_holds_gives_what_there_is():
    assert expectation(THREE, path="/b").once().request.path == "/b"
    assert targets(expectation(THREE, path="/a").times(2)) == ["/a", "/a"]
    assert expectation(THREE, path="/c").times(0) == []
    assert expectation(THREE, path="/c").never() is None
    assert targets(expectation(THREE).at_least(3)) == THREE
    assert targets(expectation(THREE).at_least(0)) == THREE
    assert targets(expectation(THREE).at_most(3)) == THREE
    assert expectation([]).at_most(0) == []
    assert expectation(THREE, path="/a").within(1.0).request.path == "/a"


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (lambda it: it(path="/a").once(), "expected path='/a': once; there were 2"),
        (lambda it: it(path="/c").once(), "expected path='/c': once; there were none"),
        (lambda it: it(path="/b").times(2), "expected path='/b': twice; there was 1"),
        (lambda it: it(path="/a").times(3), "expected path='/a': 3 times; there were 2"),
        (lambda it: it(path="/a").never(), "expected path='/a': never; there were 2"),
        (lambda it: it().never(), "expected an exchange: never; there were 3"),
        (lambda it: it(path="/b").at_least(2), "expected path='/b': at least twice; there was 1"),
        (lambda it: it(path="/a").at_most(1), "expected path='/a': at most once; there were 2"),
        (lambda it: it(path="/a").at_most(0), "expected path='/a': at most never; there were 2"),
        (lambda it: it(path="/c").within(0.25), "expected path='/c': within 0.25 s; there were none"),
        (lambda it: it(path="/c").within(5.0), "expected path='/c': within 5 s; there were none"),
    ],
)
def test_what_does_not_hold_says_what_there_was(look: Callable[[Callable[..., Expectation]], object], words: str):
    said = failure(lambda: look(lambda **conditions: expectation(THREE, **conditions)))
    assert said.split("\n")[0] == words


def test_less_than_never_is_refused():
    made = expectation(THREE)
    with pytest.raises(InvalidArgument, match=r"^times\(-1\): nothing happens less than never$"):
        made.times(-1)


LINE = r"    [\d:.]{12}  10\.0\.0\.2:40000 > 10\.0\.0\.1:80 +GET %s +200 .*"


def lines(said: str, *patterns: str) -> None:
    found = said.split("\n")
    assert len(found) == len(patterns), said
    for line, pattern in zip(found, patterns, strict=True):
        assert re.fullmatch(pattern, line), line


def test_those_that_are_there_and_all_that_were_seen():
    lines(
        failure(expectation(THREE, path="/a").once),
        "expected path='/a': once; there were 2",
        "these are:",
        LINE % "/a",
        LINE % "/a",
        "seen in all, 3:",
        *(LINE % target for target in THREE),
    )


def test_those_that_are_there_are_not_said_twice():
    lines(failure(expectation(["/a"]).never), "expected an exchange: never; there was 1", "these are:", LINE % "/a")


def test_the_nearest_where_there_is_none():
    lines(
        failure(expectation(["/ab", "/x"], path="/abc").once),
        "expected path='/abc': once; there were none",
        "the nearest is <Exchange 1 .* GET /ab 200>, with",
        "    path '/ab', not '/abc'",
        "seen in all, 2:",
        LINE % "/ab",
        LINE % "/x",
    )


def test_that_nothing_was_seen():
    lines(failure(expectation([]).once), "expected an exchange: once; there were none", "no exchange was seen at all")


def test_an_order_with_others_in_between():
    made = expectation(["/a", "/x", "/b", "/a"])
    assert targets(made.in_order({"path": "/a"}, Where(path="/b"))) == ["/a", "/b"]
    assert targets(made.in_order({"path": "/a"}, {"path": "/a"})) == ["/a", "/a"]
    assert made.in_order() == []


def test_the_order_is_that_of_beginning():
    keeper = FakeKeeper()
    keeper.cross("/first")
    slow = keeper.coming.pop()
    keeper.cross("/second")
    keeper.coming.append(slow)
    keeper.flush()
    made = Expectation(lambda: keeper.kept.since(0)[0], lambda: keeper.pending, Where())
    assert targets(made.in_order({"path": "/first"}, {"path": "/second"})) == ["/first", "/second"]


def test_another_order_says_which_did_not_come():
    lines(
        failure(lambda: expectation(["/b", "/a"]).in_order({"path": "/a"}, {"path": "/b"})),
        r"expected an exchange: in order: \(path='/a'\) then \(path='/b'\);"
        r" \(path='/b'\) did not come after <Exchange 2 .* GET /a 200>; there were 2",
        "these are:",
        LINE % "/b",
        LINE % "/a",
    )


def test_the_first_of_an_order_did_not_come():
    said = failure(lambda: expectation(THREE, path="/a").in_order({"status": 500}, {"status": 200}))
    assert said.split("\n")[0].endswith("; (status=500) did not come; there were 2")


def test_the_nearest_of_an_order_meets_not_even_what_all_must():
    """It is compared with the step and the conditions of all: what meets the step alone is not without differences."""
    said = failure(lambda: expectation(["/a"], status=500).in_order({"path": "/a"}))
    lines(
        said,
        r"expected status=500: in order: \(path='/a'\); \(path='/a'\) did not come; there were none",
        "the nearest is <Exchange 1 .* GET /a 200>, with",
        "    status 200, not 500",
        "seen in all, 1:",
        LINE % "/a",
    )


def test_secrets_are_masked():
    secret = "/a?token=t0ken"
    made = [
        failure(expectation([secret]).never),
        failure(expectation([secret], path="/b").once),
        failure(lambda: expectation([secret]).in_order({"path": "/a"}, {"path": "/b"})),
    ]
    for said in made:
        assert "t0ken" not in said
        assert "token=***" in said


def test_of_many_the_first_and_the_last_are_shown():
    said = failure(expectation([f"/{i}" for i in range(500)]).never).split("\n")
    assert len(said) == LINES_MAX + 3
    assert "    ... 460 more exchanges ..." in said


def test_long_conditions_are_cut():
    said = failure(expectation([], request_body=b"x" * 100_000, path="/a").once)
    assert len(said) < SHOWN_MAX + 200


@pytest.mark.parametrize(
    "look",
    [
        lambda made: made.once(),
        lambda made: made.times(1),
        lambda made: made.at_least(1),
        lambda made: made.at_most(1),
        lambda made: made.within(1),
        lambda made: made.in_order({}),
    ],
)
def test_it_knows_whether_anybody_looked(look: Callable[[Expectation], object]):
    made = expectation(["/a"], path="/a")
    assert repr(made) == "<Expectation path='/a'>"
    assert not made.was_looked_at
    look(made)
    assert made.was_looked_at

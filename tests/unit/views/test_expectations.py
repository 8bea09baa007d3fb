"""How many are expected, and what is said where it is otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sockfilter import Exchange, ExpectationFailed, SockfilterError, View, Where
from sockfilter.errors import InvalidArgument
from sockfilter.filters.where import SHOWN_MAX
from sockfilter.model import Problem
from sockfilter.views.expectations import Expectation
from sockfilter.views.failure import LISTED_MAX
from tests.support.exchanges import exchange
from tests.support.keeper import FakeKeeper


def expectation(targets: list[str], **conditions: Any) -> Expectation:
    """One of exchanges with these targets, in this order."""
    keeper = FakeKeeper(limit=1000)
    for target in targets:
        keeper.take(target)
    return View(keeper).expect(**conditions)


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
    with pytest.raises(InvalidArgument, match=r"^times\(-1\): the number cannot be negative$"):
        made.times(-1)


def test_an_order_of_nothing_is_refused():
    with pytest.raises(InvalidArgument, match=r"^in_order\(\) has no steps, so it would assert nothing"):
        expectation(THREE).in_order()


@pytest.mark.parametrize("wanted", [set(), frozenset(), range(0)])
@pytest.mark.parametrize("name", ["status", "problems", "host", "body", "duration"])
def test_a_set_of_nothing_is_refused(name: str, wanted: object):
    with pytest.raises(InvalidArgument, match=rf"^{name}=.*: it is empty, so nothing would match$"):
        expectation(THREE, **{name: wanted}).never()


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
        "1 other:",
        LINE % "/b",
    )


def test_those_that_are_there_are_not_said_twice():
    lines(failure(expectation(["/a"]).never), "expected an exchange: never; there was 1", "these are:", LINE % "/a")


def test_the_nearest_where_there_is_none():
    lines(
        failure(expectation(["/ab", "/x"], path="/abc").once),
        "expected path='/abc': once; there were none",
        "the nearest:",
        LINE % "/ab",
        "        path: expected '/abc', found '/ab'",
        "1 other:",
        LINE % "/x",
    )


def test_that_nothing_was_seen():
    lines(failure(expectation([]).once), "expected an exchange: once; there were none", "no exchange was seen at all")


def test_an_order_with_others_in_between():
    made = expectation(["/a", "/x", "/b", "/a"])
    assert targets(made.in_order({"path": "/a"}, Where(path="/b"))) == ["/a", "/b"]
    assert targets(made.in_order({"path": "/a"}, {"path": "/a"})) == ["/a", "/a"]


def test_the_order_is_that_of_beginning():
    keeper = FakeKeeper()
    keeper.cross("/first")
    slow = keeper.coming.pop()
    keeper.cross("/second")
    keeper.coming.append(slow)
    keeper.flush()
    made = View(keeper).expect()
    assert targets(made.in_order({"path": "/first"}, {"path": "/second"})) == ["/first", "/second"]


def test_another_order_says_which_did_not_come():
    lines(
        failure(lambda: expectation(["/b", "/a"]).in_order({"path": "/a"}, {"path": "/b"})),
        r"expected an exchange, in order \(path='/a'\) then \(path='/b'\); \(path='/b'\) did not come after GET /a 200",
        "the nearest:",
        LINE % "/b",
        "        it came before",
        "1 other:",
        LINE % "/a",
    )


def test_the_first_of_an_order_did_not_come():
    said = failure(lambda: expectation(THREE, path="/a").in_order({"status": 500}, {"status": 200}))
    assert said.split("\n")[0].endswith("; (status=500) did not come")
    assert "        status: expected 500, found 200" in said


def test_the_nearest_of_an_order_meets_not_even_what_all_must():
    """It is compared with the step and the conditions of all: what meets the step alone is not without differences."""
    said = failure(lambda: expectation(["/a"], status=500).in_order({"path": "/a"}))
    lines(
        said,
        r"expected status=500, in order \(path='/a'\); \(path='/a'\) did not come",
        "the nearest:",
        LINE % "/a",
        "        status: expected 500, found 200",
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
    assert len(said) == LISTED_MAX + 3
    assert "    ... 490 more exchanges ..." in said


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
    assert repr(made) == '<Expectation path == "/a">'
    assert not made.was_looked_at
    look(made)
    assert made.was_looked_at


SUMMARIES = [
    (lambda it: it(path="/a").once(), "expected /a once, found 2"),
    (lambda it: it(status=200).never(), "expected 200 never, found 3"),
    (lambda it: it().at_most(1), "expected an exchange at most once, found 3"),
    (
        lambda it: it(method="GET", path="/c", status=200).times(2),
        "expected GET /c 200 twice, found none; nearest: GET /a 200 (path: expected '/c', found '/a')",
    ),
    (
        lambda it: it(path="/a", json={"a": 1, "b": "x" * 100}).once(),
        "expected /a json={...} once, found none; nearest: GET /a 200 (json: expected {'a': 1, 'b': '",
    ),
    (lambda it: it(path="/c").within(0.01), "expected /c within 0.01 s, found none; nearest: GET /a 200 (path: "),
    (lambda it: it(path="/c").once(within=0.01), "expected /c once within 0.01 s, found none; nearest: "),
    (
        lambda it: it().in_order({"path": "/b"}, {"path": "/b"}),
        "expected /b, which did not come after GET /b 200; nearest: GET /a 200 (path: expected '/b', found '/a')",
    ),
    (lambda it: it(path=re.compile("x")).once(), "expected path=re.compile('x') once, found none; nearest: "),
    (lambda it: it(path="/" + "long" * 100).once(), "expected /longlong"),
]


@pytest.mark.parametrize(("look", "words"), SUMMARIES)
def test_one_line_says_what_failed_and_what_came_nearest(
    look: Callable[[Callable[..., Expectation]], object], words: str
):
    with pytest.raises(ExpectationFailed) as failed:
        look(lambda **conditions: expectation(THREE, **conditions))
    summary = failed.value.summary
    assert summary.startswith(words)
    assert summary == words or words[-1] not in "0123456789)"
    assert len(summary.split("\n")) == 1
    assert len(summary) < 400


def test_one_line_where_nothing_was_seen():
    with pytest.raises(ExpectationFailed) as failed:
        expectation([], path="/a").once()
    assert failed.value.summary == "expected /a once, found none; no exchange was seen"
    assert failed.value.exchange is None


def test_an_error_has_the_exchange_to_look_at():
    keeper = FakeKeeper()
    first, second = keeper.take("/a"), keeper.take("/b")
    view = View(keeper)
    for look, wanted in (
        (lambda: view.one(path="/bb"), second),
        (lambda: view.none(path="/a"), first),
        (lambda: view.expect().once(), second),
    ):
        with pytest.raises(ExpectationFailed) as failed:
            look()
        assert failed.value.exchange is wanted


class TestWaiting:
    """A keeper whose exchanges come one after the other, each when somebody waits."""

    @pytest.fixture
    def keeper(self) -> FakeKeeper:
        keeper = FakeKeeper()
        keeper.coming_later = iter(["/slow", "/other", "/slow", "/slow", "/slow"])  # type: ignore[attr-defined]

        def come() -> None:
            target = next(keeper.coming_later, None)  # type: ignore[attr-defined]
            if target is not None:
                keeper.cross(target)

        keeper.later = come
        return keeper

    def test_until_there_are_so_many(self, keeper: FakeKeeper):
        found = View(keeper).expect(path="/slow").times(3, within=60)
        assert targets(found) == ["/slow"] * 3
        assert keeper.calls.count("wait") == 4

    def test_once(self, keeper: FakeKeeper):
        assert View(keeper).expect(path="/other").once(within=60).request.path == "/other"
        assert View(keeper).expect(path="/slow").within(60) is keeper.kept.since(0)[0][0]

    def test_at_least(self, keeper: FakeKeeper):
        assert len(View(keeper).expect(path="/slow").at_least(2, within=60)) == 2
        assert View(keeper).expect(path="/never").at_least(0, within=60) == []
        assert keeper.calls.count("wait") == 3

    def test_in_order(self, keeper: FakeKeeper):
        found = View(keeper).expect().in_order({"path": "/other"}, {"path": "/slow"}, within=60)
        assert targets(found) == ["/other", "/slow"]
        assert keeper.calls.count("wait") == 3

    def test_no_longer_than_it_takes_to_know_that_there_are_too_many(self, keeper: FakeKeeper):
        assert "there was 1" in failure(lambda: View(keeper).expect(path="/slow").never(within=60))
        assert keeper.calls.count("wait") == 1
        assert "there were 2" in failure(lambda: View(keeper).expect(path="/slow").at_most(1, within=60))
        assert keeper.calls.count("wait") == 3

    def test_never_for_so_long(self, keeper: FakeKeeper):
        View(keeper).expect(path="/never").never(within=0.3)
        View(keeper).expect(path="/slow").at_most(4, within=0.3)
        assert next(keeper.coming_later, None) is None  # type: ignore[attr-defined]

    def test_in_vain(self, keeper: FakeKeeper):
        view = View(keeper)
        assert failure(lambda: view.expect(path="/slow").times(5, within=0.3)).startswith(
            "expected path='/slow': 5 times within 0.3 s; there were 4\n"
        )
        assert "(path='/last') did not come after GET /other 200 within 0.3 s\n" in failure(
            lambda: view.expect().in_order({"path": "/other"}, {"path": "/last"}, within=0.3)
        )

    def test_where_an_event_loop_would_stand_still(self, keeper: FakeKeeper):
        made = View(keeper).expect(path="/slow").without_waiting()
        with pytest.raises(
            InvalidArgument, match=r"within 1 s: waiting here would block the event loop; use await wait_for"
        ):
            made.once(within=1)
        assert made.was_looked_at


def test_one_that_has_not_ended_is_the_nearest_where_it_lacks_nothing_else():
    keeper = FakeKeeper()
    keeper.take("/other")
    slow = keeper.cross("/slow")
    keeper.coming.clear()
    slow.id, slow.response = 0, None
    keeper.pending.append(slow)
    with pytest.raises(ExpectationFailed) as failed:
        View(keeper).expect(path="/slow").once()
    assert failed.value.exchange is slow
    assert failed.value.summary == (
        "expected /slow once, found none;"
        " nearest: GET /slow, no response (it has not ended; within=SECONDS waits for that)"
    )
    said = str(failed.value).split("\n")
    assert said[3] == "        it has not ended; within=SECONDS waits for that"
    assert said[4] == "1 other:"
    with pytest.raises(ExpectationFailed, match=r"1 other, not ended:\n"):
        View(keeper).expect(path="/othe").once()


@pytest.mark.parametrize(
    ("conditions", "allows"),
    [
        ({"status": None}, True),
        ({"problems": "no-response"}, True),
        ({"complete": False}, True),
        ({"problems": []}, False),
        ({"path": "/a"}, False),
        ({"status": None, "path": "/b"}, False),
    ],
)
def test_it_allows_what_it_asks_for(conditions: dict[str, Any], allows: bool):
    given_up = exchange(response=None)
    given_up.add_problems(Problem.NO_RESPONSE, Problem.CLOSED)
    keeper = FakeKeeper()
    keeper.coming.append(given_up)
    made = View(keeper).expect(**conditions)
    made.at_least(0)
    assert made.allows(given_up) is allows
    # what comes later is no less odd because it was never to come
    never = View(FakeKeeper()).expect(**conditions)
    never.never()
    assert not never.allows(given_up)

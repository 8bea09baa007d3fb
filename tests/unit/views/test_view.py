"""What is kept, and how it is found, waited for and forgotten: over a capture without a kernel."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter import Exchange, ExpectationFailed, View, Where
from sockfilter.views.buffers import ExchangeBuffer
from tests.support.exchanges import exchange
from tests.support.keeper import FakeKeeper


def paths(exchanges: list[Exchange]) -> list[str]:
    return [made.request.path for made in exchanges]


@given(st.lists(st.sampled_from(["add", "add", "look"]) | st.integers(0, 40), max_size=40), st.integers(1, 5))
def test_what_is_kept_are_the_newest_with_their_numbers(steps: list[str | int], limit: int):
    kept, model, forgotten = ExchangeBuffer(limit), [], 0
    number = 0
    for step in steps:
        if step == "add":
            made = exchange()
            kept.add(made)
            model.append((number, made))
            number += 1
            forgotten += len(model) > limit
            del model[:-limit]
        elif isinstance(step, int):
            kept.forget(step)
            model = [(n, made) for n, made in model if n >= step]
        for first in range(number + 2):
            assert kept.since(first) == ([made for n, made in model if n >= first], number)
    assert (kept.end, kept.forgotten) == (number, forgotten)


def test_what_is_let_go_counts_as_forgotten_only_for_want_of_room():
    kept = ExchangeBuffer(2)
    for _ in range(3):
        kept.add(exchange())
    kept.forget(kept.end)
    kept.add(exchange())
    assert (kept.forgotten, kept.end, len(kept.since(0)[0])) == (1, 4, 1)


@pytest.fixture
def keeper() -> FakeKeeper:
    return FakeKeeper()


@pytest.fixture
def view(keeper: FakeKeeper) -> View:
    return View(keeper)


def test_exchanges_are_those_that_were_taken(keeper: FakeKeeper, view: View):
    keeper.take("/a")
    keeper.cross("/b")
    assert paths(view.exchanges) == ["/a"]
    assert repr(view) == "<View of 1 exchanges>"
    view.flush()
    assert paths(view.exchanges) == ["/a", "/b"]


def test_finding_takes_what_crossed_before(keeper: FakeKeeper, view: View):
    for target, status in (("/a", 200), ("/b", 404), ("/a", 500)):
        keeper.cross(target, status)
    assert paths(view.all()) == ["/a", "/b", "/a"]
    assert paths(view.all(path="/a")) == ["/a", "/a"]
    assert view.all(Where(path="/a"), status=500) == [view.exchanges[2]]
    assert view.all(path="/c") == []
    assert view.first(path="/a") is view.exchanges[0]
    assert view.first(path="/c") is None
    assert view.one(path="/b") is view.exchanges[1]
    view.none(path="/c")


def test_one_is_no_more_and_no_less(keeper: FakeKeeper, view: View):
    keeper.take("/a")
    keeper.take("/a")
    with pytest.raises(ExpectationFailed, match="expected path='/a': once; there were 2\n"):
        view.one(path="/a")
    with pytest.raises(ExpectationFailed, match="expected path='/b': once; there were none\n"):
        view.one(path="/b")
    with pytest.raises(ExpectationFailed, match="expected path='/a': never; there were 2\n"):
        view.none(path="/a")


def test_a_mark_is_a_view_from_now_on(keeper: FakeKeeper, view: View):
    keeper.take("/a")
    keeper.cross("/b")
    after = view.mark()
    keeper.cross("/c")
    assert paths(after.all()) == ["/c"]
    assert paths(view.all()) == ["/a", "/b", "/c"]
    later = after.mark()
    assert later.all() == []
    assert paths(after.all()) == ["/c"]


def test_what_began_before_the_mark_is_behind_it_however_late_it_ends(keeper: FakeKeeper, view: View):
    keeper.cross("/slow")
    slow = keeper.coming.pop()
    after = view.mark()
    keeper.cross("/quick")
    keeper.coming.append(slow)
    assert paths(after.all()) == ["/quick"]
    assert paths(view.all()) == ["/quick", "/slow"]


def test_clearing_forgets_what_crossed_before(keeper: FakeKeeper, view: View):
    other = View(keeper)
    keeper.cross("/a")
    view.clear()
    keeper.cross("/b")
    assert paths(view.all()) == ["/b"]
    assert paths(other.all()) == ["/a", "/b"]


def test_a_view_can_leave_exchanges_out(keeper: FakeKeeper):
    view = View(keeper, is_wanted=lambda made: made.response.status != 404)
    keeper.take("/a", 404)
    keeper.take("/b")
    assert paths(view.exchanges) == paths(view.all()) == ["/b"]
    after = view.mark()
    keeper.take("/c", 404)
    assert after.all() == []


def test_the_oldest_make_room_under_a_view():
    keeper = FakeKeeper(limit=2)
    view = View(keeper)
    after = view.mark()
    for i in range(4):
        keeper.take(f"/{i}")
    assert paths(view.all()) == paths(after.all()) == ["/2", "/3"]


def test_what_was_kept_can_be_found_when_the_capture_has_ended(keeper: FakeKeeper, view: View):
    keeper.take("/a")
    keeper.is_closed = True
    assert view.one(path="/a") is view.exchanges[0]
    assert view.mark().all() == []
    assert paths(list(view)) == ["/a"]
    assert view.wait_for(path="/a") is view.exchanges[0]
    with pytest.raises(ExpectationFailed, match="within 5 s; there were none"):
        view.wait_for(path="/b")


def test_waiting_takes_one_that_is_there(keeper: FakeKeeper, view: View):
    made = keeper.take("/a")
    assert view.wait_for(path="/a", timeout=0) is made
    assert "wait" not in keeper.calls


def test_waiting_takes_one_that_is_on_its_way(keeper: FakeKeeper, view: View):
    keeper.cross("/a")
    made = keeper.cross("/b")
    assert view.wait_for(path="/b", timeout=0) is made


def test_waiting_sleeps_until_there_is_something(keeper: FakeKeeper, view: View):
    keeper.take("/a")
    come = iter(["/b", "/c", "/d"])
    keeper.later = lambda: keeper.cross(next(come)) and None
    assert view.wait_for(path="/c", timeout=60).request.path == "/c"
    assert keeper.calls.count("wait") == 2
    assert next(come) == "/d"


def test_waiting_in_vain_says_how_long(keeper: FakeKeeper, view: View):
    keeper.take("/a")
    with pytest.raises(
        ExpectationFailed, match=r"^expected path='/b': within 0\.01 s; there were none\nthe nearest:\n"
    ):
        view.wait_for(path="/b", timeout=0.01)
    assert keeper.calls[-1] == "flush"


def test_waiting_ends_with_the_capture(keeper: FakeKeeper, view: View):
    def end() -> None:
        keeper.is_closed = True

    keeper.later = end
    with pytest.raises(ExpectationFailed, match="within 60 s; there were none"):
        view.wait_for(path="/b", timeout=60)


def test_each_gives_them_in_order_until_the_end(keeper: FakeKeeper, view: View):
    keeper.take("/a")
    come = iter(["/b", "/c"])

    def more() -> None:
        target = next(come, None)
        if target is None:
            keeper.is_closed = True
        else:
            keeper.cross(target)

    keeper.later = more
    assert paths(list(view)) == ["/a", "/b", "/c"]


def test_each_gives_up_after_a_pause(keeper: FakeKeeper, view: View):
    keeper.take("/a")
    keeper.cross("/b")
    assert paths(list(view.each(timeout=0))) == ["/a", "/b"]


def test_each_begins_at_the_mark(keeper: FakeKeeper, view: View):
    keeper.take("/a")
    after = view.mark()
    keeper.take("/b")
    assert paths(list(after.each(timeout=0))) == ["/b"]


def test_an_iteration_goes_on_where_others_have_taken_what_came(keeper: FakeKeeper, view: View):
    found = []
    keeper.cross("/a")
    for made in view.each(timeout=0):
        found.append(made.request.path)
        if len(found) < 3:
            keeper.cross(f"/{len(found)}")
            View(keeper).flush()
    assert found == ["/a", "/1", "/2"]


def test_an_iteration_passes_over_what_was_let_go(keeper: FakeKeeper, view: View):
    keeper.take("/a")
    keeper.take("/b")
    found = []
    for made in view.each(timeout=0):
        found.append(made.request.path)
        if made.request.path == "/a":
            keeper.kept.forget(keeper.kept.end)
            keeper.cross("/c")
    # those of a batch are in hand already
    assert found == ["/a", "/b", "/c"]


def test_looking_while_another_thread_takes():
    keeper = FakeKeeper(limit=50)
    view = View(keeper)
    made = exchange()

    def add() -> None:
        for _ in range(2000):
            keeper.kept.add(made)

    taking = threading.Thread(target=add)
    taking.start()
    number, seen = 0, 0
    while number < 2000:
        found, number = view.ended_since(number)
        assert len(found) <= 50
        seen += len(found)
    taking.join()
    assert 50 <= seen <= 2000

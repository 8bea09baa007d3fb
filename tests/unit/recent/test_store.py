"""The last exchanges are kept within their bounds, and what was let go is counted."""

from __future__ import annotations

from threading import Thread

from sockfilter.filters.where import Where
from sockfilter.model import Body
from sockfilter.recent import store as stores
from sockfilter.recent.chosen import GONE_MAX, ChosenExchanges
from sockfilter.recent.orders import ORDERS
from sockfilter.recent.store import RecentExchanges
from tests.support.exchanges import exchange


def asked(path: str, status: int = 200, body: Body | None = None):
    made = exchange(
        f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), f"HTTP/1.1 {status} X\r\nContent-Length: 5\r\n\r\n".encode()
    )
    if body is not None:
        made.response.body = body
    return made


def filled(count: int, limit: int = 100, bytes_max: int = 1 << 30) -> RecentExchanges:
    store = RecentExchanges(limit, bytes_max)
    for number in range(count):
        store.add(asked(f"/{number}", 500 if number % 3 == 0 else 200))
    return store


def paths(chosen: ChosenExchanges, store: RecentExchanges) -> list[str]:
    return [store.get(chosen[at]).exchange.request.target for at in range(len(chosen))]


def advanced(chosen: ChosenExchanges) -> ChosenExchanges:
    while chosen.is_behind:
        chosen.advance(0)
    chosen.advance()
    return chosen


def test_the_oldest_are_let_go_and_counted():
    store = filled(130)
    assert (len(store), store.first, store.end, store.let_go) == (100, 30, 130, 30)
    assert store.get(29) is None
    assert store.get(30).exchange.request.target == "/30"
    assert [each.number for each in store.since(0, 3)] == [30, 31, 32]
    assert [each.number for each in store.since(128)] == [128, 129]


def test_large_bodies_take_the_room_of_several():
    store = RecentExchanges(100, bytes_max=100_000)
    for number in range(10):
        store.add(asked(f"/{number}", body=Body(40_000, 40_000, bytes(40_000))))
    assert len(store) == 2
    assert store.weight <= 100_000
    assert store.let_go == 8
    store.add(asked("/huge", body=Body(1 << 20, 1 << 20, bytes(1 << 20))))
    assert len(store) == 1  # the newest is always there


def test_a_pinned_exchange_stays():
    store = filled(50)
    assert store.pin(7)
    for _ in range(200):
        store.add(asked("/new"))
    assert store.get(7).exchange.request.target == "/7"
    assert store.let_go == 149
    assert [each.number for each in store.pinned] == [7]
    store.unpin(7)
    assert store.get(7) is None
    assert store.let_go == 150
    assert not store.pin(7)


def test_pins_have_a_bound(monkeypatch):
    monkeypatch.setattr(stores, "PINNED_MAX", 2)
    store = filled(3)
    assert [store.pin(number) for number in range(3)] == [True, True, False]
    assert store.pin(1)


def test_a_filter_chooses_what_is_there_and_what_comes():
    store = filled(9)
    chosen = ChosenExchanges(store)
    chosen.choose(Where("status == 500"))
    assert paths(advanced(chosen), store) == ["/0", "/3", "/6"]
    store.add(asked("/late", 500))
    assert paths(advanced(chosen), store) == ["/0", "/3", "/6", "/late"]
    chosen.choose(None)
    assert len(advanced(chosen)) == 10


def test_testing_goes_in_steps():
    store = filled(1000, limit=1000)
    chosen = ChosenExchanges(store)
    chosen.choose(Where("status == 500"))
    assert chosen.advance(0)
    assert chosen.is_behind
    assert 0 < len(chosen) < 334
    assert len(advanced(chosen)) == 334


def test_what_was_let_go_is_shown_no_more_in_any_order():
    for order in (None, ORDERS["path"]):
        store = filled(100)
        chosen = ChosenExchanges(store)
        chosen.sort(order)
        advanced(chosen)
        store.pin(3)
        for number in range(GONE_MAX + 50):
            store.add(asked(f"/{number}"))
        advanced(chosen)
        assert len(chosen) == 101
        assert store.get(3).exchange.request.target in paths(chosen, store)


def test_orders_and_their_directions():
    store = RecentExchanges()
    for path, status in (("/b", 500), ("/a", 404), ("/c", 200)):
        store.add(asked(path, status))
    chosen = ChosenExchanges(store)
    chosen.sort(ORDERS["path"])
    assert paths(advanced(chosen), store) == ["/a", "/b", "/c"]
    chosen.sort(ORDERS["path"], descending=True)
    assert paths(chosen, store) == ["/c", "/b", "/a"]
    store.add(asked("/bb"))
    assert paths(advanced(chosen), store) == ["/c", "/bb", "/b", "/a"]
    assert [chosen.place_of(number) for number in range(4)] == [2, 3, 0, 1]
    chosen.sort(ORDERS["status"])
    assert paths(advanced(chosen), store) == ["/c", "/bb", "/a", "/b"]
    chosen.sort(None)
    assert [chosen.place_of(number) for number in (0, 3, 4)] == [0, 3, None] if advanced(chosen) else False


def test_every_order_takes_halves():
    for order in ORDERS.values():
        for made in (exchange(response=None), exchange(request=None), exchange()):
            assert isinstance(order.key(made), str) == isinstance(order.key(exchange()), str)


def test_the_next_that_meets_a_test():
    store = filled(9)
    chosen = advanced(ChosenExchanges(store))
    failed = Where("status == 500").test
    assert chosen.next_place(-1, failed) == 0
    assert chosen.next_place(0, failed) == 3
    assert chosen.next_place(6, failed) is None
    assert chosen.next_place(6, failed, -1) == 3


def test_clearing_keeps_what_is_pinned():
    store = filled(9)
    store.pin(4)
    store.clear()
    chosen = ChosenExchanges(store)
    assert paths(advanced(chosen), store) == ["/4"]
    store.add(asked("/x"))
    assert paths(advanced(chosen), store) == ["/4", "/x"]
    assert store.let_go == 0


def test_a_thread_adds_while_another_one_looks():
    store = RecentExchanges(500)
    chosen = ChosenExchanges(store)
    chosen.sort(ORDERS["path"])
    made = asked("/x")
    adder = Thread(target=lambda: [store.add(made) for _ in range(20_000)])
    adder.start()
    while adder.is_alive():
        chosen.advance()
        for at in range(len(chosen)):
            store.get(chosen[at])
    adder.join()
    advanced(chosen)
    assert store.end == 20_000
    assert len(store) == 500
    assert store.let_go == 19_500

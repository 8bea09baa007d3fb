"""A capture whose records one thread takes while others look: nothing is lost, made up, or raised."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from sockfilter import Capture
from sockfilter.captures.file import open_file
from sockfilter.captures.wanted import BODY_BYTES, body_policy
from sockfilter.errors import Busy, Closed
from tests.support.captures import pcap, timed
from tests.support.frames import Talk
from tests.support.threads import LOOKS, NOT_LOOKS, STUCK_S, looking

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sockfilter import Exchange

CONNECTIONS, EXCHANGES = 16, 100


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Connections that ask all at once, and are answered all at once, again and again."""
    talks = [Talk(ports=(40000 + i, 80)) for i in range(CONNECTIONS)]
    frames = [frame for talk in talks for frame in talk.opening()]
    for number in range(EXCHANGES):
        frames += [talk.client(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number) for talk in talks]
        frames += [talk.server() for talk in talks]
    path = tmp_path_factory.mktemp("threads") / "busy.pcap"
    path.write_bytes(pcap(timed(frames, step_ns=1000)))
    return path


def opened(path: Path, emit: Callable[[Exchange], None] | None = None) -> Capture:
    return open_file(str(path), policy=body_policy(BODY_BYTES), emit=emit)


def assert_whole(capture: Capture, found: list[Exchange] | None = None) -> None:
    found = capture.exchanges if found is None else found
    assert len(found) == CONNECTIONS * EXCHANGES
    assert all(exchange.complete and not exchange.problems for exchange in found)
    for port in range(40000, 40000 + CONNECTIONS):
        mine = [exchange.request.path for exchange in found if exchange.client.port == port]
        assert mine == [f"/{number}" for number in range(EXCHANGES)]
    ledger = capture.ledger
    assert ledger.is_balanced, ledger.imbalance
    assert (ledger.segments.gaps, ledger.losses(), ledger.messages.exchanges) == (0, {}, len(found))


def test_every_public_call_is_tried():
    public = {name for name in dir(Capture) if not name.startswith("_")} | {"kept", "is_closed"}
    assert public - NOT_LOOKS == set(LOOKS) - {"process", "no_processes"}


@pytest.mark.parametrize("name", LOOKS)
def test_looking_while_another_thread_takes(file: Path, name: str):
    with opened(file) as capture:
        with looking(capture, LOOKS[name]):
            while capture.pump():
                pass
        capture.flush()
        assert capture.connections
    assert_whole(capture)


@pytest.mark.parametrize("name", ["ledger", "pending", "connections", "exchanges", "now_ns", "check"])
def test_looking_within_emit(file: Path, name: str):
    found: list[Exchange] = []

    def take(exchange: Exchange) -> None:
        found.append(exchange)
        if exchange.conn_seq % 10 == 3:
            LOOKS[name](capture)

    with opened(file, take) as capture:
        capture.flush()
    assert_whole(capture, found)


@pytest.mark.parametrize("name", ["flush", "flushed", "pump"])
def test_taking_within_emit_is_refused(file: Path, name: str):
    def take(_: Exchange) -> None:
        with pytest.raises(Busy, match="inside emit"):
            LOOKS[name](capture)
        found.append(_)

    found: list[Exchange] = []
    with opened(file, take) as capture:
        capture.flush()
    assert_whole(capture, found)


def test_closing_within_emit_ends_the_capture_after_the_batch(file: Path):
    def take(exchange: Exchange) -> None:
        capture.close()
        assert not capture.is_closed
        found.append(exchange)

    found: list[Exchange] = []
    capture = opened(file, take)
    capture.pump()
    assert capture.is_closed
    assert len(found) == capture.ledger.messages.exchanges > 1
    assert capture.ledger.is_balanced
    with pytest.raises(Closed):
        capture.pump()


def test_two_threads_iterate_and_each_has_all(file: Path):
    found: dict[int, list[Exchange]] = {}
    with opened(file) as capture:

        def look(capture: Capture) -> None:
            found[threading.get_ident()] = list(capture.each(timeout=0))

        with looking(capture, look):
            pass
    assert len(found) == 2
    for mine in found.values():
        assert_whole(capture, mine)


def test_flushing_in_two_threads_is_exact_in_both(file: Path):
    with opened(file) as capture:

        def look(capture: Capture) -> None:
            capture.flush()
            assert len(capture.exchanges) == CONNECTIONS * EXCHANGES

        with looking(capture, look):
            pass
    assert_whole(capture)


@pytest.mark.parametrize("name", ["all", "each", "mark", "ledger", "pending", "connections", "flush", "pump", "wait"])
def test_closing_while_others_look(file: Path, name: str):
    def look(capture: Capture) -> None:
        try:
            LOOKS[name](capture)
        except Closed:
            assert capture.is_closed
            assert name in ("flush", "pump", "wait")

    for _ in range(20):
        capture = opened(file)
        with looking(capture, look):
            capture.pump()
            capture.close()
        assert capture.ledger.is_balanced
        assert capture.ledger.messages.exchanges == len(capture.exchanges)


def test_clearing_forgets_nothing_that_came_after(file: Path):
    """Another thread takes an exchange between the moment up to which is forgotten, and the forgetting."""
    with opened(file) as capture:
        capture.flush()
        exchange = capture.exchanges[-1]
        forget = capture.kept.forget

        def late(number: int) -> None:
            taking = threading.Thread(target=capture.kept.add, args=(exchange,))
            taking.start()
            taking.join(STUCK_S)
            forget(number)

        capture.kept.forget = late  # type: ignore[method-assign]
        capture.clear()
        assert capture.kept.since(0)[0] == [exchange]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of a process with threads: this is about them
def test_a_child_of_fork_looks_at_what_was_there_and_touches_nothing(file: Path):
    with opened(file) as capture:
        capture.pump()
        before = len(capture.exchanges)
        locked, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            """As a thread that is in the middle of a batch, and does not exist in the child."""
            with capture._turns._lock, capture.kept._lock:
                locked.set()
                go_on.wait(STUCK_S)

        holding = threading.Thread(target=hold)
        holding.start()
        locked.wait(STUCK_S)
        child = os.fork()
        if not child:
            status = 1
            try:
                assert len(capture.exchanges) == before
                for name in ("ledger", "pending", "connections", "flush", "flushed", "pump", "wait", "check", "all"):
                    with pytest.raises(Closed, match="belongs to process"):
                        LOOKS[name](capture)
                with pytest.raises(Closed, match="belongs to process"):
                    list(capture)
                capture.close()
                assert len(capture.all()) == before
                status = 0
            finally:
                os._exit(status)
        _, code = os.waitpid(child, 0)
        go_on.set()
        holding.join(STUCK_S)
        assert os.waitstatus_to_exitcode(code) == 0
        capture.flush()
    assert_whole(capture)

"""Waiting for records: no record is waited for twice, none is missed, and the flush is exact."""

from __future__ import annotations

import os
import select
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.libbpf.ring import BATCH_RECORDS
from sockfilter.sources.records import RecordSource
from sockfilter.streams import direction
from tests.support.frames import REQUEST, Talk
from tests.support.net import namespace
from tests.support.skips import Skip, skip
from tests.support.sockets import connected, read_exactly

if TYPE_CHECKING:
    from tests.support.cable import Cable

RESPONSE = b"HTTP/1.1 204 No Content\r\n\r\n"
# seconds; what should come at once may take this long on a busy machine, and what should not come is not awaited
LONG = 60


def is_readable(fd: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def test_flush_misses_nothing_1000_times() -> None:
    """No sleep between the client's last byte and the look at the exchange."""
    with namespace() as netns, sockfilter.capture("lo", netns=netns) as capture, connected(netns) as (client, server):
        for i in range(1000):
            client.sendall(b"GET /%d HTTP/1.1\r\n\r\n" % i)
            server.recv(100)
            server.sendall(RESPONSE)
            read_exactly(client, len(RESPONSE))
            capture.flush()
            assert capture.exchanges[-1].request.target == f"/{i}"
        assert len(capture.exchanges) == 1000


def test_fresh_capture_misses_nothing_10_times() -> None:
    with namespace() as netns:
        for _ in range(10):
            with sockfilter.capture("lo", netns=netns) as capture, connected(netns) as (client, server):
                client.sendall(REQUEST)
                read_exactly(server, len(REQUEST))
                server.sendall(RESPONSE)
                read_exactly(client, len(RESPONSE))
                capture.flush()
                assert len(capture.exchanges) == 1


def test_what_waits_in_the_ring_is_not_missed(cable: Cable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment that comes late is in another batch than its successors, and is read long after it has passed."""
    late = property(lambda source: time.monotonic_ns() + 10 * direction.HOLE_NS)
    monkeypatch.setattr(RecordSource, "now_ns", late)
    talk, size = Talk(), 2 * BATCH_RECORDS
    with cable.capture() as capture:
        opening = [*talk.opening(), talk.client()]
        first, *others = [talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)] + [
            talk.server(b"x") for _ in range(size)
        ]
        cable.send(*opening, *others, first)
        capture.flush()
        exchange = capture.one()
    assert exchange.response is not None
    assert (exchange.response.body.wire_len, exchange.problems) == (size, ())


def test_descriptor_is_readable_with_the_next_record(cable: Cable) -> None:
    """So that it fits into any event loop."""
    talk = Talk()
    with cable.capture() as capture:
        source = capture.source
        assert source.ask_to_be_woken()
        assert not is_readable(source.fileno(), 0)
        cable.send(*talk.opening())
        assert not is_readable(source.fileno(), 0)
        cable.send(talk.client())
        assert is_readable(source.fileno(), LONG)
        capture.flush()


def test_record_wakes_who_waits(cable: Cable) -> None:
    with cable.capture() as capture:
        assert capture.source.ask_to_be_woken()
        woken_after: list[float] = []

        def sleep() -> None:
            before = time.monotonic()
            is_readable(capture.source.fileno(), LONG)
            woken_after.append(time.monotonic() - before)

        sleeper = threading.Thread(target=sleep)
        sleeper.start()
        wait_until_asleep(sleeper)
        cable.send(Talk().client())
        sleeper.join()
        assert woken_after[0] < LONG / 2
        capture.flush()


def wait_until_asleep(thread: threading.Thread) -> None:
    """Until it is inside poll(2): a record that came before would be found there without a wake-up."""
    place = Path(f"/proc/self/task/{thread.native_id}/wchan")
    deadline = time.monotonic() + LONG
    seen = set()
    while "poll" not in (where := place.read_text()):
        seen.add(where)
        is_late = time.monotonic() > deadline
        if is_late and seen <= {"0", "um_set_signals"}:
            skip(Skip.KERNEL, "/proc/PID/wchan")
        assert not is_late, seen
        os.sched_yield()


def test_nobody_is_to_wait_while_there_are_records(cable: Cable) -> None:
    with cable.capture() as capture:
        cable.pass_by(capture, *Talk().whole())
        cable.send(*Talk(ports=(40001, 80)).whole())
        while not capture.ledger.records_waiting:
            os.sched_yield()
        assert not capture.source.ask_to_be_woken()
        while capture.pump():
            pass


@pytest.mark.parametrize("seconds", [0, 0.05])
def test_wait_ends_in_time_where_nothing_comes(cable: Cable, seconds: float) -> None:
    with cable.capture() as capture:
        before = time.monotonic()
        capture.wait(seconds)
        assert seconds * 0.9 <= time.monotonic() - before < LONG


def test_wait_ends_with_another_descriptor(cable: Cable) -> None:
    reading, writing = os.pipe()
    try:
        with cable.capture() as capture:
            capture.source.also_wake_for(reading)
            os.write(writing, b"x")
            capture.wait(LONG)
            assert is_readable(reading, 0)
    finally:
        os.close(reading)
        os.close(writing)


def test_pump_takes_what_wait_waited_for(cable: Cable) -> None:
    with cable.capture() as capture:
        cable.send(*Talk().whole())
        deadline = time.monotonic() + LONG
        while not capture.exchanges:
            assert time.monotonic() < deadline
            capture.wait(1)
            capture.pump()
        assert capture.exchanges[0].complete

"""Whatever happens to one packet of a connection costs one exchange at most, and never makes a wrong pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.events import CLIENT, EVENTS, SERVER, STEP_NS, Scripted, read
from tests.support.thorough import some

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sockfilter.model import Exchange

COUNT = 12


def request(number: int, more: bytes = b"") -> bytes:
    return b"GET /%d HTTP/1.1\r\nHost: shop.test\r\n%s\r\n" % (number, more)


def response(number: int) -> bytes:
    """The status says which request it answers; none of these frames a body in a way of its own."""
    content = b"body of %d" % number
    return b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%s" % (210 + number, len(content), content)


def halves(data: bytes, at: int) -> tuple[bytes, bytes]:
    return data[:at], data[at:]


def single(script: Scripted) -> None:
    for i in range(COUNT):
        script.say(CLIENT, request(i)).say(SERVER, response(i))


def split(script: Scripted) -> None:
    for i in range(COUNT):
        script.say(CLIENT, *halves(request(i, b"Cookie: %s\r\n" % (b"c" * 50)), 60))
        script.say(SERVER, *halves(response(i), 20))


def posts(script: Scripted) -> None:
    for i in range(COUNT):
        script.say(CLIENT, b"POST /%d HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 30\r\n\r\n" % i, b"x" * 30)
        script.say(SERVER, *halves(response(i), 40))


def chunked(script: Scripted) -> None:
    for i in range(COUNT):
        head = b"HTTP/1.1 %d OK\r\nTransfer-Encoding: chunked\r\n\r\n" % (210 + i)
        script.say(CLIENT, request(i)).say(SERVER, head, b"3\r\nabc\r\n", b"0\r\n\r\n")


def batches(script: Scripted) -> None:
    """Three requests at a time, and the next three once all answers are there."""
    for i in range(0, COUNT, 3):
        script.say(CLIENT, *(request(n) for n in range(i, i + 3)))
        script.say(SERVER, *(response(n) for n in range(i, i + 3)))


def sliding(script: Scripted) -> None:
    """Two are under way at any time."""
    script.say(CLIENT, request(0), request(1))
    for i in range(COUNT):
        script.say(SERVER, response(i))
        if i + 2 < COUNT:
            script.say(CLIENT, request(i + 2))


WAITING: tuple[Callable[[Scripted], None], ...] = (single, split, posts, chunked)
PIPELINED = (batches, sliding)
BY_EVENT = pytest.mark.parametrize("event", EVENTS)


def numbers(exchanges: list[Exchange]) -> set[int]:
    """Those that are whole; that no pair is wrong is asserted."""
    found = set()
    for exchange in exchanges:
        if exchange.request is not None and exchange.response is not None:
            number = int(exchange.request.path[1:])
            assert exchange.response.status == 210 + number
            if exchange.complete:
                found.add(number)
    return found


@pytest.mark.parametrize("acks", [False, True], ids=["", "with acknowledgements"])
@pytest.mark.parametrize("say", WAITING)
@BY_EVENT
def test_of_a_client_that_waits(say: Callable[[Scripted], None], event: str, acks: bool, tmp_path: Path):
    script = Scripted(acks=acks)
    say(script)
    script.close()
    for number, packets in some(EVENTS[event](script.packets), 3 if acks else 1):
        exchanges = read(tmp_path / "odd.pcap", packets)
        missing = COUNT - len(numbers(exchanges))
        assert missing <= (event == "dropped"), number
        assert sum(bool(exchange.problems) for exchange in exchanges) <= missing, number
        assert len(exchanges) <= COUNT


@pytest.mark.parametrize("step_ms", [20, 300, 2000])
@pytest.mark.parametrize("say", [*WAITING, *PIPELINED])
@BY_EVENT
def test_on_a_slow_connection(say: Callable[[Scripted], None], event: str, step_ms: int, tmp_path: Path):
    """Delays are longer than anything is waited for."""
    script = Scripted(step_ns=step_ms * STEP_NS)
    say(script)
    script.close()
    for number, packets in some(EVENTS[event](script.packets), 3):
        whole = numbers(read(tmp_path / "odd.pcap", packets))
        assert say in PIPELINED or len(whole) >= COUNT - 1, number


@pytest.mark.parametrize("say", PIPELINED)
@pytest.mark.parametrize("event", ["swapped", "delayed", "repeated"])
def test_of_a_client_that_does_not_wait(say: Callable[[Scripted], None], event: str, tmp_path: Path):
    script = Scripted()
    say(script)
    script.close()
    for number, packets in enumerate(EVENTS[event](script.packets)):
        assert len(numbers(read(tmp_path / "odd.pcap", packets))) == COUNT, number


def test_a_loss_between_batches_that_are_known_as_such(tmp_path: Path):
    """The next batch shows that all before it were answered: they are counted back to the loss."""
    script = Scripted()
    batches(script)
    script.close()
    seventh = next(i for i, packet in enumerate(script.packets) if packet.data == request(6))
    lost = range(seventh, seventh + 6)  # the packets of the third batch
    for number, packets in enumerate(EVENTS["dropped"](script.packets)):
        whole = numbers(read(tmp_path / "odd.pcap", packets))
        assert number not in lost or len(whole) >= COUNT - 1, number


def test_a_loss_between_requests_of_a_client_that_does_not_wait_makes_no_wrong_pair(tmp_path: Path):
    script = Scripted()
    sliding(script)
    script.close()
    for packets in EVENTS["dropped"](script.packets):
        numbers(read(tmp_path / "odd.pcap", packets))


def test_a_client_that_waits_again_is_one_that_waits(tmp_path: Path):
    """What it once sent together says nothing of a loss among those it waited for."""
    script = Scripted()
    script.say(CLIENT, request(0), request(1)).say(SERVER, response(0), response(1))
    for i in range(2, COUNT):
        script.say(CLIENT, request(i)).say(SERVER, response(i))
    script.close()
    sixth = next(i for i, packet in enumerate(script.packets) if packet.data == request(6))
    for number, packets in enumerate(EVENTS["dropped"](script.packets)):
        whole = numbers(read(tmp_path / "odd.pcap", packets))
        assert number < sixth or len(whole) >= COUNT - 1, number


@pytest.mark.parametrize("claim", [1, 5000, 90_000_000])
def test_an_acknowledgement_that_lies_holds_nothing_up(claim: int, tmp_path: Path):
    script = Scripted()
    for i in range(COUNT):
        script.say(CLIENT, request(i))
        script.send(SERVER, response(i), ack=(script.next[CLIENT] + claim) & 0xFFFFFFFF if i in (3, 7) else None)
    script.close()
    exchanges = read(tmp_path / "odd.pcap", script.packets)
    assert len(numbers(exchanges)) == COUNT
    assert not any(exchange.problems for exchange in exchanges)


def test_bytes_that_come_long_after_they_were_acknowledged_are_taken(tmp_path: Path):
    script = Scripted(step_ns=100 * STEP_NS)
    for i in range(COUNT):
        script.say(CLIENT, request(i)).say(SERVER, response(i))
    script.close()
    for number, packets in enumerate(EVENTS["delayed"](script.packets)):
        assert len(numbers(read(tmp_path / "odd.pcap", packets))) >= COUNT - 1, number

"""Handshakes, resets and ends that are odd: each costs the connection nothing but what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.model import Problem
from tests.support.captures import enhanced, interface, section
from tests.support.events import CLIENT, SERVER, STEP_NS, Packet, Scripted, read
from tests.support.frames import ACK, FIN, RST, SYN

if TYPE_CHECKING:
    from pathlib import Path

    from sockfilter.model import Exchange

COUNT = 4
SECOND_NS = 1_000_000_000


def request(number: int, more: bytes = b"") -> bytes:
    return b"GET /%d HTTP/1.1\r\nHost: shop.test\r\n%s\r\n" % (number, more)


def response(number: int) -> bytes:
    return b"HTTP/1.1 %d OK\r\nContent-Length: 2\r\n\r\nhi" % (210 + number)


def talk(script: Scripted, first: int = 0, count: int = COUNT) -> None:
    for number in range(first, first + count):
        script.say(CLIENT, request(number)).say(SERVER, response(number))


def pairs(exchanges: list[Exchange]) -> list[tuple[str | None, int | None]]:
    return [(e.request and e.request.path, e.response and e.response.status) for e in exchanges]


def expected(count: int = COUNT) -> list[tuple[str, int]]:
    return [(f"/{number}", 210 + number) for number in range(count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "odd.pcap"


@pytest.mark.parametrize("first", ["counts", "does not count"])
@pytest.mark.parametrize("apart", [1, 90_000_000, 3_000_000_000])
def test_two_answers_to_one_syn(path: Path, first: str, apart: int) -> None:
    """A balancer lets two servers answer; the client's acknowledgement says which of them it took."""
    script = Scripted()
    script.packets.clear()
    script.next = [1000, 5000]
    script.send(CLIENT, flags=SYN)
    answers = [5000, (5000 + apart) & 0xFFFFFFFF]
    if first != "counts":
        answers.reverse()
    for isn in answers:
        script.next[SERVER] = isn
        script.send(SERVER, flags=SYN | ACK)
    script.next[SERVER] = 5001
    script.send(CLIENT, flags=ACK)
    talk(script)
    exchanges = read(path, script.close().packets)
    assert pairs(exchanges) == expected()
    assert not any(exchange.problems for exchange in exchanges)


def test_two_answers_and_the_client_says_nothing_before_its_server(path: Path) -> None:
    """The server's first bytes lie at one of the two places."""
    script = Scripted()
    del script.packets[2]  # the handshake's last acknowledgement is not there
    again = script.packets[1]._replace(seq=70_000)
    script.packets.insert(2, again)
    talk(script)
    assert pairs(read(path, script.close().packets)) == expected()


@pytest.mark.parametrize("end", [CLIENT, SERVER])
@pytest.mark.parametrize("off", [-1, -5000, 1, 5000, 1 << 20, 1 << 30, 1 << 31])
def test_a_reset_with_another_number_resets_nothing(path: Path, end: int, off: int) -> None:
    script = Scripted()
    talk(script, 0, 2)
    script.packets.append(
        Packet(script.packets[-1].time_ns + 1, end, (script.next[end] + off) & 0xFFFFFFFF, 0, RST, b"")
    )
    talk(script, 2, 2)
    exchanges = read(path, script.close().packets)
    assert pairs(exchanges) == expected()
    assert not any(exchange.problems for exchange in exchanges)


@pytest.mark.parametrize("silence_ns", [STEP_NS, 5 * SECOND_NS])
def test_a_connection_goes_on_long_after_a_reset_that_was_none(path: Path, silence_ns: int) -> None:
    script = Scripted()
    talk(script, 0, 2)
    last = script.packets[-1]
    script.packets.append(Packet(last.time_ns + 1, CLIENT, script.next[CLIENT] + 5000, 0, RST, b""))
    script.wait(silence_ns)
    talk(script, 2, 2)
    exchanges = read(path, script.close().packets)
    assert pairs(exchanges) == expected()
    assert all(exchange.complete for exchange in exchanges)


def test_a_reset_behind_bytes_that_were_lost_ends_the_connection(path: Path) -> None:
    script = Scripted()
    talk(script, 0, 1)
    script.send(CLIENT, request(1))
    script.send(SERVER, response(1))
    script.send(SERVER, flags=RST | ACK)
    del script.packets[-2]
    exchanges = read(path, script.packets)
    assert pairs(exchanges) == [("/0", 210), ("/1", None)]
    assert Problem.RESET in exchanges[1].problems


@pytest.mark.parametrize("end", ["FIN", "RST"])
@pytest.mark.parametrize("silence_ns", [STEP_NS, 3 * SECOND_NS, 200 * SECOND_NS])
def test_a_new_life_whose_handshake_was_not_captured(path: Path, end: str, silence_ns: int) -> None:
    script = Scripted()
    talk(script, 0, 2)
    if end == "FIN":
        script.close()
    else:
        script.send(CLIENT, flags=RST | ACK)
    script.wait(silence_ns)
    script.next = [3_000_000_000, 4_000_000_000]
    talk(script, 2, 2)
    exchanges = read(path, script.close().packets)
    assert pairs(exchanges) == expected()
    assert [exchange.connection.number for exchange in exchanges] == [1, 1, 2, 2]
    assert not any(Problem.GAP in exchange.problems for exchange in exchanges)


def test_what_comes_again_after_the_end_is_no_new_life(path: Path) -> None:
    script = Scripted()
    talk(script)
    last = script.packets[-1]
    script.close()
    script.packets.append(last._replace(time_ns=script.packets[-1].time_ns + SECOND_NS))
    assert pairs(read(path, script.packets)) == expected()


def test_new_bytes_behind_an_end_are_counted(path: Path) -> None:
    script = Scripted()
    talk(script)
    script.close()
    script.send(SERVER, b"x" * 100)
    path.write_bytes(b"")
    assert pairs(read(path, script.packets)) == expected()
    exchanges = sockfilter.read(str(path))
    list(exchanges)
    assert exchanges.ledger.segments.new_after_close == 1
    assert any("after" in name or "had ended" in name for name in exchanges.ledger.losses())


@pytest.mark.parametrize("handshake", [True, False], ids=["from the SYN on", "from the middle on"])
@pytest.mark.parametrize("ports", [(0, 1), (1, 0)])
def test_directions_on_two_interfaces_belong_together(path: Path, handshake: bool, ports: tuple[int, int]) -> None:
    """A tap has a port for each direction; with asymmetric routes, each interface has one."""
    script = Scripted()
    talk(script)
    packets = script.close().packets[0 if handshake else 3 :]
    content = section() + interface() + interface()
    for each in packets:
        content += enhanced(each.time_ns, each.frame, ports[each.end])
    path.write_bytes(content)
    exchanges = list(sockfilter.read(str(path)))
    assert pairs(exchanges) == expected()
    assert not {Problem.NO_REQUEST, Problem.NO_RESPONSE} & {p for e in exchanges for p in e.problems}
    assert len({exchange.connection.number for exchange in exchanges}) == 1


def test_whole_connections_with_the_same_addresses_on_two_interfaces_stay_apart(path: Path) -> None:
    first, second = Scripted(), Scripted(isn=(700_000_000, 900_000_000))
    talk(first)
    talk(second)
    both = [(p, 0) for p in first.close().packets] + [(p, 1) for p in second.close().packets]
    content = section() + interface() + interface()
    for each, number in sorted(both, key=lambda one: one[0].time_ns):
        content += enhanced(each.time_ns, each.frame, number)
    path.write_bytes(content)
    exchanges = list(sockfilter.read(str(path)))
    assert sorted(pairs(exchanges)) == sorted(expected() * 2)
    assert not any(exchange.problems for exchange in exchanges)


@pytest.mark.parametrize("isn", [(1000, 5000), (0xFFFFFFF0, 5000), (1000, 0xFFFFFFF8), (0xFFFFFF00, 0xFFFFFFF0)])
@pytest.mark.parametrize("status", [408, 414, 431])
def test_an_answer_before_the_head_has_ended(path: Path, isn: tuple[int, int], status: int) -> None:
    """The server has waited for too long, or has read too much: this is its answer to the request that had begun."""
    script = Scripted(isn=isn)
    talk(script, 0, 1)
    script.send(CLIENT, b"GET /early HTTP/1.1\r\nHost: shop.test\r\nCookie: ")
    script.send(SERVER, b"HTTP/1.1 %d Early\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
    script.send(SERVER, flags=FIN | ACK)
    script.send(CLIENT, flags=FIN | ACK)
    first, early = read(path, script.packets)
    assert pairs([first, early]) == [("/0", 210), ("/early", status)]
    assert Problem.EARLY_RESPONSE in early.problems


@pytest.mark.parametrize("isn", [(1000, 5000), (0xFFFFFFC8, 0xFFFFFFF0)])
def test_an_answer_before_the_head_has_ended_and_the_connection_goes_on(path: Path, isn: tuple[int, int]) -> None:
    script = Scripted(isn=isn)
    script.send(CLIENT, b"GET /0 HTTP/1.1\r\nHost: shop.test\r\nCookie: ")
    script.send(SERVER, response(0))
    script.send(CLIENT, b"x\r\n\r\n")
    talk(script, 1, 3)
    exchanges = read(path, script.close().packets)
    assert pairs(exchanges) == expected()
    assert Problem.EARLY_RESPONSE in exchanges[0].problems
    assert not any(exchange.problems for exchange in exchanges[1:])


def test_a_server_that_answers_on_accept(path: Path) -> None:
    script = Scripted()
    script.send(SERVER, b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    script.send(SERVER, flags=FIN | ACK)
    script.send(CLIENT, request(0), ack=script.next[SERVER])
    script.send(CLIENT, flags=FIN | ACK)
    (exchange,) = read(path, script.packets)
    assert pairs([exchange]) == [("/0", 503)]
    assert Problem.EARLY_RESPONSE in exchange.problems


@pytest.mark.parametrize(
    "line", [b"FOO,BAR /echo HTTP/1.1", b'G"ET / HTTP/1.1', b"GET /two words HTTP/1.1", b"GET / HTTP/11"]
)
def test_a_first_line_that_is_not_quite_one(path: Path, line: bytes) -> None:
    script = Scripted()
    script.say(CLIENT, line + b"\r\nHost: x\r\n\r\n").say(SERVER, b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n")
    (exchange,) = read(path, script.close().packets)
    assert exchange.response is not None
    assert exchange.response.status == 400
    assert exchange.request is not None
    assert exchange.request.raw.startswith(line)


@pytest.mark.parametrize("silence_ns", [STEP_NS, 4 * SECOND_NS])
def test_a_server_that_answers_on_accept_and_closes_late(path: Path, silence_ns: int) -> None:
    script = Scripted()
    script.send(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    script.send(CLIENT, request(0), ack=script.next[SERVER])
    script.wait(silence_ns).send(CLIENT, flags=FIN | ACK)
    script.wait(silence_ns).send(SERVER, flags=FIN | ACK)
    (exchange,) = read(path, script.packets)
    assert pairs([exchange]) == [("/0", 200)]
    assert exchange.problems == (Problem.EARLY_RESPONSE,)


def test_a_server_that_closes_before_it_is_asked(path: Path) -> None:
    """Its FIN crosses before anything says that this is HTTP."""
    script = Scripted()
    script.send(SERVER, flags=FIN | ACK)
    script.send(CLIENT, request(0))
    script.send(SERVER, flags=RST)
    (exchange,) = read(path, script.packets)
    assert exchange.problems == (Problem.NO_RESPONSE, Problem.RESET)
    found = sockfilter.read(str(path))
    list(found)
    assert not found.ledger.losses()


@pytest.mark.parametrize("end", [FIN | ACK, RST | ACK])
def test_a_client_that_gives_up(path: Path, end: int) -> None:
    script = Scripted()
    talk(script, 0, 1)
    script.send(CLIENT, request(1))
    script.send(CLIENT, flags=end)
    script.wait(2 * SECOND_NS)
    if end & FIN:
        script.send(SERVER, response(1))
        script.send(SERVER, flags=FIN | ACK)
    exchanges = read(path, script.packets)
    given_up = exchanges[1]
    assert given_up.request is not None
    assert given_up.request.path == "/1"
    if end & FIN:
        assert pairs(exchanges) == [("/0", 210), ("/1", 211)] or Problem.NO_RESPONSE in given_up.problems
        assert Problem.CLIENT_CLOSED in given_up.problems
    else:
        assert Problem.RESET in given_up.problems


@pytest.mark.parametrize(
    "late", [response(0), b"HTTP/1.1 102 Wait\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\nto"]
)
def test_what_comes_late_is_accounted_for(path: Path, late: bytes) -> None:
    script = Scripted()
    script.send(CLIENT, request(0))
    script.wait(2 * SECOND_NS).send(CLIENT, flags=FIN | ACK)
    script.wait(10 * SECOND_NS).send(SERVER, late)
    script.send(CLIENT, flags=RST)
    exchanges = read(path, script.packets)
    assert Problem.CLIENT_CLOSED in exchanges[0].problems
    ledger = sockfilter.read(str(path))
    list(ledger)
    assert ledger.ledger.imbalance == []
    assert ledger.ledger.messages.open == 0
    assert not ledger.ledger.losses()


def test_a_client_that_closes_before_it_is_answered_without_a_question(path: Path) -> None:
    script = Scripted()
    script.send(CLIENT, flags=FIN | ACK)
    script.send(SERVER, response(0))
    script.send(CLIENT, flags=RST)
    (exchange,) = read(path, script.packets)
    assert exchange.problems == (Problem.NO_REQUEST,)


def test_a_client_that_closes_its_half_and_is_answered_at_once_lacks_nothing(path: Path) -> None:
    script = Scripted()
    script.send(CLIENT, request(0))
    script.send(CLIENT, flags=FIN | ACK)
    script.send(SERVER, response(0))
    script.send(SERVER, flags=FIN | ACK)
    (exchange,) = read(path, script.packets)
    assert exchange.complete
    assert not exchange.problems

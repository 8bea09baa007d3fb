"""Lives of connections: when they began, how they end, and the same ports once more."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import sockfilter
from sockfilter.model import Problem
from sockfilter.system.namespace import entered
from tests.support.bpf import descriptors, empty_lru_tables
from tests.support.cable import NEAR
from tests.support.frames import ACK, FIN, REQUEST, RESPONSE, RST, SYN, Talk
from tests.support.net import namespace
from tests.support.sockets import read_exactly

if TYPE_CHECKING:
    from tests.support.cable import Cable

UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\nuntil the end"


def test_connect_time_is_from_syn_to_its_answer(cable: Cable) -> None:
    talk = Talk()
    syn, synack, *rest = talk.whole()
    with cable.capture() as capture:
        cable.pass_by(capture, syn)
        cable.pass_by(capture, synack)
        cable.pass_by(capture, *rest)
        (exchange,) = capture.exchanges
    connection = exchange.connection
    assert connection.syn_ns < connection.synack_ns < exchange.request.start_ns
    assert exchange.timing.connect == (connection.synack_ns - connection.syn_ns) / 1e9
    assert 0 < exchange.timing.wait < 1


def test_connect_time_counts_from_the_first_of_two_equal_syns(cable: Cable) -> None:
    talk = Talk()
    syn, synack, *rest = talk.whole()
    with cable.capture() as capture:
        cable.pass_by(capture, syn)
        cable.pass_by(capture, syn, synack, synack)
        cable.pass_by(capture, *rest)
        (exchange,) = capture.exchanges
    assert exchange.complete
    assert capture.ledger.packets["followed"] == 1
    # whole batches lie between the first of each and the second
    assert exchange.connection.connect_ns > 100_000


def test_connect_time_is_not_known_in_mid_stream(cable: Cable) -> None:
    talk = Talk()
    opening = talk.opening()
    with cable.capture() as capture:
        cable.pass_by(capture, *opening[2:], talk.client(), talk.server())
        (exchange,) = capture.exchanges
    assert exchange.timing.connect is None
    assert exchange.complete


def test_connect_time_is_not_known_where_only_the_answer_was_seen(cable: Cable) -> None:
    talk = Talk()
    opening = talk.opening()
    with cable.capture() as capture:
        cable.pass_by(capture, *opening[1:], talk.client(), talk.server())
        (exchange,) = capture.exchanges
    assert exchange.connection.syn_ns is None
    assert exchange.connection.synack_ns is not None
    assert exchange.timing.connect is None


def test_request_in_the_syn(cable: Cable) -> None:
    """TCP Fast Open (RFC 7413)."""
    talk = Talk()
    frames = [talk.frame(0, REQUEST, SYN), talk.frame(1, flags=SYN | ACK), talk.server(), *talk.closing()]
    with cable.capture() as capture:
        cable.pass_by(capture, *frames)
        (exchange,) = capture.exchanges
    assert exchange.request.raw == REQUEST
    assert exchange.complete
    assert not exchange.problems


def test_request_in_the_syn_of_the_kernel() -> None:
    """TCP Fast Open without a cookie, as two hosts of one owner may agree on."""
    response = b"HTTP/1.1 204 No Content\r\n\r\n"
    with namespace() as netns:
        with entered(netns):
            Path("/proc/sys/net/ipv4/tcp_fastopen").write_text(str(0x1 | 0x2 | 0x4 | 0x200))
            listener = socket.create_server(("127.0.0.1", 0))
            client = socket.socket()
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 1)
        with listener, client, sockfilter.capture("lo", netns=netns) as capture:
            client.sendto(REQUEST, socket.MSG_FASTOPEN, listener.getsockname())
            server, _ = listener.accept()
            with server:
                read_exactly(server, len(REQUEST))
                server.sendall(response)
                read_exactly(client, len(response))
            capture.flush()
            (exchange,) = capture.exchanges
    assert exchange.complete
    assert not exchange.problems


def test_same_ports_again_are_another_connection(cable: Cable) -> None:
    first, second = Talk(isn=(1000, 5000)).whole(), Talk(isn=(900_000, 70_000)).whole()
    with cable.capture() as capture:
        cable.pass_by(capture, *first)
        cable.pass_by(capture, *second)
        one, two = capture.exchanges
    assert one.complete
    assert two.complete
    assert two.connection.number > one.connection.number
    assert two.conn_seq == 1
    assert one.connection.synack_ns < two.connection.syn_ns < two.connection.synack_ns
    assert capture.ledger.packets["followed"] == 2


def test_same_ports_again_without_an_end_replace_the_connection(cable: Cable) -> None:
    talk = Talk()
    unfinished = [*talk.opening(), talk.client(b"GET /unanswered HTTP/1.1\r\n\r\n")]
    with cable.capture() as capture:
        cable.pass_by(capture, *unfinished, *Talk(isn=(900_000, 70_000)).whole())
        one, two = capture.exchanges
    assert one.request.target == "/unanswered"
    assert one.response is None
    assert Problem.REPLACED in one.problems
    assert two.complete
    assert not two.problems


def test_same_ports_again_after_something_else(cable: Cable) -> None:
    talk = Talk()
    other = [*talk.opening(), talk.client(b"\x16\x03\x01"), talk.server(b"\x16\x03\x03"), *talk.closing()]
    with cable.capture() as capture:
        cable.pass_by(capture, *other, *Talk(isn=(900_000, 70_000)).whole())
        (exchange,) = capture.exchanges
    assert exchange.complete
    assert capture.ledger.packets["not_http"] == 2


def test_same_ports_again_where_only_the_answers_are_seen(cable: Cable) -> None:
    """As on a mirror port of one direction: the SYN of the new life is not among what comes by."""
    frames = []
    for talk in (Talk(isn=(1000, 5000)), Talk(isn=(900_000, 70_000))):
        _, synack, _ = talk.opening()
        talk.client()
        frames += [synack, talk.server(), talk.frame(1, flags=FIN | ACK)]
    with cable.capture() as capture:
        cable.pass_by(capture, *frames)
    one, two = capture.exchanges
    assert one.response.body == two.response.body == b"hello"
    assert one.connection.number != two.connection.number
    assert one.connection.synack_ns < two.connection.synack_ns
    assert capture.ledger.packets["followed"] == 2


def test_connection_that_the_table_has_forgotten_goes_on(cable: Cable) -> None:
    talk, others = Talk(), descriptors()
    with cable.capture(processes=False) as capture:  # whose tables are of all connections of this machine
        cable.pass_by(capture, *talk.opening(), talk.client(), talk.server())
        assert empty_lru_tables(others) == 1
        cable.pass_by(capture, talk.client(), talk.server(), *talk.closing())
        one, two = capture.exchanges
    assert capture.ledger.packets["followed"] == 2
    assert one.connection is two.connection
    assert two.conn_seq == 2
    assert two.complete
    assert not two.problems


def test_connection_goes_on_while_more_open_than_the_table_holds(cable: Cable) -> None:
    talk = Talk()
    syns = (Talk(ports=(port, server)).frame(0, flags=SYN) for server in (81, 82) for port in range(1, 65536))
    with cable.capture(NEAR) as capture:
        cable.pass_by(capture, *talk.opening(), talk.client(), talk.server())
        cable.pass_by(capture, *syns)
        cable.pass_by(capture, talk.client(), talk.server(), *talk.closing())
        one, two = capture.exchanges
    assert one.connection is two.connection
    assert two.complete
    assert not two.problems


def test_fin_of_a_followed_connection_comes_up(cable: Cable) -> None:
    talk = Talk()
    frames = [*talk.opening(), talk.client(), talk.server(UNTIL_CLOSE)]
    with cable.capture() as capture:
        cable.pass_by(capture, *frames)
        assert not capture.exchanges
        cable.pass_by(capture, *talk.closing())
        (exchange,) = capture.exchanges
    assert exchange.response.body == b"until the end"
    assert exchange.complete
    assert capture.ledger.segments.control == 2


def test_reset_of_a_followed_connection_comes_up(cable: Cable) -> None:
    talk = Talk()
    frames = [*talk.opening(), talk.client(), talk.server(UNTIL_CLOSE), talk.frame(1, flags=RST | ACK)]
    with cable.capture() as capture:
        cable.pass_by(capture, *frames)
        (exchange,) = capture.exchanges
    assert Problem.RESET in exchange.problems
    assert not exchange.complete


def test_ends_of_other_connections_stay_in_the_kernel(cable: Cable) -> None:
    talk = Talk()
    frames = [*talk.opening(), talk.client(b"SSH-2.0-OpenSSH_9.2\r\n"), *talk.closing(), talk.frame(0, flags=RST)]
    with cable.capture() as capture:
        cable.pass_by(capture, *frames, Talk(ports=(40001, 80)).frame(0, flags=FIN | ACK))
    assert capture.ledger.packets["sent"] == 0
    assert capture.ledger.packets["no_payload"] == 8


def test_second_segment_overtook_the_first(cable: Cable) -> None:
    talk = Talk()
    opening, first, second = talk.opening(), talk.client(REQUEST[:10]), talk.client(REQUEST[10:])
    with cable.capture() as capture:
        cable.pass_by(capture, *opening, second, first, talk.server())
        (exchange,) = capture.exchanges
    assert exchange.request.raw == REQUEST
    assert exchange.complete
    assert not exchange.problems
    assert capture.ledger.segments.reordered == 1


def test_first_segment_came_twice(cable: Cable) -> None:
    talk = Talk()
    opening, request = talk.opening(), talk.client()
    with cable.capture() as capture:
        cable.pass_by(capture, *opening, request, request, talk.server())
        assert len(capture.exchanges) == 1
    assert capture.ledger.segments.retransmitted == 1


def test_connection_that_looks_like_http_only_later(cable: Cable) -> None:
    """The capture began in the middle of a body; the next request is the first thing that says what this is."""
    talk = Talk()
    talk.opening()
    body = [talk.client(b"the rest of an upload"), talk.client(b"and the last of it")]
    with cable.capture() as capture:
        cable.pass_by(capture, *body, talk.client(), talk.server())
        (exchange,) = capture.exchanges
    assert exchange.request.raw == REQUEST
    assert exchange.complete
    assert capture.ledger.packets["not_http"] == 2


def test_connection_that_is_upgraded_from_something_else(cable: Cable) -> None:
    """A proxy's greeting first, then HTTP: seen from the SYN on, and not HTTP at first."""
    talk = Talk()
    greeting = [*talk.opening(), talk.client(b"\x05\x01\x00"), talk.server(b"\x05\x00")]
    with cable.capture() as capture:
        cable.pass_by(capture, *greeting, talk.client(), talk.server())
        (exchange,) = capture.exchanges
    assert exchange.complete
    assert exchange.request.raw == REQUEST


def test_capture_that_begins_with_a_response(cable: Cable) -> None:
    talk = Talk()
    talk.opening()
    talk.client()
    with cable.capture() as capture:
        cable.pass_by(capture, talk.server(), talk.client(), talk.server())
        one, two = capture.exchanges
    assert one.request is None
    assert Problem.NO_REQUEST in one.problems
    assert Problem.MID_STREAM in one.problems
    assert one.response.body == b"hello"
    assert one.client.port == talk.ports[0]
    assert two.complete


def test_many_requests_on_one_connection(cable: Cable) -> None:
    talk = Talk()
    frames = talk.opening()
    for i in range(50):
        frames += [talk.client(REQUEST.replace(b"/x", b"/%d" % i)), talk.server(RESPONSE)]
    with cable.capture() as capture:
        cable.pass_by(capture, *frames)
        exchanges = capture.exchanges
    assert [(exchange.conn_seq, exchange.request.target) for exchange in exchanges] == [
        (i + 1, f"/{i}") for i in range(50)
    ]
    assert capture.ledger.packets["followed"] == 1


def test_sequence_numbers_that_wrap(cable: Cable) -> None:
    talk = Talk(isn=(0xFFFFFFF0, 0xFFFFFFFA))
    with cable.capture() as capture:
        cable.pass_by(capture, *talk.whole())
        (exchange,) = capture.exchanges
    assert exchange.complete
    assert not exchange.problems

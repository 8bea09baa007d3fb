"""Forms of TLS 1.3 that Python's ssl does not make: early data, key updates, padding; and secrets without a name."""

from __future__ import annotations

import pytest

from sockfilter.model import Problem
from sockfilter.model import secret as secrets
from sockfilter.tls.conversation import WAITING_BYTES_MAX, WAITING_NS
from sockfilter.tls.store import SecretStore
from tests.support.talk import CLIENT, SERVER, Dialogue
from tests.support.tls13 import (
    DATA,
    END_OF_EARLY_DATA,
    HANDSHAKE,
    HANDSHAKE_LABELS,
    RETRY,
    TICKET,
    TRAFFIC_LABELS,
    Scripted,
)

GET = b"GET /%d HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SUITES = range(0x1301, 0x1306)


def store(*scripts: Scripted) -> SecretStore:
    made = SecretStore()
    for script in scripts:
        script.add_to(made)
    made.is_complete = True
    return made


def targets(dialogue: Dialogue) -> list[str | None]:
    """The targets of the exchanges, which are whole."""
    dialogue.close()
    assert all(exchange.complete and not exchange.problems for exchange in dialogue.exchanges)
    return [exchange.request and exchange.request.target for exchange in dialogue.exchanges]


def asked(script: Scripted, *numbers: int) -> Scripted:
    for number in numbers:
        script.send(CLIENT, GET % number).send(SERVER, OK)
    return script


@pytest.mark.parametrize("suite", SUITES)
def test_suites(suite: int) -> None:
    script = asked(Scripted(suite).connect(), 1, 2)
    dialogue = Dialogue(secrets=store(script)).hear(script.said)
    assert targets(dialogue) == ["/1", "/2"]
    assert dialogue.exchanges[0].tls is not None
    assert dialogue.exchanges[0].tls.suite == script.suite.name


def test_early_data_that_the_server_takes() -> None:
    script = Scripted().hello(early=True).use(CLIENT, secrets.CLIENT_EARLY).send(CLIENT, GET % 1)
    script.answer(psk=True).extensions(early=True).send(SERVER, OK)
    script.send(CLIENT, END_OF_EARLY_DATA, HANDSHAKE).finish()
    asked(script, 2)
    dialogue = Dialogue(secrets=store(script)).hear(script.said)
    assert targets(dialogue) == ["/1", "/2"]
    assert all(exchange.tls is not None and exchange.tls.resumed for exchange in dialogue.exchanges)


@pytest.mark.parametrize("asks_again", [False, True])
@pytest.mark.parametrize("has_secret", [False, True])
def test_early_data_that_the_server_refuses(asks_again: bool, has_secret: bool) -> None:
    script = Scripted().hello(early=True).use(CLIENT, secrets.CLIENT_EARLY).send(CLIENT, GET % 7)
    if asks_again:
        script.answer(random=RETRY).send(CLIENT, GET % 8).hello().answer()
    else:
        script.answer(psk=True)
    asked(script.extensions().finish(), 1)
    known = script.add_to(SecretStore(), *([] if has_secret else script.secrets.keys() - {secrets.CLIENT_EARLY}))
    dialogue = Dialogue(secrets=known).hear(script.said)
    assert targets(dialogue) == ["/1"]
    assert dialogue.tls.left_out == 1 + asks_again


def test_key_updates() -> None:
    script = asked(Scripted().connect(), 1)
    asked(script.update(CLIENT), 2)
    asked(script.update(SERVER).update(SERVER).update(CLIENT), 3)
    assert targets(Dialogue(secrets=store(script)).hear(script.said)) == ["/1", "/2", "/3"]


def test_padding_and_messages_after_the_handshake() -> None:
    script = Scripted().connect()
    script.send(SERVER, TICKET, HANDSHAKE, padding=9).send(CLIENT, GET % 1, padding=100).send(SERVER, b"", padding=5)
    script.send(SERVER, OK[:9], padding=1).send(SERVER, TICKET[:6], HANDSHAKE).send(SERVER, TICKET[6:], HANDSHAKE)
    script.send(SERVER, OK[9:])
    assert targets(Dialogue(secrets=store(script)).hear(script.said)) == ["/1"]


def test_http_2_by_alpn_and_by_its_first_bytes() -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
    request = bytes((0, 0, 3, 1, 5, 0, 0, 0, 1)) + b"\x82\x84\x86"
    response = bytes((0, 0, 1, 1, 5, 0, 0, 0, 1)) + b"\x88"
    for alpn in (b"h2", b""):
        script = Scripted().connect(alpn).send(CLIENT, preface + request)
        script.send(SERVER, bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)) + response)
        dialogue = Dialogue(secrets=store(script)).hear(script.said)
        assert targets(dialogue) == ["/"]
        assert dialogue.exchanges[0].stream == 1


def test_what_is_not_http_is_left() -> None:
    for alpn in (b"", b"smb"):
        script = Scripted().connect(alpn).send(CLIENT, bytes(range(256))).send(SERVER, bytes(300))
        dialogue = Dialogue(secrets=store(script)).hear(script.said)
        assert not targets(dialogue)
        assert dialogue.rejected


def test_tls_in_the_tunnel_of_connect() -> None:
    script = asked(Scripted().connect(), 1)
    dialogue = Dialogue(secrets=store(script))
    dialogue.say(CLIENT, b"CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n")
    dialogue.say(SERVER, b"HTTP/1.1 200 OK\r\n\r\n").hear(script.said)
    assert targets(dialogue) == ["shop.test:443", "/1"]
    tunnel, inside = dialogue.exchanges
    assert tunnel.tls is None
    assert inside.tls is not None
    assert (tunnel.conn_seq, inside.conn_seq) == (1, 2)


def test_tls_in_tls() -> None:
    """A proxy that is asked by TLS, and TLS through it."""
    inner = asked(Scripted(seed=2).connect(), 1)
    outer = Scripted(seed=3).connect()
    outer.send(CLIENT, b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n").send(SERVER, b"HTTP/1.1 200 OK\r\n\r\n")
    for end, data in inner.said:
        outer.send(end, data)
    assert targets(Dialogue(secrets=store(inner, outer)).hear(outer.said)) == ["a:1", "/1"]


def test_secrets_without_a_client_random_are_found_by_trial() -> None:
    scripts = [asked(Scripted(seed=seed).connect(), seed) for seed in range(1, 6)]
    known = SecretStore()
    for number, script in enumerate(scripts):
        for process in (1, 2):  # both ends report
            script.add_to(known, origin="probe", process=process, owner=0x1000 + number)
    for script in reversed(scripts):
        assert len(targets(Dialogue(secrets=known).hear(script.said))) == 1
    counts = known.counts
    assert (counts.seen, counts.linked, counts.twice, counts.unused) == (50, 25, 25, 0)


def test_an_object_whose_address_is_used_again() -> None:
    known = SecretStore()
    for seed in (1, 2, 3):
        script = asked(Scripted(seed=seed).connect(), seed)
        script.add_to(known, origin="probe", process=1, owner=0x1000)
        assert targets(Dialogue(secrets=known).hear(script.said)) == [f"/{seed}"]
    assert known.counts.linked == 15


@pytest.mark.parametrize("missed", range(1, 4))
@pytest.mark.parametrize("is_late", [False, True])
def test_one_end_reports_a_part_and_the_other_all(missed: int, is_late: bool) -> None:
    """The first names the client random, as Go does, and is probed in the middle of the handshake."""
    script = asked(Scripted().connect(), 1, 2)
    known = SecretStore()
    script.add_to(known, *(*HANDSHAKE_LABELS, *TRAFFIC_LABELS)[missed:])
    dialogue = Dialogue(secrets=known)
    if is_late:
        dialogue.hear(script.said)
        assert targets(dialogue) == []
    Scripted(seed=9).add_to(known, origin="probe", owner=7)
    script.add_to(known, origin="probe", owner=8)
    if not is_late:
        dialogue.hear(script.said)
    assert targets(dialogue) == ["/1", "/2"]
    assert known.counts.seen == known.counts.linked + known.counts.twice + known.counts.unused + known.counts.lost


def test_secrets_without_a_client_random_that_come_late() -> None:
    script = asked(Scripted().connect(), 1, 2)
    for count in range(1, len(script.said)):
        known = SecretStore()
        dialogue = Dialogue(secrets=known).hear(script.said[:count])
        Scripted(seed=9).add_to(known, origin="probe", owner=7)
        script.add_to(known, origin="probe", owner=8)
        dialogue.hear(script.said[count:])
        assert targets(dialogue) == ["/1", "/2"]


def test_waiting_ends_by_time_and_by_bytes() -> None:
    script = asked(Scripted().connect(), 1)
    for is_long in (False, True):
        dialogue = Dialogue(secrets=SecretStore()).hear(script.said)
        assert not dialogue.rejected
        if is_long:
            while not dialogue.rejected:
                dialogue.say(SERVER, bytes(10_000))
                assert dialogue.talk.weight <= WAITING_BYTES_MAX + 20_000
        else:
            dialogue.now_ns += WAITING_NS
            dialogue.say(CLIENT, script.seal(CLIENT, GET % 2))
            assert dialogue.rejected
        assert dialogue.tls.connections_closed == 1
        assert not dialogue.close()


def test_a_connection_that_was_open_before() -> None:
    script = asked(Scripted().connect(), *range(20))
    late = asked(Scripted(0x1302, seed=4).connect(), *range(20))
    for said in (script.said[-20:], late.said[-20:]):
        dialogue = Dialogue(secrets=store(Scripted(seed=8), script, late), whole=False).hear(said)
        dialogue.close()
        assert [exchange.request and exchange.request.target for exchange in dialogue.exchanges] == [
            f"/{number}" for number in range(10, 20)
        ]
        assert dialogue.exchanges[0].tls is not None
        assert dialogue.exchanges[0].tls.version == "1.3"
    dialogue = Dialogue(secrets=store(Scripted(seed=8)), whole=False).hear(script.said[-20:])
    assert not dialogue.close()


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_hello(lost: int) -> None:
    """Without the server's, the suite is found by trial; without the client's, the secrets are."""
    script = asked(Scripted(0x1302).connect(), 1, 2, 3)
    others = [asked(Scripted(0x1302, seed=seed).connect(), 9) for seed in (5, 6)]
    dialogue = Dialogue(secrets=store(others[0], script, others[1]))
    for number, (end, data) in enumerate(script.said):
        if number == lost:
            dialogue.lose(end, len(data))
        else:
            dialogue.say(end, data)
    dialogue.close()
    assert [exchange.request and exchange.request.target for exchange in dialogue.exchanges] == ["/1", "/2", "/3"]
    assert all(exchange.response is not None for exchange in dialogue.exchanges)


def test_a_record_that_does_not_open_is_named() -> None:
    script = asked(Scripted().connect(), 1)
    broken = bytearray(script.seal(CLIENT, GET % 2))
    broken[-1] ^= 1
    script.say(CLIENT, bytes(broken)).send(SERVER, OK)
    asked(script, 3)
    dialogue = Dialogue(secrets=store(script)).hear(script.said)
    exchanges = dialogue.close()
    assert [exchange.request and exchange.request.target for exchange in exchanges] == ["/1", None, "/3"]
    assert dialogue.tls.failed == 1
    assert set(exchanges[1].problems) == {Problem.NO_REQUEST, Problem.UNDECRYPTABLE}


def test_random_bytes_after_the_handshake_do_no_harm() -> None:
    for kind in (20, 21, 22, DATA, 99):
        script = asked(Scripted().connect(), 1)
        script.say(SERVER, bytes((kind, 3, 3, 0, 9)) + b"123456789").say(SERVER, b"\x17\x03\x03\xff\xff" + bytes(99))
        dialogue = Dialogue(secrets=store(script)).hear(script.said)
        dialogue.close()
        assert len(dialogue.exchanges) == 1

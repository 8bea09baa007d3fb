"""What OpenSSL says with each suite and each form of handshake is opened with its key log."""

from __future__ import annotations

from ssl import TLSVersion
from typing import TYPE_CHECKING

import pytest

from sockfilter.model import Problem
from sockfilter.sources.secrets.keylog import KeyLog
from sockfilter.tls.store import SecretStore
from tests.support.talk import CLIENT, SERVER, Dialogue, facts, read
from tests.support.thorough import some
from tests.support.tls import NAME, NO_ENCRYPT_THEN_MAC, Ends, store_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.talk import Said

BODY = b"kelp " * 5000
TURNS: list[Said] = [
    (CLIENT, b"POST /a HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\nkelp!"),
    (SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 25000\r\n\r\n" + BODY),
    (CLIENT, b"GET /b HTTP/1.1\r\nHost: shop.test\r\n\r\n"),
    (SERVER, b"HTTP/1.1 204 No Content\r\n\r\n"),
]
SUITES = [
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "ec"),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", "ec"),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", "ec"),
    ("ECDHE-ECDSA-AES128-CCM", "ec"),
    ("ECDHE-ECDSA-AES256-CCM8", "ec"),
    ("ECDHE-ECDSA-AES128-SHA", "ec"),
    ("ECDHE-ECDSA-AES128-SHA256", "ec"),
    ("ECDHE-ECDSA-AES256-SHA384", "ec"),
    ("ECDHE-ECDSA-CAMELLIA256-SHA384", "ec"),
    ("AES128-GCM-SHA256", "rsa"),
    ("AES256-SHA", "rsa"),
]


def talked(ends: Ends, turns: Iterable[Said] = TURNS) -> Ends:
    for end, data in turns:
        ends.send(end, data)
    return ends.close()


def opened(said: Iterable[Said], keys: bytes) -> Dialogue:
    dialogue = Dialogue(secrets=store_of(keys)).hear(said)
    dialogue.close()
    return dialogue


def check(dialogue: Dialogue) -> None:
    """The exchanges are those of the same bytes without TLS."""
    assert facts(dialogue.exchanges) == facts(read(*TURNS))
    counts = dialogue.tls
    assert counts.opened == counts.seen > 0
    assert counts.connections == counts.connections_opened == 1


@pytest.mark.parametrize("options", [0, NO_ENCRYPT_THEN_MAC])
@pytest.mark.parametrize(("cipher", "key"), SUITES)
def test_suites_of_tls_1_2(cipher: str, key: str, options: int) -> None:
    ends = talked(Ends(TLSVersion.TLSv1_2, ciphers=cipher, key=key, options=options).connect())
    assert ends.suite == cipher
    dialogue = opened(ends.said, ends.keys)
    check(dialogue)
    tls = dialogue.exchanges[0].tls
    assert tls is not None
    assert (tls.version, tls.sni, tls.alpn, tls.resumed, tls.opened) == ("1.2", NAME, None, False, "keylog")


def test_tls_1_3() -> None:
    ends = talked(Ends(alpn=("http/1.1",)).connect())
    dialogue = opened(ends.said, ends.keys)
    check(dialogue)
    tls = dialogue.exchanges[0].tls
    assert tls is not None
    assert tls._asdict() == {
        "version": "1.3",
        "suite": "TLS_AES_256_GCM_SHA384",
        "alpn": "http/1.1",
        "sni": NAME,
        "resumed": False,
        "opened": "keylog",
    }


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_resumed_sessions(version: TLSVersion) -> None:
    ends = talked(Ends(version).connect())
    ends.said.clear()
    talked(ends.connect(ends.session))
    dialogue = opened(ends.said, ends.keys)
    check(dialogue)
    assert [exchange.tls and exchange.tls.resumed for exchange in dialogue.exchanges] == [True, True]


def test_session_of_tls_1_2_whose_resumption_no_key_log_names() -> None:
    """Go writes no line for a resumed session, which has the master secret of the first."""
    ends = talked(Ends(TLSVersion.TLSv1_2).connect())
    first, keys = list(ends.said), ends.keys
    ends.said.clear()
    talked(ends.connect(ends.session))
    store = store_of(keys)
    for said in (first, ends.said):
        dialogue = Dialogue(secrets=store).hear(said)
        dialogue.close()
        check(dialogue)
    assert store.counts.linked == 1


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_client_certificates(version: TLSVersion) -> None:
    ends = talked(Ends(version, client_certificate=True).connect())
    check(opened(ends.said, ends.keys))


def test_a_second_hello_after_a_retry() -> None:
    ends = talked(Ends(curve="secp384r1").connect())
    check(opened(ends.said, ends.keys))


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_cut_anywhere(version: TLSVersion) -> None:
    ends = talked(Ends(version).connect(), TURNS[2:])
    whole = facts(read(*TURNS[2:]))
    keys = ends.keys
    for i, (end, data) in enumerate(ends.said):
        for _, at in some(range(1, len(data)), 23):
            cut = [*ends.said[:i], (end, data[:at]), (end, data[at:]), *ends.said[i + 1 :]]
            assert facts(opened(cut, keys).exchanges) == whole
    bytewise = [(end, data[at : at + 1]) for end, data in ends.said for at in range(len(data))]
    assert facts(opened(bytewise, keys).exchanges) == whole


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_wrong_secrets_open_nothing(version: TLSVersion) -> None:
    ends = talked(Ends(version).connect())
    lines = ends.keys.splitlines()
    wrong = b"\n".join(line[:-1] + (b"0" if line[-1:] != b"0" else b"1") for line in lines)
    dialogue = opened(ends.said, wrong)
    assert not dialogue.exchanges
    assert not dialogue.tls.opened
    assert dialogue.tls.connections_closed == 1
    assert dialogue.tls.seen == dialogue.tls.failed + dialogue.tls.no_secret


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_without_secrets_nothing_is_opened_and_little_is_kept(version: TLSVersion) -> None:
    ends = talked(Ends(version).connect())
    dialogue = opened(ends.said, Ends(version).connect().keys)
    assert not dialogue.exchanges
    assert dialogue.tls.connections_closed == 1
    assert dialogue.tls.seen == dialogue.tls.no_secret
    waiting = Dialogue(secrets=SecretStore())
    for _ in range(20):
        waiting.hear(ends.said)
        assert waiting.talk.weight < 300_000
    assert waiting.rejected


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_secrets_that_come_later_than_the_bytes(version: TLSVersion) -> None:
    ends = talked(Ends(version).connect())
    for i in range(len(ends.said) + 1):
        store = SecretStore()
        dialogue = Dialogue(secrets=store).hear(ends.said[:i])
        assert i < 3 or not dialogue.exchanges
        log = KeyLog(store.add)
        log.feed(b"\n".join(reversed(ends.keys.splitlines())))
        log.end()
        dialogue.hear(ends.said[i:]).close()
        check(dialogue)


def test_only_the_clients_secrets() -> None:
    ends = talked(Ends().connect())
    keys = b"\n".join(line for line in ends.keys.splitlines() if line.startswith(b"CLIENT"))
    exchanges = opened(ends.said, keys).exchanges
    assert [exchange.request and exchange.request.target for exchange in exchanges] == ["/a", "/b"]
    assert all(exchange.response is None for exchange in exchanges)
    assert Problem.NO_SECRET in exchanges[0].problems

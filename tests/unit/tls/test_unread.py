"""Bodies that nobody needs are not decrypted where the headers of their records tell their length: before TLS 1.3."""

from __future__ import annotations

from ssl import TLSVersion
from typing import TYPE_CHECKING

import pytest

from tests.support.talk import CLIENT, SERVER, Dialogue, facts
from tests.support.tls import Ends, store_of
from tests.support.wire import NOTHING

if TYPE_CHECKING:
    from sockfilter.ledger import TlsCounts
    from tests.support.talk import Said

BODY = bytes(300_000)
SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TURNS: list[Said] = [
    (CLIENT, b"GET /large HTTP/1.1\r\nHost: shop.test\r\n\r\n"),
    (SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY),
    (CLIENT, b"GET /small HTTP/1.1\r\nHost: shop.test\r\n\r\n"),
    (SERVER, SMALL),
    (CLIENT, b"POST /large HTTP/1.1\r\nHost: shop.test\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY),
    (SERVER, SMALL),
]
SIZES = [1000, 16_413, 65_483]
AEAD = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-CCM8"]


def cut(said: list[Said], size: int) -> list[Said]:
    return [(end, data[at : at + size]) for end, data in said for at in range(0, len(data), size)]


def heard(ends: Ends, size: int) -> Dialogue:
    dialogue = Dialogue(NOTHING, secrets=store_of(ends.keys)).hear(cut(ends.said, size))
    dialogue.close()
    return dialogue


def talked(version: TLSVersion, ciphers: str = "") -> Ends:
    ends = Ends(version, ciphers=ciphers).connect()
    for end, data in TURNS:
        ends.send(end, data)
    return ends


def balanced(tls: TlsCounts) -> bool:
    return tls.seen == tls.opened + tls.left_out and tls.failed == tls.no_secret == 0


def expected() -> Dialogue:
    dialogue = Dialogue(NOTHING).hear(TURNS)
    dialogue.close()
    return dialogue


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cipher", AEAD)
def test_a_body_is_passed_over_and_what_follows_is_opened(cipher: str, size: int) -> None:
    dialogue = heard(talked(TLSVersion.TLSv1_2, cipher), size)
    assert facts(dialogue.exchanges) == facts(expected().exchanges)
    assert balanced(dialogue.tls)
    assert dialogue.tls.left_out > 30  # of both bodies, 36 records are whole


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("version", "cipher"), [(TLSVersion.TLSv1_3, ""), (TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA256")]
)
def test_with_padding_everything_is_opened(version: TLSVersion, cipher: str, size: int) -> None:
    """The header of a record tells only the most that it may carry."""
    dialogue = heard(talked(version, cipher), size)
    assert facts(dialogue.exchanges) == facts(expected().exchanges)
    assert balanced(dialogue.tls)
    assert dialogue.tls.left_out == 0


@pytest.mark.parametrize("lost", [20, 100, 200])
def test_a_loss_among_them_has_its_exact_size(lost: int) -> None:
    """The rest of the body is opened, as the record after the loss must be; then the next exchange follows."""
    ends = talked(TLSVersion.TLSv1_2, AEAD[0])
    dialogue = Dialogue(NOTHING, secrets=store_of(ends.keys))
    for number, (end, data) in enumerate(cut(ends.said, 1400)):
        if number == lost:
            dialogue.lose(end, len(data))
        else:
            dialogue.say(end, data)
    dialogue.close()
    assert [exchange.request.target for exchange in dialogue.exchanges if exchange.request] == [
        "/large",
        "/small",
        "/large",
    ]
    assert balanced(dialogue.tls)
    assert dialogue.tls.left_out > 20

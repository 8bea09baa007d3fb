"""The openers in C and in Python: both open the same records, and neither opens a damaged one."""

from __future__ import annotations

import os
from ssl import TLSVersion
from typing import TYPE_CHECKING, Any

import pytest

from sockfilter.tls import opening, suites
from sockfilter.tls.records import APPLICATION_DATA
from tests.support.talk import CLIENT, SERVER
from tests.support.tls import NO_ENCRYPT_THEN_MAC, Ends
from tests.unit.tls.test_suites import BODY, SUITES, TURNS, check, opened, talked

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.tls.opening import Opener

OLD = [
    (TLSVersion.TLSv1, "ECDHE-ECDSA-AES128-SHA", "ec"),
    (TLSVersion.TLSv1, "AES256-SHA", "rsa"),
    (TLSVersion.TLSv1_1, "ECDHE-ECDSA-AES256-SHA", "ec"),
]
ALL = [*((TLSVersion.TLSv1_2, cipher, key) for cipher, key in SUITES), *OLD, (TLSVersion.TLSv1_3, "", "ec")]
pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
SECRET = bytes(range(48))
# a record of TLS 1.3, and those of a server's body that TLS 1.2 cuts at 16 KiB
NUMBER = 3


class Both:
    """Opens with C and with Python, and compares them."""

    def __init__(self, first: Opener, second: Opener) -> None:
        assert type(first) is not type(second)
        assert (first.overhead, first.is_exact) == (second.overhead, second.is_exact)
        assert first.is_sized == second.is_sized
        self.overhead, self.is_exact, self.is_sized = first.overhead, first.is_exact, first.is_sized
        self._openers = first, second

    def open(self, header: bytes, body: bytes, number: int) -> bytes | None:
        first, second = (opener.open(header, body, number) for opener in self._openers)
        assert first == second
        return first

    def open_run(self, data: bytes, number: int) -> tuple[bytes, int, int, int]:
        first, second = (opener.open_run(data, number) for opener in self._openers)
        assert first == second
        return first


def in_python(make: Callable[[], Opener]) -> Opener:
    native, opening.native = opening.native, None
    try:
        return make()
    finally:
        opening.native = native


@pytest.fixture
def _both(monkeypatch: pytest.MonkeyPatch) -> None:
    """The conversations open with both."""
    made = opening._made
    monkeypatch.setattr(opening, "_made", lambda *args: Both(made(*args), in_python(lambda: made(*args))))


@pytest.mark.usefixtures("_both")
@pytest.mark.parametrize("options", [0, NO_ENCRYPT_THEN_MAC])
@pytest.mark.parametrize(("version", "cipher", "key"), ALL)
def test_they_open_the_same(version: TLSVersion, cipher: str, key: str, options: int) -> None:
    ends = talked(Ends(version, ciphers=cipher, key=key, options=options).connect())
    check(opened(ends.said, ends.keys))


@pytest.mark.usefixtures("_both")
def test_records_that_are_damaged_open_in_neither() -> None:
    for version, cipher, key in ALL:
        ends = Ends(version, ciphers=cipher, key=key).connect()
        for end, data in TURNS:
            ends.send(end, data)
        said = [(end, bytearray(data)) for end, data in ends.said]
        said[-1][1][-1] ^= 1
        dialogue = opened([(end, bytes(data)) for end, data in said], ends.keys)
        assert dialogue.tls.failed == 1


@pytest.mark.parametrize("number", sorted(range(0x1301, 0x1306)))
def test_suites_of_tls_1_3(number: int) -> None:
    suite = suites.suite_of(number)
    assert suite is not None
    from sockfilter.tls.schedule import traffic_keys

    key, iv = traffic_keys(suite.hash, SECRET, suite.key_bytes)
    slow = in_python(lambda: opening.traffic_opener(suite, SECRET))
    both = Both(opening.traffic_opener(suite, SECRET), slow)
    records = b""
    for count, content in enumerate((b"kelp\x17", b"\x17", b"x" * 16384 + b"\x17", b"padded\x17\0\0", b"last\x17")):
        header = b"\x17\x03\x03" + (len(content) + suite.tag_bytes).to_bytes(2, "big")
        nonce = (int.from_bytes(iv, "big") ^ NUMBER + count).to_bytes(12, "big")
        sealed = sealing(suite, key).encrypt(nonce, content, header)
        assert both.open(header, sealed, NUMBER + count) == content
        assert both.open(header, sealed, NUMBER + count + 1) is None
        assert both.open(header, sealed[:-1], NUMBER + count) is None
        records += header + sealed
    content, count, size, kind = both.open_run(records, NUMBER)
    assert (content, count) == (b"kelp" + b"x" * 16384, 3)  # the padded record is the first that is unusual
    assert kind == APPLICATION_DATA
    assert both.open_run(records[size:], NUMBER + count)[:3] == (b"", 0, 0)
    assert both.open_run(records, NUMBER + 1)[:3] == (b"", 0, 0)
    for cut in (0, 1, 4, 5, 6, size - 1):
        both.open_run(records[:cut], NUMBER)
    for size in range(suite.tag_bytes + 1):
        assert both.open(b"\x17\x03\x03\0" + bytes((size,)), os.urandom(size), 0) is None


def sealing(suite: suites.Suite, key: bytes) -> Any:
    """Seals records with an independent implementation."""
    from cryptography.hazmat.primitives.ciphers import aead

    if suite.cipher is suites.Cipher.CCM:
        return aead.AESCCM(key, tag_length=suite.tag_bytes)
    return aead.ChaCha20Poly1305(key) if suite.cipher is suites.Cipher.CHACHA20 else aead.AESGCM(key)


def test_a_run_longer_than_what_is_opened_at_a_time() -> None:
    """What does not fit into the memory for content stays for the next call."""
    ends = Ends().connect()
    ends.send(CLIENT, TURNS[0][1])
    size = 60 * len(BODY)
    ends.send(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + 60 * BODY)
    dialogue = opened(ends.said, ends.keys)
    [exchange] = dialogue.exchanges
    assert exchange.response is not None
    assert exchange.response.body.length == size

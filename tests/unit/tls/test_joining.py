"""A connection that was open before is joined by a copy of its object's memory, wherever the secret is in it.

Nothing else opens it: what looks like a secret and is none, or is that of another connection.
"""

from __future__ import annotations

from random import Random
from ssl import TLSVersion

import pytest

from sockfilter.model.snapshot import Snapshot
from sockfilter.tls import hellos
from sockfilter.tls.joining import TRIES_MAX, Joiner
from sockfilter.tls.reading import Record
from sockfilter.tls.snapshots import Snapshots
from sockfilter.tls.store import SecretStore
from tests.support.talk import Dialogue, Said, facts
from tests.support.tls import NO_ENCRYPT_THEN_MAC, Ends

REQUEST = b"GET /%d HTTP/1.1\r\nHost: shop.test\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
TLS12, TLS13 = TLSVersion.TLSv1_2, TLSVersion.TLSv1_3
# records of each end before the copy
BEFORE = 3
# the suites, as OpenSSL names them, and whether a copy names the suite
SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-ECDSA-AES128-CCM",
)


class Open:
    """A connection that is open.

    keys: its secrets by label; client_random, server_random: those of its hellos; begun: what passed by now.
    """

    def __init__(self, version: TLSVersion, ciphers: str = "", options: int = 0) -> None:
        self._ends = Ends(version, ciphers=ciphers, options=options).connect()
        self.keys = {}
        self.client_random = b""
        for line in self._ends.keys.decode().splitlines():
            if line and line[0] != "#":
                label, random, secret = line.split()
                self.client_random, self.keys[label] = bytes.fromhex(random), bytes.fromhex(secret)
        hello = next(data for end, data in self._ends.said if end == 1)
        found = hellos.server_hello(hello[9 : 9 + int.from_bytes(hello[6:9], "big")])
        assert found is not None
        self.server_random, self.suite = found.random, found.suite
        for number in range(BEFORE):
            self._ends.send(0, REQUEST % number).send(1, RESPONSE)
        self._begun = len(self._ends.said)

    def goes_on(self, first: int = BEFORE, count: int = 2) -> list[Said]:
        """What passes from now on."""
        begun = len(self._ends.said)
        for number in range(first, first + count):
            self._ends.send(0, REQUEST % number).send(1, RESPONSE)
        return self._ends.said[begun:]


class Memory:
    """Memory with all kinds of things in it.

    seed: of what looks random and is of no use.
    """

    def __init__(self, size: int, seed: int = 1) -> None:
        self._content = bytearray(size)
        self._random = Random(seed)

    def put(self, at: int, content: bytes) -> Memory:
        self._content[at : at + len(content)] = content
        return self

    def put_noise(self, at: int, size: int) -> Memory:
        return self.put(at, self._random.randbytes(size))

    def __bytes__(self) -> bytes:
        return bytes(self._content)


def of_openssl(made: Open, numbers: tuple[int, int]) -> Snapshot:
    """Arrays of 64 bytes that are filled with zeros; a session that the object points to."""
    memory = Memory(4096).put(0x100, made.server_random + made.client_random)
    memory.put(0x200, numbers[0].to_bytes(8, "big")).put(0x208, numbers[1].to_bytes(8, "big"))
    for at in range(0x404, 0x800, 0x40):
        memory.put_noise(at, 48)
    session = Memory(512).put(0x10, (48).to_bytes(8, "little"))
    blocks = {0x18: bytes(session), 0x20: bytes(Memory(512).put(0x18, (0x03000000 | made.suite).to_bytes(4, "little")))}
    if "CLIENT_RANDOM" in made.keys:
        blocks[0x18] = bytes(session.put(0x58, made.keys["CLIENT_RANDOM"]))
    else:
        memory.put(0x704, bytes(64)).put(0x704, made.keys["CLIENT_TRAFFIC_SECRET_0"])
        memory.put(0x744, bytes(64)).put(0x744, made.keys["SERVER_TRAFFIC_SECRET_0"])
    return Snapshot(1, 0x1000, 0, bytes(memory), blocks)


def of_go(made: Open, numbers: tuple[int, int]) -> Snapshot:
    """Secrets of their own size at the beginning of what the object points to, with something else behind them."""
    memory = Memory(1024).put(0x200, numbers[0].to_bytes(8, "big")).put(0x300, numbers[1].to_bytes(8, "big"))
    labels = ("CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0")
    blocks = {
        0x10 * at: bytes(Memory(512, at).put_noise(0, 512).put(0, made.keys[label]))
        for at, label in enumerate(labels, 1)
    }
    return Snapshot(1, 0x1000, 0, bytes(memory), blocks)


def of_gnutls(made: Open, _: tuple[int, int]) -> Snapshot:
    """A master secret with both randoms behind it, and record numbers elsewhere."""
    memory = Memory(4096).put(0x80, made.keys["CLIENT_RANDOM"] + made.client_random + made.server_random)
    return Snapshot(1, 0x1000, 0, bytes(memory), {})


def joined(said: list[Said], *copies: Snapshot) -> Dialogue:
    store = SecretStore()
    store.join = lambda: False
    for copy in copies:
        store.add_snapshot(copy)
    return Dialogue(secrets=store, whole=False).hear(said)


def check(dialogue: Dialogue, count: int = 2) -> None:
    exchanges = dialogue.close()
    assert [exchange.request.target for exchange in exchanges if exchange.request] == [
        f"/{number}" for number in range(BEFORE, BEFORE + count)
    ]
    assert [exchange.problems for exchange in exchanges] == [()] * count
    assert {exchange.tls and exchange.tls.opened for exchange in exchanges} == {"snapshot"}
    assert (dialogue.tls.failed, dialogue.tls.no_secret, dialogue.tls.mid_stream) == (0, 0, 0)


@pytest.mark.parametrize("version", [TLS13, TLS12])
@pytest.mark.parametrize("far", [0, 1, -1])
def test_arrays_in_the_object(version: TLSVersion, far: int) -> None:
    made = Open(version)
    numbers = {TLS13: (BEFORE + far, BEFORE + 2 + far), TLS12: (BEFORE + 1 + far, BEFORE + 1 + far)}[version]
    dialogue = joined(made.goes_on(), of_openssl(made, numbers))
    check(dialogue)
    tls = dialogue.exchanges[0].tls
    assert tls is not None
    assert tls.version == {TLS13: "1.3", TLS12: "1.2"}[version]
    assert tls.suite is not None


@pytest.mark.parametrize("options", [0, NO_ENCRYPT_THEN_MAC])
@pytest.mark.parametrize("suite", SUITES)
def test_every_way_of_protecting_records(suite: str, options: int) -> None:
    made = Open(TLS12, suite, options)
    check(joined(made.goes_on(), of_openssl(made, (BEFORE + 1, BEFORE + 1))))


def test_secrets_that_the_object_points_to() -> None:
    made = Open(TLS13)
    check(joined(made.goes_on(), of_go(made, (BEFORE, BEFORE + 2))))


def test_no_record_number_and_no_suite_in_the_copy() -> None:
    made = Open(TLS12)
    dialogue = joined(made.goes_on(), of_gnutls(made, (0, 0)))
    check(dialogue)
    tls = dialogue.exchanges[0].tls
    assert tls is not None
    assert tls.suite is None  # ECDHE or not, with RSA or ECDSA: that does not matter for records


@pytest.mark.parametrize("version", [TLS13, TLS12])
def test_the_copies_of_others_open_nothing(version: TLSVersion) -> None:
    made, others = Open(version), [Open(version) for _ in range(5)]
    said = made.goes_on()
    dialogue = joined(said, *(of_openssl(other, (BEFORE + 1, BEFORE + 1)) for other in others))
    assert facts(dialogue.close()) == []
    assert (dialogue.tls.opened, dialogue.tls.mid_stream) == (0, 1)


@pytest.mark.parametrize("seed", range(4))
def test_noise_opens_nothing_and_does_not_take_long(seed: int) -> None:
    random = Random(seed)
    snapshots = Snapshots()
    for _ in range(20):
        memory = random.choice([random.randbytes, bytes])
        blocks = {at * 8: random.randbytes(512) for at in range(64)}
        snapshots.add(Snapshot(1, 0x1000, 0, memory(8192), blocks))
    joiner = Joiner(snapshots)
    for position in range(50):
        record = Record(23, b"\x17\x03\x03\0\x60", random.randbytes(96), position * 101, 0)
        assert joiner.find(0, record, 0, is_last=True) is None
    assert joiner.tries < TRIES_MAX + 1000


def test_a_copy_says_nothing_of_its_bytes() -> None:
    made = Open(TLS13)
    copy = of_openssl(made, (1, 1))
    snapshots = Snapshots()
    snapshots.add(copy)
    shown = f"{copy!r} {copy} {snapshots.since(0, 0)!r}"
    assert made.keys["CLIENT_TRAFFIC_SECRET_0"][:4].hex() not in shown
    assert repr(made.keys["CLIENT_TRAFFIC_SECRET_0"])[2:12] not in shown


@pytest.mark.parametrize("count", [2, 20])
def test_a_copy_that_comes_later(count: int) -> None:
    """The bytes wait for it."""
    made = Open(TLS13)
    store = SecretStore()
    store.join = lambda: True
    said = made.goes_on(count=count)
    dialogue = Dialogue(secrets=store, whole=False).hear(said[:2])
    assert not dialogue.exchanges
    store.add_snapshot(of_openssl(Open(TLS13), (9, 9)))
    assert not dialogue.exchanges
    store.add_snapshot(of_openssl(made, (BEFORE, BEFORE + 2)))
    check(dialogue.hear(said[2:]), count)

"""HTTPS beside HTTP, on the road and without a network: `python -m tests.bench.https [EXCHANGES]`. Needs no root.

The same exchanges pass on one connection, in the clear and in TLS of several suites, in turn. What a record costs is
the difference, divided by the number of records; beside it is what a message of HTTP costs, on the same processor at
the same time, without the lane, which has no TLS.

Then connections with one exchange each, 16 at a time, in the clear and in TLS 1.3. Their secrets are known by their
client random, as in a key log, or by their process alone, as by a probe on both ends.
"""

from __future__ import annotations

import gc
import ssl
import sys
from time import thread_time
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.secret import PROBE, Secret
from sockfilter.road.pipeline import Pipeline
from sockfilter.sources.secrets.keylog import KeyLog
from sockfilter.tls.store import SecretStore
from tests.support.tls import Ends, store_of
from tests.support.wire import NOTHING, Orders, Wire, packed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.talk import Said

EXCHANGES = 1000
ROUNDS = 7
# bytes of a body: a small answer, a page's part, and a record of nearly the largest size
SIZES = (100, 1300, 16_000)
BATCH = 64
# connections that begin together
TOGETHER = 16
REQUEST = b"GET /items/%d HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
SUITES: dict[str, dict[str, object]] = {
    "TLS 1.3, AES-256-GCM": {},
    "TLS 1.2, ChaCha20": {"version": ssl.TLSVersion.TLSv1_2, "ciphers": "ECDHE-ECDSA-CHACHA20-POLY1305"},
    "TLS 1.2, AES-128-CBC": {"version": ssl.TLSVersion.TLSv1_2, "ciphers": "ECDHE-ECDSA-AES128-SHA256"},
}


class Way(NamedTuple):
    """The same exchanges in one form: their segments in batches, and the key log that opens them."""

    batches: list[tuple[memoryview, list[int]]]
    keys: bytes


def plain(count: int, size: int) -> list[Said]:
    body = RESPONSE % size + b"x" * size
    return [part for number in range(count) for part in ((0, REQUEST % number), (1, body))]


def way(said: Iterable[Said], keys: bytes = b"") -> Way:
    wire = Wire()
    talker = wire.connection()
    for end, data in said:
        talker.send(end, data)
    return Way(list(packed(wire.records, BATCH)), keys)


def cost_us(each: Way) -> tuple[float, int]:
    """Microseconds of the processor's time, and the records of TLS that were opened."""
    orders = Orders()
    store = store_of(each.keys) if each.keys else None
    pipeline = Pipeline(
        orders, orders, NOTHING, lambda first, second: True, lambda exchange: None, has_lane=False, secrets=store
    )
    began = thread_time()
    for view, offsets in each.batches:
        pipeline.consume(view, offsets)
    took = thread_time() - began
    return took * 1e6, pipeline.ledger([0] * 16, 0).tls.opened


def measured(count: int, size: int) -> dict[str, tuple[float, int]]:
    """The least cost of each way in some rounds."""
    said = plain(count, size)
    ways = {"HTTP": way(said)}
    for name, words in SUITES.items():
        ends = Ends(**words).connect()  # type: ignore[arg-type]  # they are the arguments of Ends
        for end, data in said:
            ends.send(end, data)
        ways[name] = way(ends.said, ends.keys)
    gc.collect()
    rounds = [{name: cost_us(each) for name, each in ways.items()} for _ in range(ROUNDS)]
    return {name: min(one[name] for one in rounds) for name in ways}


class Step(NamedTuple):
    """What is reported, and what passes then."""

    secrets: list[Secret]
    batches: list[tuple[memoryview, list[int]]]


def secrets_of(keys: bytes, number: int, *, is_named: bool) -> list[Secret]:
    """The secrets of a connection as two processes report them."""
    found: list[Secret] = []
    log = KeyLog(found.append)
    log.feed(keys)
    log.end()
    if is_named:
        return found
    names = [each._replace(client_random=b"", origin=PROBE, owner=number) for each in found]
    return [each._replace(process=process) for process in (1, 2) for each in names]


def steps(talks: Iterable[tuple[list[Said], list[Secret]]]) -> list[Step]:
    """Connections in groups: first all client hellos, then all answers, and so on."""
    wire, made, rest = Wire(), [], list(talks)
    port = 1024
    while rest:
        group, rest = rest[:TOGETHER], rest[TOGETHER:]
        talkers = []
        for _ in group:
            port += 1
            talkers.append(wire.connection(f"10.0.0.1:{port}", "10.0.0.2:443"))
        for turn in range(max(len(said) for said, _ in group)):
            for talker, (said, _) in zip(talkers, group, strict=True):
                if turn < len(said):
                    talker.send(*said[turn])
            if turn == len(group[0][0]) - 1:
                for talker in talkers:
                    talker.close()
            secrets = [each for _, some in group for each in some] if turn == 1 else []
            made.append(Step(secrets, list(packed(wire.records, BATCH))))
            wire.records.clear()
    return made


def cost_of_steps_us(some: list[Step]) -> tuple[float, int]:
    """Microseconds of the processor's time, and the connections of TLS that were opened."""
    orders, store = Orders(), SecretStore()
    pipeline = Pipeline(
        orders, orders, NOTHING, lambda first, second: True, lambda exchange: None, has_lane=False, secrets=store
    )
    began = thread_time()
    for step in some:
        for secret in step.secrets:
            store.add(secret)
        for view, offsets in step.batches:
            pipeline.consume(view, offsets)
    took = thread_time() - began
    return took * 1e6, pipeline.ledger([0] * 16, 0).tls.connections_opened


def connections(count: int) -> None:
    """Prints what a new connection costs."""
    said = [(0, REQUEST % 1), (1, RESPONSE % 100 + b"x" * 100)]
    ends = []
    for _ in range(count):
        each = Ends().connect()
        for end, data in said:
            each.send(end, data)
        ends.append(each.close())
    ways = {"HTTP": steps((said, []) for _ in ends)}
    for name, is_named in (("TLS 1.3, key log", True), ("TLS 1.3, probes", False)):
        talks = ((each.said, secrets_of(each.keys, number, is_named=is_named)) for number, each in enumerate(ends))
        ways[name] = steps(talks)
    rounds = [{name: cost_of_steps_us(some) for name, some in ways.items()} for _ in range(ROUNDS)]
    print(f"\n{'':6}  {'':22} {'us a connection':>15} {'opened':>7}")
    for name in ways:
        took, opened = min(one[name] for one in rounds)
        print(f"{'':6}  {name:22} {took / count:15.1f} {opened:7}")


def main() -> None:
    """Prints a line for each size and suite, and for each kind of connection."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else EXCHANGES
    print(f"{'body':>6}  {'':22} {'us a record':>12} {'of a message':>13}")
    for size in SIZES:
        found = measured(count, size)
        message = found["HTTP"][0] / (2 * count)
        print(f"{size:>6}  {'HTTP: a message':22} {message:12.2f}")
        for name in SUITES:
            took, records = found[name]
            record = (took - found["HTTP"][0]) / records
            print(f"{size:>6}  {name:22} {record:12.2f} {record / message:12.2f}x")
    connections(count // 5)


if __name__ == "__main__":
    main()

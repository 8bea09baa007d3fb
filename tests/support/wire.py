"""Traffic without a kernel: records as the program would send them, through the whole pipeline."""

from __future__ import annotations

import ipaddress
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate, count, product
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.forms.json_dict import to_dict
from sockfilter.forms.json_values import ENCODE
from sockfilter.ledger import PACKET_COUNTERS
from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.outputs.lines import TextOutput
from sockfilter.packets.records import (
    COLD,
    HOT,
    INDEX,
    MARK_ISN0,
    MARK_ISN1,
    PORTS,
    SEGMENT,
    V4_MAPPED,
)
from sockfilter.protocols.body import BodyPolicy
from sockfilter.protocols.http1 import head as heads
from sockfilter.road.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sockfilter.ledger import Ledger
    from sockfilter.model import Exchange
    from sockfilter.model.lines import Lines
    from sockfilter.outputs.output import Output

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
MASK = 0xFFFFFFFF
MILLISECOND = 1_000_000
EVERYTHING = BodyPolicy(1 << 62)
NOTHING = BodyPolicy(0, decodes=False)


class Form(NamedTuple):
    """An output of lines, and what the command keeps of bodies for it."""

    make: Callable[..., Output]
    policy: BodyPolicy


TEXT = Form(TextOutput, NOTHING)
JSON = Form(JsonOutput, BodyPolicy(0))
# records that the lane takes at a time
BATCH = 5


@dataclass(frozen=True)
class Record:
    """One record; data is its payload, of which the first kept bytes are in it."""

    time_ns: int
    stream: int
    seq: int
    ack: int
    flags: int
    data: bytes
    kept: int
    flow: bytes
    isn: tuple[int | None, int | None]
    syn_ns: int
    synack_ns: int
    early: int = 0

    def pack(self) -> bytes:
        header = bytes(66)  # where Ethernet, IP and TCP headers would be: nothing reads them
        kept = self.data[: self.kept]
        size = len(header) + len(self.data)
        marks = (self.isn[0] is not None) * MARK_ISN0 | (self.isn[1] is not None) * MARK_ISN1 | self.early * 32
        hot = HOT.pack(
            self.time_ns,
            self.stream,
            self.seq,
            self.ack,
            len(self.data),
            len(kept),
            size,
            len(header) + len(kept),
            len(header),
            self.flags,
            SEGMENT,
        )
        isn0, isn1 = self.isn
        cold = COLD.pack(marks, 0, 0x0800, 0, 0, isn0 or 0, isn1 or 0, 0, self.syn_ns, self.synack_ns)
        packed = hot + cold + self.flow + header + kept
        return packed + bytes(-len(packed) % 8)


class Talker:
    """A connection under construction: client() and server() append records, in order and with right numbers.

    whole: seen from the SYN on, so that both initial sequence numbers are known.
    """

    def __init__(self, wire: Wire, stream: int, client: str, server: str, whole: bool, isn: tuple[int, int]) -> None:
        self.wire = wire
        self.ends = (_endpoint(client), _endpoint(server))
        # the end with the lower port comes first, as in the kernel
        self.first = 0 if self.ends[0][1] < self.ends[1][1] else 1
        self.stream = stream
        self.next = [(isn[0] + 1) & MASK, (isn[1] + 1) & MASK]
        low, high = self.ends[self.first], self.ends[1 - self.first]
        self.flow = low[0] + high[0] + PORTS.pack(low[1], high[1]) + INDEX.pack(1)
        known = isn if whole else (None, None)
        self.isn = (known[self.first], known[1 - self.first])
        self.syn_ns = wire.tick() if whole else 0
        self.synack_ns = wire.tick() if whole else 0

    def client(self, data: bytes, **changes: int) -> Record:
        return self.send(0, data, **changes)

    def server(self, data: bytes, **changes: int) -> Record:
        return self.send(1, data, **changes)

    def send(self, end: int, data: bytes, flags: int = PSH | ACK, **changes: int) -> Record:
        record = Record(
            time_ns=self.wire.tick(),
            stream=self.stream | (end ^ self.first),
            seq=self.next[end],
            ack=self.next[1 - end],
            flags=flags,
            data=data,
            kept=len(data),
            flow=self.flow,
            isn=self.isn,
            syn_ns=self.syn_ns,
            synack_ns=self.synack_ns,
        )
        record = replace(record, **changes)
        self.next[end] = (record.seq + len(data) + bool(flags & (SYN | FIN))) & MASK
        self.wire.records.append(record)
        return record

    def fin(self, end: int) -> Record:
        return self.send(end, b"", FIN | ACK)

    def reset(self, end: int) -> Record:
        return self.send(end, b"", RST | ACK)

    def close(self) -> None:
        self.fin(0)
        self.fin(1)


class Orders:
    """Keeps what the pipeline asks of its source."""

    clock_offset_ns = 0

    def __init__(self) -> None:
        self.given: list[tuple[str, int, int]] = []

    def interface_name(self, index: int) -> str:
        return f"test{index}"

    def skip(self, stream: int, until_seq: int) -> None:
        self.given.append(("skip", stream, until_seq))

    def skip_content(self, stream: int, number: int) -> bool:
        self.given.append(("skip_content", stream, number))
        return True

    def take_all(self, stream: int) -> None:
        self.given.append(("take_all", stream, 0))

    def reject(self, stream: int) -> None:
        self.given.append(("reject", stream, 0))

    def forget(self, stream: int) -> None:
        self.given.append(("forget", stream, 0))


class Wire:
    """Records of some connections, in the order in which they passed."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.orders = Orders()
        self.now_ns = 1_000_000_000
        self._streams = count(2, 2)
        self.ledger: Ledger | None = None

    def tick(self, ns: int = MILLISECOND) -> int:
        self.now_ns += ns
        return self.now_ns

    def connection(
        self,
        client: str = "10.0.0.1:40000",
        server: str = "10.0.0.2:80",
        whole: bool = True,
        isn: tuple[int, int] = (1000, 5000),
    ) -> Talker:
        return Talker(self, next(self._streams), client, server, whole, isn)

    def read(
        self, records: Iterable[Record] | None = None, policy: BodyPolicy = EVERYTHING, end: bool = True
    ) -> list[Exchange]:
        """The exchanges that come out; the ledger is kept. end: the capture ends behind the last record.

        The lane, and records in batches, must make no difference.
        """
        records = list(self.records if records is None else records)
        exchanges, self.ledger = read_by(Road(self.orders, policy, end, has_lane=False), records)
        with told_at_once():
            found, ledger = read_by(Road(Orders(), policy, end, has_lane=True, batch=BATCH), records)
        assert [account(x) for x in found] == [account(x) for x in exchanges]
        assert ledger == self.ledger
        return exchanges

    def read_in_every_way(
        self, records: Iterable[Record] | None = None, policy: BodyPolicy = EVERYTHING, end: bool = True
    ) -> list[Exchange]:
        """The same, for what the lane has to be told apart by: other batches, no bodies, and each form."""
        records = list(self.records if records is None else records)
        exchanges = self.read(records, policy, end)
        one_by_one = read_by(Road(Orders(), policy, end, has_lane=True), records)
        assert [account(x) for x in one_by_one[0]] == [account(x) for x in exchanges]
        assert one_by_one[1] == self.ledger
        without, ledger = read_by(Road(Orders(), NOTHING, end, has_lane=False), records)
        for size in (1, BATCH):
            found = read_by(Road(Orders(), NOTHING, end, has_lane=True, batch=size), records)
            assert [account(x) for x in found[0]] == [account(x) for x in without]
            assert found[1] == ledger
        for form in (TEXT, JSON):
            roads = (Road(Orders(), form.policy, end, has_lane, batch=3) for has_lane in (True, False))
            written, rendered = (lines_of(records, road, form) for road in roads)
            assert written == rendered
        assert_json_says_the_same(exchanges)
        return exchanges


@contextmanager
def told_at_once() -> Iterator[None]:
    """First bytes do not wait until a head is whole."""
    usual = heads.is_unfinished
    heads.is_unfinished = lambda data: False
    try:
        yield
    finally:
        heads.is_unfinished = usual


class Road(NamedTuple):
    """How records are read."""

    orders: Orders
    policy: BodyPolicy
    end: bool
    has_lane: bool
    batch: int = 1  # records


def read_by(road: Road, records: list[Record]) -> tuple[list[Exchange], Ledger]:
    exchanges: list[Exchange] = []
    return exchanges, read_records(road, records, exchanges.append)


def read_records(
    road: Road, records: list[Record], emit: Callable[[Exchange], None], lines: Lines | None = None
) -> Ledger:
    pipeline = Pipeline(road.orders, road.orders, road.policy, lambda first, second: True, emit, lines, road.has_lane)
    for view, offsets in packed(records, road.batch):
        pipeline.consume(view, offsets)
    if road.end:
        pipeline.close(max((record.time_ns for record in records), default=0))
    sent = [0] * len(PACKET_COUNTERS)
    sent[0] = sent[8] = len(records)
    return pipeline.ledger(sent, len(records))


def packed(records: list[Record], batch: int) -> Iterator[tuple[memoryview, list[int]]]:
    """Records as a source hands them over: so many at a time, and where each begins."""
    for start in range(0, len(records), batch):
        parts = [record.pack() for record in records[start : start + batch]]
        yield memoryview(b"".join(parts)), list(accumulate(map(len, parts[:-1]), initial=0))


class Paper:
    """What is written to it."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: memoryview) -> int:
        self.data += data
        return len(data)


def lines_of(
    records: list[Record], road: Road, form: Form, show_secrets: bool = False
) -> tuple[list[list[bytes]], Ledger]:
    """The words of each line; how wide the columns are depends on when the widest came."""
    paper, _, ledger = _on_paper(records, road, form, show_secrets)
    return [line.split() for line in paper.data.splitlines()], ledger


def taken_lines(records: list[Record], show_secrets: bool = False, batch: int = 1) -> int:
    """How many lines the lane writes."""
    road = Road(Orders(), TEXT.policy, True, has_lane=True, batch=batch)
    return _on_paper(records, road, TEXT, show_secrets)[1].lines_taken


def _on_paper(records: list[Record], road: Road, form: Form, show_secrets: bool) -> tuple[Paper, Output, Ledger]:
    paper = Paper()
    output = form.make(paper, show_secrets=show_secrets)
    ledger = read_records(road, records, output.write, output.lines if road.has_lane else None)
    output.flush()
    return paper, output, ledger


def assert_json_says_the_same(exchanges: Iterable[Exchange]) -> None:
    """A line is made of parts that are kept; it says what the dictionary says that is made of the exchange alone."""
    exchanges = list(exchanges)
    for bodies, show_secrets in product((False, True), repeat=2):
        output = JsonOutput(Paper(), bodies=bodies, show_secrets=show_secrets)
        for exchange in exchanges:
            made = to_dict(exchange, bodies=bodies, show_secrets=show_secrets)
            assert output.render(exchange).decode() == ENCODE(made) + "\n"


def account(exchange: Exchange) -> tuple[object, ...]:
    """All that an exchange says."""
    halves = (exchange.request, *exchange.informational, exchange.response)
    said = [
        half
        and (
            *(half.raw, half.start_ns, half.end_ns, half.seq, half.ack, half.complete, half.problems),
            *(half.body.wire_len, half.body.length, half.body, half.body.trailer),
        )
        for half in halves
    ]
    counted = (exchange.id, exchange.conn_seq, exchange.retransmissions)
    return (*counted, exchange.connection.route, exchange.problems, *said)


def _endpoint(text: str) -> tuple[bytes, int]:
    host, _, port = text.rpartition(":")
    address = ipaddress.ip_address(host.strip("[]"))
    packed = V4_MAPPED + address.packed if address.version == 4 else address.packed
    return packed, int(port)

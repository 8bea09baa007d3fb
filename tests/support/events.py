"""A conversation as packets in a capture file, to which something odd happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sockfilter
from tests.support.captures import START_NS, pcap
from tests.support.frames import ACK, FIN, PSH, SYN, over_ipv4, tcp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sockfilter.model import Exchange

MASK = 0xFFFFFFFF
CLIENT, SERVER = 0, 1
STEP_NS = 1_000_000


class Packet(NamedTuple):
    """One TCP segment, with the time at which it passed."""

    time_ns: int
    end: int
    seq: int
    ack: int
    flags: int
    data: bytes

    @property
    def frame(self) -> bytes:
        return over_ipv4(
            self.end, tcp(self.data, self.end, seq=self.seq, ack=self.ack * bool(self.flags & ACK), flags=self.flags)
        )


class Scripted:
    """Builds a connection from SYN to FIN with the numbers that TCP would give it.

    acks: each segment with data is also acknowledged by a segment without.
    """

    def __init__(self, *, acks: bool = False, isn: tuple[int, int] = (1000, 5000), step_ns: int = STEP_NS) -> None:
        self.packets: list[Packet] = []
        self._acks = acks
        self._step_ns = step_ns
        self._time_ns = START_NS
        self.next = [isn[0], isn[1]]
        self.open()

    def open(self) -> None:
        self.send(CLIENT, flags=SYN)
        self.send(SERVER, flags=SYN | ACK)
        self.send(CLIENT, flags=ACK)

    def say(self, end: int, *segments: bytes) -> Scripted:
        for data in segments:
            self.send(end, data)
            if self._acks:
                self.send(1 - end, flags=ACK)
        return self

    def send(self, end: int, data: bytes = b"", flags: int = PSH | ACK, ack: int | None = None) -> Packet:
        self._time_ns += self._step_ns
        received = self.next[1 - end] if ack is None else ack
        packet = Packet(self._time_ns, end, self.next[end], received, flags, data)
        self.next[end] = (self.next[end] + len(data) + bool(flags & (SYN | FIN))) & MASK
        self.packets.append(packet)
        return packet

    def wait(self, ns: int) -> Scripted:
        self._time_ns += ns
        return self

    def close(self) -> Scripted:
        self.send(CLIENT, flags=FIN | ACK)
        self.send(SERVER, flags=FIN | ACK)
        self.send(CLIENT, flags=ACK)
        return self


def dropped(packets: Sequence[Packet]) -> Iterator[list[Packet]]:
    for i in range(len(packets)):
        yield [*packets[:i], *packets[i + 1 :]]


def swapped(packets: Sequence[Packet]) -> Iterator[list[Packet]]:
    yield from delayed(packets, 1)


def delayed(packets: Sequence[Packet], by: int = 3) -> Iterator[list[Packet]]:
    """Each packet is recorded behind those that follow it; with the time at which it is recorded."""
    for i in range(len(packets) - by):
        order = [*packets[:i], *packets[i + 1 : i + 1 + by], packets[i], *packets[i + 1 + by :]]
        yield [packet._replace(time_ns=at.time_ns) for packet, at in zip(order, packets, strict=True)]


def repeated(packets: Sequence[Packet]) -> Iterator[list[Packet]]:
    for i, packet in enumerate(packets):
        yield [*packets[: i + 1], packet._replace(time_ns=packet.time_ns + STEP_NS // 2), *packets[i + 1 :]]


EVENTS = {"dropped": dropped, "swapped": swapped, "delayed": delayed, "repeated": repeated}


def read(path: Path, packets: Sequence[Packet]) -> list[Exchange]:
    """What a capture file of the packets holds."""
    path.write_bytes(pcap([(packet.time_ns, packet.frame) for packet in packets]))
    return list(sockfilter.read(str(path)))

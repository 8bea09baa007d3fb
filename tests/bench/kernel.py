"""What the program costs the kernel for each packet, by the kernel's own statistics (Documentation/bpf, bpf_stats)."""

from __future__ import annotations

import ctypes
import os
import re
import socket
from contextlib import ExitStack, contextmanager
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING, NamedTuple

import sockfilter
from tests.support.frames import ACK, IPV4, PSH, UDP, Talk, ethernet, ipv4, udp
from tests.support.net import namespace
from tests.support.topologies import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKETS = 20_000
# of which the middle counts: the machine has other things to do
ROUNDS = 7
# records that are sent before the reader takes them: fewer than the ring has room for
BURST = 1000
SO_ATTACH_BPF = 50
BPF_PROG_LOAD = 5
BPF_ENABLE_STATS = 32
BPF_SYSCALL = 321  # x86-64
BPF_PROG_TYPE_SOCKET_FILTER = 1
# r0 = 0; exit
EMPTY = pack("=BBhi", 0xB7, 0, 0, 0) + pack("=BBhi", 0x95, 0, 0, 0)

REQUEST = b"GET /x HTTP/1.1\r\nHost: example.org\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nContent-Length: 200\r\n\r\n" + b"x" * 200


class Cost(NamedTuple):
    """Nanoseconds a packet: of an empty program, and of sockfilter's, in one run."""

    what: str
    empty: float
    ours: float

    @property
    def above(self) -> float:
        """What sockfilter's takes beyond the empty one."""
        return self.ours - self.empty


class Statistics:
    """A program's run time and runs, by a descriptor of it."""

    def __init__(self, fd: int) -> None:
        self._path = Path(f"/proc/self/fdinfo/{fd}")
        self._before = self._read()

    def ns(self) -> float:
        """Nanoseconds a run, since it was asked last."""
        before, now = self._before, self._read()
        self._before = now
        return (now[0] - before[0]) / max(1, now[1] - before[1])

    def _read(self) -> tuple[int, int]:
        text = self._path.read_text()
        found = [re.search(rf"{name}:\s+(\d+)", text) for name in ("run_time_ns", "run_cnt")]
        assert all(found), text
        ns, runs = (int(one[1]) for one in found if one)
        return ns, runs


def costs() -> list[Cost]:
    """One for each kind of packet."""
    with _statistics(), namespace() as netns, ExitStack() as stack:
        with inside(netns):
            empty = stack.enter_context(_empty_program())
            sender = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
            sender.bind(("lo", 0))
        before = _programs()
        capture = stack.enter_context(sockfilter.capture("lo", netns=netns, ring=64 << 20, processes=False))
        # the kernel counts the time of the gate, which is attached, with all that it passes on to
        (gate,) = (fd for fd in _programs() - before if _runs(fd, sender, capture))
        ours = Statistics(gate)
        found: dict[str, list[Cost]] = {}
        for _ in range(ROUNDS):
            for what, frames in _kinds().items():
                _send(sender, frames[:BURST])
                capture.flush()
                empty.ns(), ours.ns()
                for _ in range(PACKETS // BURST):
                    _send(sender, frames[:BURST])
                    capture.flush()
                found.setdefault(what, []).append(Cost(what, empty.ns(), ours.ns()))
        return [sorted(each, key=lambda cost: cost.above)[ROUNDS // 2] for each in found.values()]


def _programs() -> set[int]:
    """Descriptors of programs that this process has."""
    return {int(p.name) for p in Path("/proc/self/fdinfo").iterdir() if p.exists() and "prog_id" in p.read_text()}


def _runs(fd: int, sender: socket.socket, capture: sockfilter.Capture) -> bool:
    """Whether the kernel counts a run of this program when a frame comes."""
    before = _counted(fd)
    _send(sender, _kinds()["not TCP"][:1])
    capture.flush()
    return _counted(fd) > before


def _counted(fd: int) -> int:
    text = Path(f"/proc/self/fdinfo/{fd}").read_text()
    return int(text.partition("run_cnt:")[2].split()[0])


def _kinds() -> dict[str, list[bytes]]:
    other, talk = Talk(ports=(40001, 9000)), Talk(ports=(40002, 8000))
    acknowledged = Talk(ports=(40003, 8000))
    exchange = [*talk.opening()]
    for _ in range(BURST // 2):
        exchange += [talk.client(REQUEST), talk.server(RESPONSE)]
    return {
        "not TCP": [ethernet(IPV4, ipv4(udp(b"x" * 100, 9999), protocol=UDP))] * BURST,
        "no payload": [*acknowledged.opening(), *[acknowledged.frame(0, flags=ACK)] * BURST],
        "payload, not HTTP": [*other.opening(), *[other.frame(0, b"\x17\x03\x03" + b"x" * 97, PSH | ACK)] * BURST],
        "a record": exchange,
    }


def _send(sender: socket.socket, frames: list[bytes]) -> None:
    for frame in frames:
        sender.send(frame)


@contextmanager
def _statistics() -> Iterator[None]:
    """Has the kernel measure programs, whoever else begins or ends that meanwhile (BPF_ENABLE_STATS)."""
    fd = ctypes.CDLL(None, use_errno=True).syscall(BPF_SYSCALL, BPF_ENABLE_STATS, bytes(128), 128)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "measuring BPF programs")
    try:
        yield
    finally:
        os.close(fd)


@contextmanager
def _empty_program(interface: str = "lo") -> Iterator[Statistics]:
    """A socket with a program that does nothing: what the statistics themselves take."""
    instructions, licence = ctypes.create_string_buffer(EMPTY), ctypes.create_string_buffer(b"GPL")
    attributes = pack(
        "=IIQQ", BPF_PROG_TYPE_SOCKET_FILTER, 2, ctypes.addressof(instructions), ctypes.addressof(licence)
    )
    attributes = ctypes.create_string_buffer(attributes.ljust(128, b"\0"))
    fd = ctypes.CDLL(None, use_errno=True).syscall(BPF_SYSCALL, BPF_PROG_LOAD, attributes, 128)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "loading an empty program")
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as packets:
            packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, fd)
            packets.bind((interface, 3))
            yield Statistics(fd)
    finally:
        os.close(fd)

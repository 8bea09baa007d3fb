"""A capture file as a source of records: its frames go through the program that the kernel runs."""

from __future__ import annotations

import re
import select
from collections import deque
from struct import Struct
from typing import TYPE_CHECKING, Any, NoReturn

from sockfilter.errors import CaptureFileError
from sockfilter.libbpf import binding
from sockfilter.model.hearing import Hearing
from sockfilter.model.moment import wall_ns
from sockfilter.sources.files.clocks import Clocks
from sockfilter.sources.files.packet import Damaged
from sockfilter.sources.files.pcap import HEADER_BYTES, PcapFormat
from sockfilter.sources.files.pcapng import SECTION, PcapngFormat
from sockfilter.sources.files.stream import Stream
from sockfilter.sources.hosts import host_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from sockfilter.sources.files.packet import Format, Packet
    from sockfilter.sources.narrowing import KernelFilter

ETHERNET = 1
ETHERNET_BYTES, VLAN_BYTES = 14, 4
VLAN = {0x8100, 0x88A8, 0x9100, 0x9200, 0x9300}  # is_vlan() of packet.bpf.h
IP = {0x0800, 0x86DD}
# struct sf_packet of replay.h: a test compares both to the byte
PACKET = Struct("=QQIIIIHBBBBH")
TIME = Struct("=Q")
OUTCOME_AT, CUT_AT = 35, 36
# seconds between two looks at a named pipe that nobody writes yet
LOOK_S = 0.02
# layers that the program does not know, one within the other
LAYERS_MAX = 8
NOT_FOUND = (1, 0)  # EtherType 1 is nobody's
PCAPNG_MAGIC = SECTION.to_bytes(4, "big")


class FileSource:
    """Records of a capture file's HTTP connections, as a live source gives them.

    Args:
        path: the file; "-": standard input. It may be in gzip, and may still be being written.
        kernel_filter: what is left out.
        network: by a link type and a frame, the EtherType of what it carries, and where that begins.
        step: by time, interface, an EtherType, a frame, and where that begins in it, the EtherType of what is
            within, the bytes that have it, and where it begins.
        is_read: whether frames of a link type are read at all.
        is_cut: by a link type and a frame, whether that is cut before what it carries.
        every: connections that are not HTTP too.
        whole: frames that say nothing to HTTP too, for a capture file.

    Raises:
        CaptureFileError: the file cannot be opened.
    """

    clock_offset_ns = 0

    def __init__(
        self,
        path: str,
        kernel_filter: KernelFilter,
        network: Callable[[int, memoryview], tuple[int, int] | None],
        step: Callable[[int, int, int, memoryview, int], tuple[int, bytes | memoryview, int] | None],
        *,
        is_read: Callable[[int], bool] = lambda link_type: True,
        is_cut: Callable[[int, memoryview], bool] = lambda link_type, frame: False,
        every: bool = False,
        whole: bool = False,
    ) -> None:
        self._network, self._step, self._is_read, self._is_cut = network, step, is_read, is_cut
        self._ffi, self._lib = binding.load()
        config = self._ffi.new("struct sf_config *")
        config.frame_bytes = config.run_bytes = config.pressure_bytes = (1 << 32) - 1
        config.every, config.whole = every, whole
        ports = self._ffi.from_buffer("__u64[]", kernel_filter.configure(config) or bytes(8 * self._lib.SF_PORT_WORDS))
        replay = self._lib.sf_replay_open(config, ports)
        if not replay:
            raise CaptureFileError(f"reading the capture file {path}: no memory for its connections")
        self._replay: Any = self._ffi.gc(replay, self._lib.sf_replay_close)  # None: it is closed
        self._hosts = host_filter(kernel_filter, self)
        self._counters: list[int] = []
        self._not_read = re.compile(bytes((0x5B, self._lib.SF_NOT_IP, self._lib.SF_NOT_TCP, 0x5D)))  # one of both
        self._format: Format | None = None
        self._also: list[int] = []
        self._data = b""  # what there is of the file from the last packet on
        self._position = 0  # of it in the file
        self._packets: list[Packet] = []
        self._described = bytearray()  # the same, as struct sf_packet
        self._done = 0  # of them
        self.records_read = 0
        self.now_ns = 0
        self._clocks = Clocks()
        self.hearing = Hearing(moment_of=self._clocks.moment)
        self._cut = 0
        self._unread: dict[int, int] = {}  # packets, by link types that are not read
        self.damage: CaptureFileError | None = None
        self._stream = Stream(path)

    def __enter__(self) -> FileSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; counters() goes on to answer."""
        self.detach()
        if self._replay is not None:
            # megabytes, which would wait for the collector
            self._counters = self.counters()
            self._ffi.release(self._replay)
            self._replay = None

    def detach(self) -> None:
        """Reads no more of it."""
        self._stream.close()
        self._packets, self._done = [], 0

    @property
    def name(self) -> str:
        """The file's."""
        return "standard input" if self._stream.path == "-" else self._stream.path

    @property
    def identity(self) -> tuple[int, int] | None:
        """Which file it is, whatever its name: its device and inode; None: it is none."""
        return self._stream.identity

    @property
    def file_counts(self) -> dict[str, Any] | None:
        """What of it could not be understood, by the names of the ledger's FileCounts."""
        return {"cut": self._cut, "link_types": dict(self._unread)}

    @property
    def is_over(self) -> bool:
        """Whether all of it has been read."""
        return self._stream.is_over and self._done >= len(self._packets)

    @property
    def changes(self) -> deque[NoReturn]:
        """What has happened to it: a file is what it is."""
        return deque()

    def keep_up(self) -> None:
        """The same."""

    def settle(self, drain: Callable[[], int], is_pending: Callable[[], bool]) -> None:
        """The same."""

    def fileno(self) -> int:
        """The file's descriptor."""
        return self._stream.fd

    def interface_name(self, index: int) -> str:
        """What the file calls an interface; its number where it has no name."""
        found = self._format.interfaces if self._format else []
        return (index <= len(found) and found[index - 1].name) or str(index)

    def wall_ns(self, time_ns: int) -> int | None:
        """A record's time as the file has it, in nanoseconds since 1970; None: it has none."""
        return wall_ns(self._clocks.moment(time_ns), self.clock_offset_ns)

    def counters(self) -> list[int]:
        """The program's counters, in the order of enum sf_counter."""
        if self._replay is not None:
            counted = self._ffi.unpack(self._lib.sf_replay_counters(self._replay), self._lib.SF_COUNTERS)
            self._counters = counted if self._hosts is None else self._hosts.corrected(counted)
        return self._counters

    def drain(self, consume: Callable[[memoryview, list[int]], None]) -> int:
        """Hands the next records over.

        Args:
            consume: takes the memory that holds them and their offsets, which are valid until it returns.

        Returns how many packets were read for it; 0: there are none now.
        """
        if self._done >= len(self._packets) and not self._read_more():
            return 0
        first = self._done
        count = self._run(self._frames, self._described, first, len(self._packets) - first, consume)
        self._done += count
        (time_ns,) = TIME.unpack_from(self._described, (self._done - 1) * PACKET.size)
        self.now_ns = max(self.now_ns, int(self._clocks.moment(time_ns)))
        self._look_inside(first, self._done, consume)
        self._count_what_is_not_understood(first, self._done)
        return count

    def ask_to_be_woken(self) -> bool:
        """False: there is something to look at, or a file that grows, which wakes nobody."""
        return False

    def drained(self, consume: Callable[[memoryview, list[int]], None]) -> Iterator[int]:
        """Hands over all that there is now: the packets of each batch, as it is."""
        while count := self.drain(consume):
            yield count

    def drain_all(self, consume: Callable[[memoryview, list[int]], None]) -> int:
        """Hands over all that there is now. Returns how many packets that were."""
        return sum(self.drained(consume))

    def wait(self, timeout_s: float) -> None:
        """Sleeps until there is more to read, at most timeout_s seconds."""
        if self._stream.awaits_writer:
            # such a pipe is always readable: it has to be looked at again
            select.select(self._also, (), (), min(timeout_s, LOOK_S))
        elif not self.is_over:
            select.select((self._stream.fd, *self._also), (), (), timeout_s)

    def also_wake_for(self, fd: int) -> None:
        """Lets wait() return as well when this descriptor becomes readable."""
        self._also.append(fd)

    def skip(self, stream: int, until_seq: int) -> None:
        """Of this stream only lengths are needed, up to a sequence number."""
        self._skip(stream, self._lib.SF_SKIP_UNTIL, until_seq)

    def take_all(self, stream: int) -> None:
        """Takes back what skip() said."""
        self._skip(stream, self._lib.SF_SKIP_NONE)

    def reject(self, stream: int) -> None:
        """This stream's connection is not HTTP."""
        self._skip(stream, self._lib.SF_SKIP_REJECT)

    def forget(self, stream: int) -> None:
        """This stream's connection is not HTTP, unless it looks so once more."""
        self._skip(stream, self._lib.SF_SKIP_FORGET)

    def _skip(self, stream: int, kind: int, seq: int = 0) -> None:
        self._lib.sf_skip_set(self._lib.sf_replay_skips(self._replay), stream, kind << 32 | seq)

    def _read_more(self) -> bool:
        """Reads on until there are packets. False: there are none now."""
        self._packets, self._done = [], 0
        while not self._packets and not self._stream.is_over:
            try:
                fresh = self._stream.read()
                self._data += fresh
                self._take_packets()
                if self._stream.is_over and (self._data or self._format is None):
                    raise Damaged("it is cut short" if self._data else "it is empty", 0, len(self._data))
            except Damaged as damage:
                self.damage = CaptureFileError(self._words_of(damage))
                self._stream.is_over = True  # it is closed later: another thread may wait for more of it
                break
            if not fresh:
                break
        self._described = bytearray().join(map(self._describe, self._packets))
        return bool(self._packets)

    def _words_of(self, damage: Damaged) -> str:
        """What is said of damage: from where on nothing was read, and which byte is wrong."""
        content = " of its unzipped content" if self._stream.is_zipped else ""
        where = f"from byte {self._position + damage.record}{content} on"
        words = f"at byte {self._position + damage.at}, {damage}" if damage.at > damage.record else f"{damage}"
        return f"reading the capture file {self.name}, {where}: {words}; what came before was read"

    def _take_packets(self) -> None:
        start = 0
        if self._format is None:
            start = self._begin()
            if self._format is None:
                return
        self._frames = self._data
        # where it is damaged, places are counted from here on
        stop = self._format.read(self._data, start, self._packets)
        self._data = self._data[stop:]
        self._position += stop

    def _begin(self) -> int:
        """Learns the format, once there is enough to tell. Returns where its records begin."""
        if len(self._data) < HEADER_BYTES:
            return 0
        if self._data.startswith(PCAPNG_MAGIC):
            self._format = PcapngFormat()
            return 0
        self._format = PcapFormat(self._data)
        return HEADER_BYTES

    def _describe(self, packet: Packet) -> bytes:
        stamp_ns, at, length, wire_length, interface = packet
        assert self._format is not None  # it made the packet
        time_ns = self._clocks.time(stamp_ns, interface)
        link_type = self._format.interfaces[interface].link_type
        if link_type == ETHERNET:
            return PACKET.pack(time_ns, at, length, wire_length, interface + 1, 0, 0, 0, 0, 0, 0, 0)
        frame = memoryview(self._frames)[at : at + length]
        protocol, network = found = self._network(link_type, frame) or NOT_FOUND
        is_cut = found is NOT_FOUND and length < wire_length and self._is_cut(link_type, frame)
        return PACKET.pack(time_ns, at, length, wire_length, interface + 1, network, protocol, 0, 0, is_cut, 0, 0)

    def _count_what_is_not_understood(self, first: int, end: int) -> None:
        """Takes note of packets that may have carried HTTP, if anybody knew."""
        self._cut += self._described[first * PACKET.size + CUT_AT : end * PACKET.size : PACKET.size].count(1)
        assert self._format is not None  # it has made packets
        kinds = [interface.link_type for interface in self._format.interfaces]
        if not all(map(self._is_read, kinds)):
            for packet in self._packets[first:end]:
                kind = kinds[packet.interface]
                if not self._is_read(kind):
                    self._unread[kind] = self._unread.get(kind, 0) + 1

    def _run(
        self,
        memory: bytes | memoryview,
        described: bytearray,
        first: int,
        count: int,
        consume: Callable[[memoryview, list[int]], None],
    ) -> int:
        lib, ffi = self._lib, self._ffi
        with ffi.from_buffer(memory) as frames, ffi.from_buffer("struct sf_packet[]", described) as packets:
            taken: int = lib.sf_replay_run(self._replay, frames, packets + first, count)
        number = ffi.new("unsigned int *")
        offsets: list[int] = ffi.unpack(lib.sf_replay_offsets(self._replay, number), number[0])
        if offsets:
            view = memoryview(ffi.buffer(lib.sf_replay_data(self._replay), lib.SF_REPLAY_BYTES)).cast("B")
            wanted = offsets if self._hosts is None else self._hosts.wanted(view, offsets)
            self.records_read += len(wanted)
            if wanted:
                consume(view, wanted)
        return taken

    def _look_inside(self, first: int, end: int, consume: Callable[[memoryview, list[int]], None]) -> None:
        """What the program could not read may carry in another way what it can."""
        outcomes = bytes(self._described[first * PACKET.size + OUTCOME_AT : end * PACKET.size : PACKET.size])
        for found in self._not_read.finditer(outcomes):
            at = (first + found.start()) * PACKET.size
            again = self._described[at : at + PACKET.size]
            memory: bytes | memoryview = self._frames
            for _ in range(LAYERS_MAX):
                inside = self._step_inside(memory, again)
                if inside is None:
                    break
                memory = inside
                self._run(memory, again, 0, 1, consume)
                if not self._not_read.match(again, OUTCOME_AT):
                    break

    def _step_inside(self, memory: bytes | memoryview, described: bytearray) -> bytes | memoryview | None:
        """Goes one layer into a packet. Returns where its bytes are; None: there is no more."""
        time_ns, at, length, wire_length, interface, network, protocol, _, outcome, *_ = PACKET.unpack(described)
        now_ns = int(self._clocks.moment(time_ns))
        frame = memoryview(memory)[at : at + length]
        found = (protocol, network) if protocol else self._network(ETHERNET, frame)
        while found and found[0] in VLAN and found[1] + VLAN_BYTES <= length:
            inside = found[1] + VLAN_BYTES
            found = int.from_bytes(frame[inside - 2 : inside], "big"), inside
        if found is None:
            return None
        within: tuple[int, bytes | memoryview, int] | None = (found[0], frame, found[1])
        # behind LLC, the program has not looked
        if protocol or found[1] <= ETHERNET_BYTES or found[0] not in IP:
            within = self._step(now_ns, interface, found[0], frame, found[1])
        if within is None:
            return None
        kind, held, start = within
        if held is not frame:
            # put together of several: it has no frame of its own
            memory, at, length, wire_length = held, 0, len(held), len(held)
        elif start <= network:
            return None
        described[:] = PACKET.pack(time_ns, at, length, wire_length, interface, start, kind, 1, outcome, 0, 0, 0)
        return memory

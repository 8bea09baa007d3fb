"""A capture file as a source of records: its frames pass through the same program that the kernel runs."""

from __future__ import annotations

import re
import select
from collections import deque
from struct import Struct
from typing import TYPE_CHECKING, Any

from sockfilter.closing import Closing
from sockfilter.errors import CaptureFileError
from sockfilter.libbpf import binding
from sockfilter.model.hearing import Hearing
from sockfilter.model.moment import wall_ns
from sockfilter.model.secret import FILE
from sockfilter.sources.files.clocks import Clocks
from sockfilter.sources.files.packet import Damaged
from sockfilter.sources.files.pcap import HEADER_BYTES, PcapFormat
from sockfilter.sources.files.pcapng import PCAPNG_MAGIC, PcapngFormat
from sockfilter.sources.files.several import FileSequence
from sockfilter.sources.hosts import host_filter
from sockfilter.sources.secrets.keylog import KeyLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sockfilter.model.secret import Secret
    from sockfilter.sources.files.packet import Format, Packet
    from sockfilter.sources.narrowing import KernelFilter

ETHERNET = 1
ETHERNET_BYTES, VLAN_BYTES = 14, 4
VLAN = {0x8100, 0x88A8, 0x9100, 0x9200, 0x9300}  # is_vlan() of packet.bpf.h
IP = {0x0800, 0x86DD}
# struct sf_cbpf of replay.h
CBPF = Struct("=HBBI")
# struct sf_packet of replay.h; a test compares the layouts
PACKET = Struct("=QQIIIIHBBBBH")
TIME = Struct("=Q")
OUTCOME_AT, CUT_AT = 35, 36
# seconds between two polls of a named pipe that has no writer yet
LOOK_S = 0.02
# nested layers that the program does not know
LAYERS_MAX = 8
ALL = 1 << 63  # bytes of a file
NOT_FOUND = (1, 0)  # EtherType 1 is not assigned


class FileSource(Closing):
    """The records of the HTTP connections in a capture file, in the form of a live source's records.

    Args:
        path: the file; "-" means standard input. It may be in gzip, and may still be being written.
        kernel_filter: the filter.
        network: takes a link type and a frame; returns the EtherType of the network packet and its offset.
        step: removes one layer. It takes a time in nanoseconds, an interface, an EtherType, a frame and the offset of
            the network packet; it returns the inner EtherType, the bytes that hold the inner packet, and its offset.
        is_read: whether frames of a link type are decoded at all.
        is_cut: takes a link type and a frame; returns whether the frame ends before the network packet.
        every: also give connections that are not HTTP.
        whole: also give frames without meaning for HTTP, for a capture file.
        take_secret: takes the secrets of TLS that the file carries. None: they are not wanted.
        searched: bytes of the file whose secrets have been taken before; those of others all have.
        others: files that follow, such as the parts of a rotated capture: connections go on in the next file.

    Raises:
        CaptureFileError: the file cannot be opened, or none of several.
    """

    clock_offset_ns = 0
    filled = 0.0  # there is no ring

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
        take_secret: Callable[[Secret], None] | None = None,
        searched: int = 0,
        others: Sequence[str] = (),
    ) -> None:
        self._take_secret, self._searched = take_secret, searched
        self._network, self._step, self._is_read, self._is_cut = network, step, is_read, is_cut
        self._ffi, self._lib = binding.load()
        config = self._ffi.new("struct sf_config *")
        config.frame_bytes = config.run_bytes = config.pressure_bytes = (1 << 32) - 1
        config.every, config.whole = every, whole
        ports = self._ffi.from_buffer("__u64[]", kernel_filter.configure(config) or bytes(8 * self._lib.SF_PORT_WORDS))
        config.frames = config.hops = True
        replay = self._lib.sf_replay_open(config, ports)
        if not replay:
            raise CaptureFileError(f"reading the capture file {path}: no memory for its connections")
        self._replay: Any = self._ffi.gc(replay, self._lib.sf_replay_close)  # None after close()
        self._hosts = host_filter(kernel_filter, self)
        # the numbers of the filters of pcap-filter(7), by link type; None: there is no such filter
        self._filters: dict[int, int] | None = None
        if kernel_filter.pcap:
            self._compile(kernel_filter.pcap)
        self._counters: list[int] = []
        self._not_read = re.compile(bytes((0x5B, self._lib.SF_NOT_IP, self._lib.SF_NOT_TCP, 0x5D)))  # matches either
        self._format: Format | None = None
        self._also = select.epoll()  # unlike a list, it forgets descriptors that are closed
        self._data = b""  # the bytes that were read after the last complete packet
        self._position = 0  # the offset of _data in the file
        self._packets: list[Packet] = []
        self._described = bytearray()  # the packets as struct sf_packet
        self._done = 0  # packets that the program has seen
        self.records_read = 0
        self.now_ns = 0
        self._clocks = Clocks()
        self.hearing = Hearing(moment_of=self._clocks.moment)
        self._cut = 0
        self._unread: dict[int, int] = {}  # packets of each link type that is not read
        self.damage: CaptureFileError | None = None
        self._files = FileSequence(path, others)
        self._stream = self._files.first()
        self._is_begun = False  # whether the format of the present file is known

    def _compile(self, text: str) -> None:
        """Compiles a filter for the usual link types. When frames are read, this process may not load libpcap any more.

        Raises InvalidArgument.
        """
        from sockfilter.sources.pcap.compiling import LINK_TYPES, Compiler  # only if there is such a filter

        self._filters = {}
        programs = Compiler(text).programs()
        for number, link_type in enumerate(LINK_TYPES, 1):
            if link_type in programs:
                content = b"".join(CBPF.pack(*one) for one in programs[link_type])
                with self._ffi.from_buffer("struct sf_cbpf[]", content) as program:
                    if self._lib.sf_replay_filter(self._replay, number, program, len(programs[link_type])):
                        raise MemoryError
                self._filters[link_type] = number

    def close(self) -> None:
        """Closes the file. counters() still works."""
        self.detach()
        self._also.close()
        if self._replay is not None:
            # it has megabytes, which would otherwise stay until the garbage collector runs
            self._counters = self.counters()
            self._ffi.release(self._replay)
            self._replay = None

    def open_all(self) -> None:
        """Opens all files now, before the process gives up its rights. Raises CaptureFileError: too many are open."""
        self._files.open_all()

    def detach(self) -> None:
        """Stops reading the files."""
        self._stream.close()
        self._files.close()
        self._packets, self._done = [], 0

    @property
    def read_ns(self) -> int:
        """The time of the last packet that was read."""
        return self.now_ns

    @property
    def name(self) -> str:
        """The name of the present file, for messages."""
        return "standard input" if self._stream.path == "-" else self._stream.path

    @property
    def identity(self) -> tuple[int, int] | None:
        """The file's device and inode; None if it is a character device."""
        return self._stream.identity

    @property
    def file_counts(self) -> dict[str, Any] | None:
        """The numbers of packets that could not be read, by the names of the ledger's FileCounts."""
        return {"cut": self._cut, "link_types": dict(self._unread)}

    @property
    def is_over(self) -> bool:
        """Whether the whole file has been read, and all others."""
        return self._stream.is_over and not self._files.has_more and self._done >= len(self._packets)

    @property
    def changes(self) -> deque[CaptureFileError]:
        """What was wrong with one of several files. A file has no interfaces that change."""
        return self._files.changes

    def keep_up(self) -> None:
        """Does nothing: a file has no interfaces that change."""

    def settle(self, drain: Callable[[], int], is_pending: Callable[[], bool]) -> None:
        """Does nothing: drain() reads everything that is in the file."""

    def fileno(self) -> int:
        """The file's descriptor."""
        return self._stream.fd

    def interface_name(self, index: int) -> str:
        """Returns an interface's name in the file; its number as text if it has no name."""
        found = self._format.interfaces if self._format else []
        return (index <= len(found) and found[index - 1].name) or str(index)

    def wall_ns(self, time_ns: int) -> int | None:
        """Returns a record's time in the file, in nanoseconds since 1970; None if it has no time."""
        return wall_ns(self._clocks.moment(time_ns), self.clock_offset_ns)

    def counters(self) -> list[int]:
        """Returns the program's counters, in the order of enum sf_counter."""
        if self._replay is not None:
            counted = self._ffi.unpack(self._lib.sf_replay_counters(self._replay), self._lib.SF_COUNTERS)
            self._counters = counted if self._hosts is None else self._hosts.corrected(counted)
        return self._counters

    def drain(self, consume: Callable[[memoryview, list[int]], None]) -> int:
        """Passes the next records to consume.

        Args:
            consume: gets the memory that holds the records, and their offsets. Both are valid until it returns.

        Returns the number of packets that were read; 0 if there are none now.
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
        """Always returns False: a file that grows does not make its descriptor readable, so it must be polled."""
        return False

    def drained(self, consume: Callable[[memoryview, list[int]], None]) -> Iterator[int]:
        """Passes on all records that the file has now. Yields the number of packets of each batch."""
        while count := self.drain(consume):
            yield count

    def drain_all(self, consume: Callable[[memoryview, list[int]], None]) -> int:
        """Passes on all records that the file has now. Returns the number of packets."""
        return sum(self.drained(consume))

    def wait(self, timeout_s: float) -> None:
        """Sleeps until there is more to read, at most timeout_s seconds."""
        if self._also.closed:
            return
        if self._stream.awaits_writer:
            # a pipe without a writer is always readable, so it must be polled
            select.select((self._also,), (), (), min(timeout_s, LOOK_S))
        elif not self.is_over:
            select.select((self._stream.fd, self._also.fileno()), (), (), timeout_s)

    def also_wake_for(self, fd: int) -> None:
        """Makes wait() also return when this descriptor becomes readable."""
        self._also.register(fd, select.EPOLLIN)

    def skip(self, stream: int, until_seq: int) -> None:
        """Tells the program to send only lengths of this stream, up to a sequence number."""
        self._skip(stream, self._lib.SF_SKIP_UNTIL, until_seq)

    def skip_content(self, stream: int, number: int) -> bool:
        """Returns False: the program leaves out nothing of a file."""
        return False

    def take_all(self, stream: int) -> None:
        """Withdraws the order of skip()."""
        self._skip(stream, self._lib.SF_SKIP_NONE)

    def reject(self, stream: int) -> None:
        """Tells the program that this stream's connection is not HTTP."""
        self._skip(stream, self._lib.SF_SKIP_REJECT)

    def forget(self, stream: int) -> None:
        """Tells the program to detect again whether this stream's connection is HTTP."""
        self._skip(stream, self._lib.SF_SKIP_FORGET)

    def _skip(self, stream: int, kind: int, seq: int = 0) -> None:
        self._lib.sf_skip_set(self._lib.sf_replay_skips(self._replay), stream, kind << 32 | seq)

    def _read_more(self) -> bool:
        """Reads until there are packets. Returns False if there are none now."""
        self._packets, self._done = [], 0
        while not self._packets and (not self._stream.is_over or self._go_on()):
            try:
                fresh = self._stream.read()
                self._data += fresh
                self._take_packets()
                if self._stream.is_over and (self._data or not self._is_begun):
                    raise Damaged("it is cut short" if self._data else "it is empty", 0, len(self._data))
            except Damaged as damage:
                self.damage = self._files.bad(CaptureFileError(self._words_of(damage)))
                self._stream.is_over = True  # do not close it yet: another thread may be waiting on it
                continue
            except CaptureFileError as error:
                self.damage = self._files.bad(error)
                if self.damage is error:
                    raise
                self._stream.is_over = True
                continue
            if not fresh and not self._stream.is_over:
                break
        self._described = bytearray().join(map(self._describe, self._packets))
        return bool(self._packets)

    def _go_on(self) -> bool:
        """Goes on to the next file. Returns False if there is none."""
        stream = self._files.next()
        if stream is None:
            self.damage = self.damage or self._files.damage
            return False
        before, self._stream = self._stream, stream
        before.close()
        self._searched = ALL
        self._data, self._position, self._is_begun = b"", 0, False
        return True

    def _words_of(self, damage: Damaged) -> str:
        """Returns the message for damage: where reading stopped, and which byte is wrong."""
        content = " of its unzipped content" if self._stream.is_zipped else ""
        where = f"from byte {self._position + damage.record}{content} on"
        words = f"at byte {self._position + damage.at}, {damage}" if damage.at > damage.record else f"{damage}"
        return f"reading the capture file {self.name}, {where}: {words}; what came before was read"

    def _take_packets(self) -> None:
        start = 0
        if not self._is_begun:
            start = self._begin()
            if not self._is_begun:
                return
        assert self._format is not None  # _begin() has set it
        self._frames = self._data
        # read() raises Damaged with offsets in _data, so _data and _position change only after it
        stop = self._format.read(self._data, start, self._packets)
        self._data = self._data[stop:]
        self._position += stop

    def _begin(self) -> int:
        """Detects the format once there are enough bytes. Returns the offset of the first record."""
        if len(self._data) < HEADER_BYTES:
            return 0
        if self._data.startswith(PCAPNG_MAGIC):
            # another pcapng file is another section: its interfaces of the same names are the same
            if not isinstance(self._format, PcapngFormat):
                self._format = PcapngFormat(self._take_key_log)
            self._is_begun = True
            return 0
        self._format = PcapFormat(self._data)
        self._is_begun = True
        return HEADER_BYTES

    def _take_key_log(self, text: bytes, at: int) -> None:
        if self._take_secret is not None and self._position + at >= self._searched:
            log = KeyLog(self._take_secret, FILE)
            log.feed(text)
            log.end()

    def _describe(self, packet: Packet) -> bytes:
        stamp_ns, at, length, wire_length, interface = packet
        assert self._format is not None  # the format made the packet
        time_ns = self._clocks.time(stamp_ns, interface)
        link_type = self._format.interfaces[interface].link_type
        number = 0 if self._filters is None else self._filters.get(link_type, -1)
        if number < 0:
            raise CaptureFileError(
                f"reading the capture file {self.name}: it has frames of link type {link_type}, for which the filter"
                " cannot be compiled; leave the filter out"
            )
        if link_type == ETHERNET:
            return PACKET.pack(time_ns, at, length, wire_length, interface + 1, 0, 0, 0, 0, 0, number, 0)
        frame = memoryview(self._frames)[at : at + length]
        protocol, network = found = self._network(link_type, frame) or NOT_FOUND
        is_cut = found is NOT_FOUND and length < wire_length and self._is_cut(link_type, frame)
        return PACKET.pack(time_ns, at, length, wire_length, interface + 1, network, protocol, 0, 0, is_cut, number, 0)

    def _count_what_is_not_understood(self, first: int, end: int) -> None:
        """Counts packets that may have carried HTTP, but could not be read."""
        self._cut += self._described[first * PACKET.size + CUT_AT : end * PACKET.size : PACKET.size].count(1)
        assert self._format is not None  # the format made the packets
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
        """Decodes the packets that the program could not read, and passes the inner packets to it again."""
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
        """Removes one layer of a packet. Returns the memory that holds the inner packet; None if there is none."""
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
        # the program does not look behind an LLC header
        if protocol or found[1] <= ETHERNET_BYTES or found[0] not in IP:
            within = self._step(now_ns, interface, found[0], frame, found[1])
        if within is None:
            return None
        kind, held, start = within
        if held is not frame:
            # the packet was reassembled from several frames, so it has its own memory
            memory, at, length, wire_length = held, 0, len(held), len(held)
        elif start <= network:
            return None
        described[:] = PACKET.pack(time_ns, at, length, wire_length, interface, start, kind, 1, outcome, 0, 0, 0)
        return memory

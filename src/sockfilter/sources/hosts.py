"""A filter for several hosts: the kernel compares with one network, and this module drops the excess."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Protocol

from sockfilter.libbpf import binding
from sockfilter.model.connection import V4_MAPPED
from sockfilter.model.sequence import MASK
from sockfilter.sources.narrowing import ADDRESS_BITS

if TYPE_CHECKING:
    from sockfilter.sources.narrowing import KernelFilter

ADDRESS_BYTES = ADDRESS_BITS // 8
# the first fields of struct sf_record (bpf/events.h): stream, seq, payload_len, payload_kept, payload_off, kind,
# marks; a test compares the offsets with the header
RECORD = Struct("=8xQI4xII8xHxBB")
# pairs of addresses in the cache, as many as the kernel's table has connections; a full cache is cleared
KNOWN_MAX = 65536
# bytes of an unwanted direction that one order lets the kernel skip: half of what a comparison of sequence numbers
# allows (RFC 9293, 3.4); each further record extends the order
AHEAD = 1 << 30


class Rejecting(Protocol):
    """Sends skip hints to the BPF program."""

    def skip(self, stream: int, until_seq: int) -> None:
        """Tells the program that it may skip this stream up to a sequence number."""


class HostFilter:
    """Drops the records of connections that involve none of the hosts, and counts them as filtered.

    Args:
        networks: addresses and masks, as KernelFilter.left_to_compare() returns them.
        skipping: gets a skip hint for each stream that is dropped.
    """

    def __init__(self, networks: list[tuple[bytes, bytes]], skipping: Rejecting) -> None:
        ffi, self._lib = binding.load()
        self._networks = [(int.from_bytes(address, "big"), int.from_bytes(mask, "big")) for address, mask in networks]
        self._skipping = skipping
        self._flow_at = ffi.offsetof("struct sf_record", "flow")
        self._frame_at = ffi.sizeof("struct sf_record")
        self._known: dict[bytes, bool] = {}
        # what to add to the kernel's counters, by enum sf_counter
        self._corrections = [0] * self._lib.SF_COUNTERS

    def wanted(self, view: memoryview, offsets: list[int]) -> list[int]:
        """Returns the offsets of the records that are wanted.

        Args:
            view: the memory that holds the records.
            offsets: the offset of each record in view.
        """
        known, flow_at, fragment = self._known, self._flow_at, self._lib.SF_FRAGMENT
        of_no_packet = (self._lib.SF_LEFT_OUT, self._lib.SF_ORDER)
        kept = []
        for at in offsets:
            stream, seq, payload_len, payload_kept, payload_off, kind, marks = RECORD.unpack_from(view, at)
            if kind in of_no_packet:  # of a stream that is wanted, or that the road does not know
                kept.append(at)
                continue
            if kind == fragment:
                pair = _pair_of(view, at + self._frame_at + payload_off)
            else:
                pair = bytes(view[at + flow_at : at + flow_at + 2 * ADDRESS_BYTES])
            is_wanted = known.get(pair)
            if is_wanted is None:
                is_wanted = self._learn(pair)
            if is_wanted:
                kept.append(at)
                continue
            self._count(kind, payload_kept < payload_len, marks)
            if stream:
                self._skipping.skip(stream, (seq + payload_len + AHEAD) & MASK)
        return kept

    def corrected(self, counters: list[int]) -> list[int]:
        """Returns the program's counters, with the records dropped here counted as filtered instead of sent."""
        ours = len(self._corrections)
        mine = [count + correction for count, correction in zip(counters, self._corrections, strict=False)]
        return mine + counters[ours:]

    def _learn(self, pair: bytes) -> bool:
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        ends = [int.from_bytes(pair[at : at + ADDRESS_BYTES], "big") for at in (0, ADDRESS_BYTES)]
        found = any(end & mask == address for end in ends for address, mask in self._networks)
        self._known[pair] = found
        return found

    def _count(self, kind: int, is_cut: bool, marks: int) -> None:
        lib, corrections = self._lib, self._corrections
        corrections[lib.SF_SENT] -= 1
        corrections[lib.SF_FILTERED] += 1
        if kind == lib.SF_FRAGMENT:
            corrections[lib.SF_FRAGMENTS] -= 1
        elif is_cut:
            corrections[lib.SF_LENGTHS if marks & lib.SF_MARK_LENGTHS else lib.SF_TRUNCATED] -= 1


def host_filter(kernel_filter: KernelFilter, skipping: Rejecting) -> HostFilter | None:
    """Returns a filter for what the kernel cannot decide alone; None if the kernel can decide everything."""
    networks = kernel_filter.left_to_compare()
    return HostFilter(networks, skipping) if networks else None


def _pair_of(view: memoryview, at: int) -> bytes:
    """Returns both addresses of the IP packet at an offset, in the form of struct sf_flow."""
    if view[at] >> 4 == 4:
        return V4_MAPPED + bytes(view[at + 12 : at + 16]) + V4_MAPPED + bytes(view[at + 16 : at + 20])
    return bytes(view[at + 8 : at + 40])

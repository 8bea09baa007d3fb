"""Programs of the test's own that drop every twentieth large packet of an interface: at tcx, and at XDP."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import socket
from contextlib import ExitStack, contextmanager
from struct import pack, unpack
from typing import TYPE_CHECKING, NamedTuple

from tests.support.topologies import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# asm/unistd.h; include/uapi/linux/bpf.h: enum bpf_cmd, map and program types, attach types, flags
SYS_BPF = {"x86_64": 321}.get(platform.machine(), 280)
MAP_CREATE, PROG_LOAD, LINK_CREATE = 0, 5, 28
ARRAY, SCHED_CLS, XDP = 2, 3, 6
TCX_INGRESS, TCX_EGRESS, AT_XDP = 46, 47, 37
MMAPABLE, GENERIC, NATIVE = 1 << 10, 1 << 1, 1 << 2
PASS_TC, DROP_TC, DROP_XDP, PASS_XDP = -1, 2, 1, 2
# registers, and sources that are not registers
R0, R1, R2, R6, R7 = 0, 1, 2, 6, 7
MAP_VALUE = 2
# of twenty large packets, the one with this number is dropped. Large: more bytes than headers, with the link's, have
EVERY, WHICH, LARGE = 20, 7, 200

_libc = ctypes.CDLL(None, use_errno=True)


class Place(NamedTuple):
    """Where a program is attached."""

    program: int
    attach: int
    flags: int


PLACES = {
    "tcx ingress": Place(SCHED_CLS, TCX_INGRESS, 0),
    "tcx egress": Place(SCHED_CLS, TCX_EGRESS, 0),
    "generic XDP": Place(XDP, AT_XDP, GENERIC),
    "native XDP": Place(XDP, AT_XDP, NATIVE),
}


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    fd = int(_libc.syscall(SYS_BPF, command, buffer, len(attributes)))
    if fd < 0:
        raise OSError(ctypes.get_errno(), f"bpf({command})")
    return fd


def _code(place: Place, counts: int, every: int, large: int) -> bytes:
    """Counts what is large, and drops some of it. r7: the packet's bytes."""

    def op(code: int, to: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
        return pack("<BBhi", code, source << 4 | to, offset, value)

    is_xdp = place.program == XDP
    if is_xdp:  # data_end - data
        length = op(0x61, R7, R1, 4) + op(0x61, R2, R1, 0) + op(0x1F, R7, R2)
    else:  # len
        length = op(0x61, R7, R1, 0)
    drop = (
        op(0xB7, R1, value=1)
        + op(0xDB, R6, R1, 8, 0x00)  # packets += 1
        + op(0xDB, R6, R7, 16, 0x00)  # bytes += r7
        + op(0xB7, R0, value=DROP_XDP if is_xdp else DROP_TC)
        + op(0x95)
    )
    count = (
        op(0x18, R6, MAP_VALUE, value=counts)
        + op(0)
        + op(0xB7, R1, value=1)
        + op(0xDB, R6, R1, 0, 0x01)  # r1 = seen, seen += 1
        + op(0x97, R1, value=every)
        + op(0x55, R1, offset=len(drop) // 8, value=WHICH % every)
        + drop
    )
    passing = op(0xB7, R0, value=PASS_XDP if is_xdp else PASS_TC) + op(0x95)
    return length + op(0xB5, R7, offset=len(count) // 8, value=large) + count + passing


@contextmanager
def dropping_at(
    where: str, netns: str | None, interface: str, every: int = EVERY, large: int = LARGE
) -> Iterator[Callable[[], tuple[int, int]]]:
    """Drops one of every so many large packets. Gives how many have been dropped, and their bytes with link headers."""
    place = PLACES[where]
    with ExitStack() as stack:

        def opened(command: int, attributes: bytes) -> int:
            fd = _bpf(command, attributes)
            stack.callback(os.close, fd)
            return fd

        counts = opened(MAP_CREATE, pack("=IIIII", ARRAY, 4, 24, 1, MMAPABLE))
        code = _code(place, counts, every, large)
        instructions = ctypes.create_string_buffer(code, len(code))
        licence = ctypes.create_string_buffer(b"Dual BSD/GPL")
        addresses = ctypes.addressof(instructions), ctypes.addressof(licence)
        program = opened(PROG_LOAD, pack("=IIQQIIQII", place.program, len(code) // 8, *addresses, 0, 0, 0, 0, 0))
        with inside(netns):
            index = socket.if_nametoindex(interface)
            opened(LINK_CREATE, pack("=IIII16x", program, index, place.attach, place.flags))
        memory = stack.enter_context(mmap.mmap(counts, mmap.PAGESIZE, prot=mmap.PROT_READ))

        def dropped() -> tuple[int, int]:
            _, packets, size = unpack("=QQQ", memory[:24])
            return packets, size

        yield dropped

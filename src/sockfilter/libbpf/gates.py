"""Programs that are made at run time and run in front of a program of an object."""

from __future__ import annotations

import errno
import os
from struct import Struct

from sockfilter.closing import Closing
from sockfilter.errors import KernelUnsupported, MissingCapability, refused
from sockfilter.libbpf import binding

# include/uapi/linux/bpf.h, enum bpf_map_type and enum bpf_prog_type
MAP_TYPE_PROG_ARRAY = 3
PROG_TYPE_SOCKET_FILTER = 1
LICENSE = b"Dual BSD/GPL"
# struct bpf_insn: code, registers (source << 4 | destination), offset, immediate
INSTRUCTION = Struct("=BBhi")
LOAD_DOUBLE, MOVE, CALL, EXIT = 0x18, 0xB7, 0x85, 0x95
MAP_FD_INTO_R2, R3, R0 = 1 << 4 | 2, 3, 0
TAIL_CALL = 12
# bytes of a key and of a descriptor
WORD_BYTES = 4


class Gates(Closing):
    """Programs that pass on to one other program, by a tail call through a map.

    The kernel empties the map when its last descriptor is closed, so this must stay open as long as a gate is attached.

    Args:
        program_fd: the program to pass on to.

    Raises:
        KernelUnsupported: the map cannot be created.
    """

    def __init__(self, program_fd: int) -> None:
        self._ffi, self._lib = binding.load()
        self._fds: list[int] = []
        self.map_fd = self._made(
            self._lib.bpf_map_create(MAP_TYPE_PROG_ARRAY, b"next", WORD_BYTES, WORD_BYTES, 1, self._ffi.NULL)
        )
        key, value = self._ffi.new("__u32 *", 0), self._ffi.new("__u32 *", program_fd)
        if self._lib.bpf_map_update_elem(self.map_fd, key, value, 0):
            number = self._ffi.errno
            self.close()
            raise KernelUnsupported(f"chaining BPF programs: {os.strerror(number)}")

    def open_gate(self) -> int:
        """Loads the shortest gate, which passes everything on. Returns its descriptor. Raises as load() does."""
        instructions = (
            (LOAD_DOUBLE, MAP_FD_INTO_R2, 0, self.map_fd),
            (0, 0, 0, 0),
            (MOVE, R3, 0, 0),
            (CALL, 0, 0, TAIL_CALL),
            (MOVE, R0, 0, 0),
            (EXIT, 0, 0, 0),
        )
        return self.load(b"".join(INSTRUCTION.pack(*instruction) for instruction in instructions))

    def load(self, instructions: bytes) -> int:
        """Loads a gate. Returns its descriptor, which close() closes.

        Args:
            instructions: the program, as struct bpf_insn of the kernel.

        Raises:
            MissingCapability: CAP_BPF is missing.
            KernelUnsupported: the verifier refused it.
        """
        count = len(instructions) // INSTRUCTION.size
        with self._ffi.from_buffer(instructions) as content:
            fd = self._lib.bpf_prog_load(PROG_TYPE_SOCKET_FILTER, b"gate", LICENSE, content, count, self._ffi.NULL)
        return self._made(fd)

    def close(self) -> None:
        """Closes the map and the gates."""
        for fd in self._fds:
            os.close(fd)
        self._fds = []

    def _made(self, fd: int) -> int:
        if fd < 0:
            words = binding.error_text(self._ffi, self._lib, -fd)
            self.close()
            kind = MissingCapability if fd == -errno.EPERM else KernelUnsupported
            raise refused("loading the BPF program that runs before the others", -fd, words, kind=kind)
        self._fds.append(fd)
        return int(fd)

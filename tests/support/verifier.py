"""Loads the program as a capture does, and prints how many instructions the verifier went through.

In a process of its own, so that a test can choose its rights:
python -m tests.support.verifier LINK [WHOLE [PROTOCOLS [TLS [PROGRAM]]]]. The numbers are the verifier's own words,
which it has said to whoever asks since Linux 5.2.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys

from sockfilter.libbpf import binding
from sockfilter.sources.packets.attachment import OBJECT, PROGRAMS
from sockfilter.sources.packets.live import WHOLE_FRAME
from sockfilter.sources.records import ALL_BYTES, RING_BYTES

# include/linux/bpf_verifier.h: a line of numbers, and nothing of the way
BPF_LOG_STATS = 4
LOG_BYTES = 1 << 20


def config(link: str, whole: bool, protocols: int, tls: bool) -> bytes:
    """struct sf_config of a capture that looks at ports and hosts, on several interfaces.

    link: the name of one of enum sf_link. protocols: bits of enum sf_protocol.
    """
    ffi, lib = binding.load()
    made = ffi.new("struct sf_config *")
    made.link, made.whole, made.protocols, made.tls = getattr(lib, link), whole, protocols, tls
    made.by_port = made.by_host = made.hops = 1
    made.frame_bytes, made.run_bytes, made.pressure_bytes = WHOLE_FRAME, ALL_BYTES, RING_BYTES // 2
    return bytes(ffi.buffer(made))


def load(content: bytes, chosen: int) -> tuple[int, str]:
    """Loads one of PROGRAMS. Returns what libbpf answers, 0 or an error, and what the verifier said."""
    lib = ctypes.CDLL("libbpf.so.1")
    for name in ("open_file", "find_map_by_name", "find_program_by_name"):
        getattr(lib, f"bpf_object__{name}").restype = ctypes.c_void_p
    lib.bpf_map__initial_value.restype = ctypes.c_void_p
    opened = ctypes.c_void_p(lib.bpf_object__open_file(os.fsencode(OBJECT), None))
    try:
        rodata = ctypes.c_void_p(lib.bpf_object__find_map_by_name(opened, b".rodata"))
        ctypes.memmove(lib.bpf_map__initial_value(rodata, ctypes.byref(ctypes.c_size_t())), content, len(content))
        programs = [lib.bpf_object__find_program_by_name(opened, name.encode()) for name in PROGRAMS]
        for place, each in enumerate(programs):
            lib.bpf_program__set_autoload(ctypes.c_void_p(each), place == chosen)
        program = ctypes.c_void_p(programs[chosen])
        log = ctypes.create_string_buffer(LOG_BYTES)
        lib.bpf_program__set_log_level(program, BPF_LOG_STATS)
        lib.bpf_program__set_log_buf(program, log, ctypes.c_size_t(LOG_BYTES))
        return lib.bpf_object__load(opened), log.value.decode(errors="replace")
    finally:
        lib.bpf_object__close(opened)


def main(link: str, whole: str = "0", protocols: str = "0", tls: str = "0", program: str = PROGRAMS[0]) -> None:
    made = config(link, bool(int(whole)), int(protocols), bool(int(tls)))
    error, said = load(made, PROGRAMS.index(program))
    found = re.search(r"processed (\d+) insns", said)
    if error or not found:
        sys.exit(f"error {error}: {said[-500:]}")
    print(found[1])


if __name__ == "__main__":
    main(*sys.argv[1:])

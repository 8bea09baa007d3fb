"""Runs a command whose kernel refuses one command of bpf(2): python refuse.py COMMAND ERROR WORDS...

A seccomp filter answers in the kernel's place: nothing of sockfilter is replaced.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

# include/uapi/linux/bpf.h, enum bpf_cmd
COMMANDS = {"MAP_CREATE": 0, "PROG_LOAD": 5}
# number of the system call, and AUDIT_ARCH_* of include/uapi/linux/audit.h
ARCHITECTURES = {"x86_64": (321, 0xC000003E), "aarch64": (280, 0xC00000B7)}
# include/uapi/linux/prctl.h, include/uapi/linux/seccomp.h, include/uapi/linux/bpf_common.h
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
SECCOMP_RET_ERRNO, SECCOMP_RET_ALLOW = 0x00050000, 0x7FFF0000
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
# struct seccomp_data: nr, arch, instruction_pointer, args[6]
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def instructions(command: int, error: int) -> bytes:
    number, architecture = ARCHITECTURES[platform.machine()]
    program = []
    for offset, value, to_end in ((ARCHITECTURE, architecture, 5), (NUMBER, number, 3), (FIRST_ARGUMENT, command, 1)):
        program += [(LOAD_WORD, 0, 0, offset), (JUMP_IF_EQUAL, 0, to_end, value)]
    program += [(RETURN, 0, 0, SECCOMP_RET_ERRNO | error), (RETURN, 0, 0, SECCOMP_RET_ALLOW)]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def install(command: int, error: int) -> None:
    """For this process and what it becomes."""
    code = instructions(command, error)
    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(len(code) // 8, code)
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program))):
        if libc.prctl(*words):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    install(COMMANDS[sys.argv[1]], getattr(errno, sys.argv[2]))
    os.execv(sys.argv[3], sys.argv[3:])

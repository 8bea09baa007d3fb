"""Which programs on this machine use TLS, and whether --tls would open their connections: for a hint and the summary.

A capture has no rights by then. So a process that was forked before keeps those for looking at other processes. It does
nothing until it is asked, never reads the network, and gives back nothing but text.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import time
from contextlib import suppress
from typing import NamedTuple

from sockfilter.errors import SockfilterError
from sockfilter.libbpf import binding
from sockfilter.system import rights, sockets

# Seconds that looking may take: with what earlier runs have found, 1000 processes take 0.3 s.
LOOK_S = 0.5
# seconds that the answer may take in addition, on a busy machine
ANSWER_S = 0.5
ANSWER_BYTES_MAX = 64 << 10
# libraries that are told of, and programs of each
LIBRARIES_MAX, PROGRAMS_MAX = 8, 3
ASKED = b"look"


class InUse(NamedTuple):
    """A TLS library that programs with TCP connections use.

    Attributes:
        programs: the names of these programs.
        library: the name of its file.
        reason: why --tls cannot open its connections; empty if it can.
        remedy: what to do instead.
    """

    programs: tuple[str, ...]
    library: str
    reason: str
    remedy: str


class Onlooker:
    """A process that can look at other processes. It ends with this one, or with close().

    Attributes:
        obstacle: why --tls is not possible here, and what to do; empty if it is.
    """

    def __init__(self) -> None:
        self.obstacle = _obstacle()
        self._link, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._found: list[InUse] | None = None
        self._pid = os.fork()
        if self._pid:
            other.close()
            return
        try:
            _serve(other)
        finally:
            os._exit(0)

    def look(self) -> list[InUse]:
        """Returns the TLS libraries that programs with TCP connections use now, or used at the first look. Empty: there
        are none, or it took too long."""
        if self._found is None:
            self._found = []
            self._link.settimeout(LOOK_S + ANSWER_S)
            with suppress(OSError, ValueError):
                self._link.send(ASKED)
                answer = json.loads(self._link.recv(ANSWER_BYTES_MAX))
                self._found = [InUse(tuple(programs), *map(str, rest)) for programs, *rest in answer]
        return self._found

    def close(self) -> None:
        """Ends the process. May be called again."""
        if self._pid:
            self._link.close()
            with suppress(OSError):
                os.waitpid(self._pid, 0)
        self._pid = 0


def _obstacle() -> str:
    from sockfilter.sources.secrets import probes

    try:
        probes.check()
    except SockfilterError as error:
        return f"--tls is not possible here: {error}"
    return ""


def _serve(link: socket.socket) -> None:
    """Answers until the other end is closed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    os.closerange(0, link.fileno())
    os.closerange(link.fileno() + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    _, lib = binding.load()
    keeps = rights.for_looking(rights.permitted())
    lib.sf_capabilities(keeps, keeps, 0)
    lib.sf_no_new_privileges()
    while link.recv(len(ASKED)):
        link.send(json.dumps(in_use()).encode()[:ANSWER_BYTES_MAX])


def in_use() -> list[InUse]:
    """Returns the TLS libraries that programs with TCP connections use, as far as they are found in time."""
    from sockfilter.sources.secrets import mappings
    from sockfilter.sources.secrets.cache import Cache
    from sockfilter.sources.secrets.prober import Prober
    from sockfilter.sources.secrets.reasons import reason

    until_s = time.monotonic() + LOOK_S
    tcp = {found.inode for found in sockets.table("tcp") if found.state in (sockets.ESTABLISHED, sockets.LISTEN)}
    prober = Prober(None, Cache())
    # the programs, by what is said of their library
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for pid in mappings.processes():
        if time.monotonic() > until_s:
            break
        if tcp.isdisjoint(sockets.inodes(pid)):
            continue
        with suppress(OSError):  # it has ended, or rights are missing
            for mapping in mappings.of(pid):
                looked = prober.look_at_mapping(mapping)
                if looked is not None and looked.is_relevant and looked.found is not None:
                    words, remedy = reason(looked.path, looked.found.how)
                    about = os.path.basename(looked.path), "" if looked.found.functions else words, remedy
                    found.setdefault(about, {})[_name(pid)] = None
    return [InUse(_few(list(names)), *about) for about, names in found.items()][:LIBRARIES_MAX]


def _few(names: list[str]) -> tuple[str, ...]:
    return (*names[:PROGRAMS_MAX], *(["others"] if len(names) > PROGRAMS_MAX else []))


def _name(pid: int) -> str:
    with open(f"/proc/{pid}/comm", errors="replace") as file:
        return file.read().strip()

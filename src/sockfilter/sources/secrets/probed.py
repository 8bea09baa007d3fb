"""Secrets from probes as a source: it starts the process that attaches them, and reads the ring."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter import errors
from sockfilter.closing import Closing
from sockfilter.sources.secrets.attacher import JOIN_S, MESSAGE_BYTES_MAX
from sockfilter.sources.secrets.finding import WAYS
from sockfilter.sources.secrets.memories import MemoryRing
from sockfilter.sources.secrets.probes import EVERYBODY, Scope
from sockfilter.sources.secrets.ring import SecretRing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.secret import Secret
    from sockfilter.model.snapshot import Snapshot

# The program of the process: it imports what this process imports, and nothing else. Terminals send signals to all
# processes of a group; this one ends with the capture. It uses _signal, which is built in, because signal imports enum.
PROGRAM = """
import _signal, sys
for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGQUIT):
    _signal.signal(number, _signal.SIG_IGN)
fd, pid, uid = (int(word) for word in sys.argv[1:4])
sys.path[:] = sys.argv[4:]
from sockfilter.sources.secrets.attacher import main
from sockfilter.sources.secrets.finding import WAYS
from sockfilter.sources.secrets.probes import Scope
main(fd, Scope(pid if pid >= 0 else None, uid if uid >= 0 else None))
"""
# Seconds until the process has looked at everything that runs: 10 000 processes take 10 s, and the machine may be busy.
READY_S = 60.0
# Seconds that the process has to end, after which it is killed.
END_S = 2.0
# Seconds in which objects are copied for JOIN_S at most: programs are slowed down for less than a tenth of the time.
JOIN_EVERY_S = 60.0
# Seconds between two looks for messages, which are for people; secrets come at once, by another way.
LISTEN_S = 0.1
# Messages that are read at a time, and files that are kept for people.
MESSAGES_MAX = 64
FILES_MAX = 1024
ENDED = "the process that attaches probes has ended: programs that start from now on are not opened"


class ProbedFile(NamedTuple):
    """A file with TLS.

    Attributes:
        path: its path, as a process sees it.
        how: what was found in it, as enum sf_found_how; 0: it could not be read.
        error: why it is not probed although it could be; empty if it is, or cannot be.
    """

    path: str
    how: int
    error: str

    @property
    def is_probed(self) -> bool:
        """Whether its secrets come."""
        return self.how in WAYS and not self.error


class ProbedSecrets(Closing):
    """Takes the secrets that TLS libraries give to probes, of all processes, from wait_ready() on.

    Args:
        take: takes each secret.
        lose: takes the number of secrets that were lost since the last call.
        whose: whose secrets are taken.
        take_snapshot: takes each copy of the object of a connection that was open before; see join().

    Attributes:
        problem: why secrets of new programs do not come any more, for people; empty if they do.
        files: the files with TLS that are in use, probed or not.
    """

    def __init__(
        self,
        take: Callable[[Secret], None],
        lose: Callable[[int], None],
        whose: Scope = EVERYBODY,
        take_snapshot: Callable[[Snapshot], None] = lambda snapshot: None,
    ) -> None:
        self.problem = ""
        self.files: list[ProbedFile] = []
        self._take, self._lose = take, lose
        self._take_snapshot = take_snapshot
        self._ring: SecretRing | None = None
        self._memories: MemoryRing | None = None
        self._can_join = False
        self._joins_until_s = 0.0
        self._joins_anew_s = 0.0  # when there are JOIN_S again
        self._joins_left_s = 0.0
        self._is_ready = False
        self._listen_at = 0.0  # when it listens to the process again
        self._link, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            whom = (-1 if number is None else number for number in whose)
            words = [sys.executable, "-I", "-S", "-c", PROGRAM, *map(str, (other.fileno(), *whom)), *sys.path]
            try:
                self._process = subprocess.Popen(
                    words,
                    pass_fds=[other.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            except BaseException:
                self._link.close()
                raise

    def wait_ready(self) -> None:
        """Waits until everything that runs is probed.

        Raises:
            MissingCapability: CAP_BPF or CAP_PERFMON is missing.
            KernelUnsupported: the kernel has no such probes.
            ObjectError: the program could not be loaded.
        """
        self._link.settimeout(READY_S)
        while not self._is_ready:
            if not self._receive():
                self.close()
                raise errors.KernelUnsupported("attaching probes: the process that does it has ended; try again")

    def look_at(self, path: str) -> None:
        """Probes a program and the libraries that it will load, before it is started."""
        self._ask(f"path {path}")

    def join(self) -> None:
        """Copies the objects of connections that are open, from now on and for JOIN_S seconds at most. Waits until the
        probes are there."""
        if self._can_join:
            self._note_join()
            self._ask("join")

    def join_again(self) -> bool:
        """Does the same as join() without waiting, but not too often. Returns whether copies may come."""
        now_s = time.monotonic()
        if not self._can_join or self.problem:
            return False
        if now_s >= self._joins_until_s and (self._joins_left_s > 0 or now_s >= self._joins_anew_s):
            self._note_join()
            self._link.setblocking(False)
            with suppress(OSError):
                self._link.send(b"join")
        return now_s < self._joins_until_s

    def _note_join(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._joins_anew_s:
            self._joins_left_s, self._joins_anew_s = JOIN_S, now_s + JOIN_EVERY_S
        self._joins_left_s -= JOIN_S
        self._joins_until_s = now_s + JOIN_S

    def _end_join(self) -> None:
        """Notes that the copying has ended, perhaps before its time."""
        now_s = time.monotonic()
        self._joins_left_s += max(0.0, self._joins_until_s - now_s)
        self._joins_until_s = min(self._joins_until_s, now_s)

    def read(self) -> None:
        """Passes on the secrets that have come since. Never waits."""
        if self._ring is not None:
            self._ring.read()
        if self._memories is not None:
            self._memories.read()
        now = time.monotonic()
        if self.problem or self._link.fileno() < 0 or now < self._listen_at:
            return
        self._listen_at = now + LISTEN_S
        self._link.setblocking(False)
        with suppress(BlockingIOError):
            for _ in range(MESSAGES_MAX):
                if not self._receive():
                    self.problem = ENDED
                    return

    @property
    def counts(self) -> dict[str, int]:
        """What became of the calls of probed functions."""
        return {} if self._ring is None else self._ring.counts

    def close(self) -> None:
        """Detaches all probes. May be called again."""
        self._link.close()
        for ring in (self._ring, self._memories):
            if ring is not None:
                ring.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            # this process may have given up its rights; and the kernel may still be detaching, which nothing hurries
            with suppress(PermissionError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait(END_S)

    def _ask(self, request: str) -> None:
        """Makes a request, and waits for its answer. Does nothing if the process has ended."""
        self._link.settimeout(READY_S)
        with suppress(OSError):
            self._link.send(os.fsencode(request))
            while message := self._receive():
                if "done" in message:
                    return

    def _receive(self) -> dict[str, Any]:
        """Takes a message. Returns it; an empty one if the process has ended. Raises BlockingIOError."""
        try:
            data, fds, _, _ = socket.recv_fds(self._link, MESSAGE_BYTES_MAX, 3)
            message = json.loads(data) if data else {}
        except (ConnectionError, TimeoutError, ValueError):
            return {}
        if len(fds) == 3 and self._ring is None:
            self._ring = SecretRing(fds[0], fds[1], self._take, self._lose)
            self._memories = MemoryRing(fds[2], self._take_snapshot)
        if "error" in message:
            kind = getattr(errors, str(message.get("kind")), errors.KernelUnsupported)
            raise kind(str(message["error"]))
        self._is_ready |= "ready" in message
        if "copied" in message:
            self._end_join()
        self._can_join |= message.get("joins") is True
        if "file" in message and len(self.files) < FILES_MAX:
            about = message["file"]
            self.files.append(ProbedFile(str(about["path"]), int(about["how"]), str(about["error"])))
        return dict(message)

"""A process that attaches probes while a capture runs, and that never sees a byte of the network.

The capture gives up its rights before it reads packets, but programs that start later have to be probed too. So this
process keeps the rights that attaching takes. It reads files of programs, and requests of a few words; the capture gets
from it the ring of secrets, and text.

Requests: "path PATH": look at a program before it runs; and "join": copy the objects of connections that are open, for
JOIN_S seconds at most. Answers are JSON: {"error": ..., "kind": ...} and the end; or {"ring": true} with three
descriptors; {"ready": true} when everything that runs is probed, with "joins": whether the kernel can copy objects; a
{"file": ...} for each file with TLS; {"done": true} for each request; and {"copied": true} when the copying has ended.
"""

from __future__ import annotations

import json
import os
import resource
import select
import socket
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from sockfilter.errors import KernelUnsupported, MissingCapability, SockfilterError
from sockfilter.libbpf import binding
from sockfilter.sources.secrets.cache import Cache
from sockfilter.sources.secrets.mappings import Watch
from sockfilter.sources.secrets.prober import Prober, files_of_program
from sockfilter.sources.secrets.probes import Probes, Scope
from sockfilter.system import rights

if TYPE_CHECKING:
    from sockfilter.sources.secrets.prober import Looked

# bytes of a request or an answer: a path has 4096 at most, and JSON may take six for each
MESSAGE_BYTES_MAX = 32 << 10
# Seconds between two looks at all processes, where the kernel does not report what they map.
LOOK_S = 2
# Seconds for which objects are copied. A probe on what sends and receives slows programs down, so that it is soon
# removed; connections on which nothing passes meanwhile need it again.
JOIN_S = 5.0
# It ends earlier where programs are busy and most objects are known: if within JOIN_LOOK_S seconds at least BUSY_CALLS
# calls passed, and at most one in CALLS_OF_NEW of them was of a new object.
JOIN_LOOK_S = 0.25
BUSY_CALLS = 1000
CALLS_OF_NEW = 100
# requests that are answered before new programs are looked at
REQUESTS_MAX = 16


class _Attacher:
    """Serves one capture until it closes the connection."""

    def __init__(self, link: socket.socket, probes: Probes, watch: Watch | None) -> None:
        self._link = link
        self._watch = watch
        self._probes = probes
        self._prober = Prober(probes, Cache(), self._tell)
        self._join_end_s: float | None = None  # until when objects are copied
        self._join_look_s = 0.0  # when it looks whether that can end
        self._copies = (0, 0)  # calls and copies at the last look

    def run(self) -> None:
        """Looks at everything that runs, and then at what comes. Returns when the capture has ended."""
        self._prober.look_everywhere()
        self._send({"ready": True, "joins": self._probes.copies_objects})
        self._follow_until_end()
        self._prober.close()
        self._prober.save()

    def _follow_until_end(self) -> None:
        poll = select.poll()
        poll.register(self._link, select.POLLIN)
        for fd in [] if self._watch is None else self._watch.descriptors:
            poll.register(fd, select.POLLIN)
        while True:
            poll.poll(self._patience_ms())
            self._end_join()
            self._follow(self._watch)
            for _ in range(REQUESTS_MAX):
                try:
                    request = self._link.recv(MESSAGE_BYTES_MAX, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    break
                if not request:
                    return
                self._serve(request.decode(errors="surrogateescape"))

    def _patience_ms(self) -> float | None:
        """For how long nothing need be done unless something comes."""
        times_s = [float(LOOK_S)] if self._watch is None else []
        if self._join_end_s is not None:
            times_s.append(max(0.0, min(self._join_end_s, self._join_look_s) - time.monotonic()))
        return min(times_s) * 1000 if times_s else None

    def _join(self) -> None:
        if self._join_end_s is None:
            self._prober.attach_calls()
        now_s = time.monotonic()
        self._join_end_s, self._join_look_s = now_s + JOIN_S, now_s + JOIN_LOOK_S
        self._copies = self._probes.copies()

    def _end_join(self) -> None:
        now_s = time.monotonic()
        if self._join_end_s is None or now_s < min(self._join_end_s, self._join_look_s):
            return
        if now_s < self._join_end_s and not self._knows_most():
            self._join_look_s = now_s + JOIN_LOOK_S
            return
        self._join_end_s = None
        self._prober.detach_calls()
        self._send({"copied": True})

    def _knows_most(self) -> bool:
        """Whether there were many calls since the last look, and few of them of objects that were not known."""
        knew, self._copies = self._copies, self._probes.copies()
        calls, copied = (now - before for now, before in zip(self._copies, knew, strict=True))
        return calls >= BUSY_CALLS and copied * CALLS_OF_NEW <= calls

    def _follow(self, watch: Watch | None) -> None:
        """Looks at what has been mapped since."""
        if watch is None:
            self._prober.look_everywhere()
            return
        for mapping in watch.read():
            if self._prober.look_at_mapping(mapping) is None:
                watch.forget(mapping)
        if watch.has_lost:
            watch.has_lost = False
            self._prober.look_everywhere()

    def _serve(self, request: str) -> None:
        what, _, argument = request.partition(" ")
        if what == "join":
            self._join()
        elif what == "path":
            for path in files_of_program(argument):
                self._prober.look_at(path)
        self._prober.save()
        self._send({"done": True})

    def _tell(self, looked: Looked) -> None:
        how = looked.found.how if looked.found is not None else 0
        self._send({"file": {"path": looked.path, "how": how, "error": looked.error}})

    def _send(self, message: dict[str, Any]) -> None:
        """Sends a message. A capture that does not read them misses some, and nothing waits for it."""
        with suppress(BlockingIOError, ValueError):
            data = json.dumps(message).encode()
            if len(data) <= MESSAGE_BYTES_MAX:
                self._link.send(data, 0 if "file" not in message else socket.MSG_DONTWAIT)


def main(fd: int, whose: Scope) -> None:
    """Runs in a process of its own until the other end of the connection is closed.

    Args:
        fd: the connection: a Unix socket with boundaries between messages.
        whose: whose secrets are taken.
    """
    with socket.socket(fileno=fd) as link, suppress(BrokenPipeError, ConnectionError):
        try:
            with Probes(whose) as probes, ExitStack() as stack:
                watch = _watch(stack)
                _confine(probes.needs_admin)
                socket.send_fds(link, [b'{"ring": true}'], list(probes.descriptors))
                _Attacher(link, probes, watch).run()
        except SockfilterError as error:
            link.send(json.dumps({"error": str(error), "kind": type(error).__name__}).encode())


def _watch(stack: ExitStack) -> Watch | None:
    """Opens the watch for new programs. None: the kernel does not permit it, as in some sandboxes."""
    try:
        return stack.enter_context(Watch())
    except (MissingCapability, KernelUnsupported):
        return None


def _confine(needs_admin: bool) -> None:
    """Keeps only the rights that attaching takes, for good. A core file would have the ring's secrets in it."""
    _, lib = binding.load()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    keeps = rights.for_probing(rights.permitted(), needs_admin)
    lib.sf_capabilities(keeps, keeps, 0)
    lib.sf_no_new_privileges()
    os.chdir("/")

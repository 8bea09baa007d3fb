"""Captures live interfaces: one BPF program on a packet socket per interface, and one ring."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from sockfilter.libbpf.ring import ring_bytes
from sockfilter.sources.changes import CHANGES_MAX, Change, Changes, InterfaceEvent
from sockfilter.sources.narrowing import KernelFilter
from sockfilter.sources.packets import interfaces
from sockfilter.sources.packets.attachment import attach
from sockfilter.sources.packets.presence import InterfaceWatch
from sockfilter.sources.packets.request import AttachRequest
from sockfilter.sources.records import ALL_BYTES, RING_BYTES, RecordSource
from sockfilter.system import namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sockfilter.sources.packets.attachment import Attachment
    from sockfilter.sources.packets.interfaces import Interface

    # the request, and what to call while the kernel verifies the program
    Attach: TypeAlias = Callable[[AttachRequest, Callable[[], None]], tuple[list[Interface], Attachment]]

# bytes; more than the largest frame, which has 8 * 65 535 (GSO_MAX_SIZE)
WHOLE_FRAME = 1 << 20


class LiveSource(RecordSource):
    """The records of the HTTP connections on interfaces, from construction until close().

    Args:
        names: of the interfaces; "any" means all of them.
        kernel_filter: the filter that runs in the kernel.
        netns: a network namespace, by name or by the PID of a process in it; None means this one.
        ring: bytes of the ring, rounded up to a power of two.
        frame_bytes: maximum bytes kept of each frame; None keeps all.
        run_bytes: consecutive payload bytes of one direction that are sent even if the ring fills; None means all.
        promiscuous: capture frames for other hosts too, as on a mirror port.
        whole: also send frames without meaning for HTTP, for a capture file.
        attached: makes the attachment, as attachment.attach() does.
        meanwhile: called while the kernel verifies the program, and before the first packet is seen.

    Raises:
        SockfilterError: a subclass for each cause.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        kernel_filter: KernelFilter | None = None,
        netns: str | None = None,
        ring: int = RING_BYTES,
        frame_bytes: int | None = None,
        run_bytes: int | None = None,
        promiscuous: bool = False,
        whole: bool = False,
        attached: Attach = attach,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        kernel_filter = kernel_filter or KernelFilter()
        request = AttachRequest(
            interfaces=interfaces.distinct(names),
            ring=ring_bytes(ring),
            promiscuous=promiscuous,
            whole=whole,
            frame_bytes=min(frame_bytes or WHOLE_FRAME, WHOLE_FRAME),
            run_bytes=ALL_BYTES if run_bytes is None else min(run_bytes, ALL_BYTES),
            family=kernel_filter.family or 0,
            host=kernel_filter.host(),
            ports=kernel_filter.port_map(),
            protocols=kernel_filter.protocol_bits(),
            tls=kernel_filter.tls,
        )
        with ExitStack() as stack:
            self._netns, self._namespace = netns, namespace.NamedNamespace(netns)
            with namespace.entered(netns):
                self._names = stack.enter_context(interfaces.NameCache())
                found, attachment = attached(request, meanwhile)
            super().__init__(attachment, request.ring, kernel_filter)
            stack.push(self._stack)
            self._changes = Changes(maxlen=CHANGES_MAX)
            self._presences = [
                InterfaceWatch(each, self._names, partial(attachment.rebind, position), changes=self._changes)
                for position, each in enumerate(found)
            ]
            self._announcements = self._names.announcements.fileno()
            if self._announcements is not None:
                self.also_wake_for(self._announcements)
            self._stack = stack.pop_all()
        self._looking = Lock()  # one thread may wait while another drains

    @property
    def interface(self) -> Interface:
        """The last known state of the first interface."""
        return self._presences[0].interface

    @property
    def name(self) -> str:
        """The last known names of the interfaces."""
        return ", ".join(presence.interface.name for presence in self._presences)

    @property
    def changes(self) -> Changes:
        """The changes of the interfaces, the oldest first. The caller removes them."""
        return self._changes

    def interface_name(self, index: int) -> str:
        """Returns an interface's name by the index in a record; the index as text if the interface was deleted."""
        return self._names.of(index)

    def keep_up(self) -> None:
        """Handles changes of the interfaces. Call it about once a second."""
        with self._looking:
            if self._names.follow() or any(presence.is_settling for presence in self._presences):
                announced = self._names.take_announced()
                for presence in self._presences:
                    presence.look(announced)
            if self._namespace.has_gone():
                self._changes.append(Change(InterfaceEvent.NAMESPACE_GONE, str(self._netns), ""))

    def skip_content(self, stream: int, number: int) -> bool:
        """Tells the program to leave out the content of one stream of HTTP/2. Returns whether it may do so."""
        self._ring.skip(stream, self._lib.SF_SKIP_CONTENT, number)
        return True

    def _was_woken_by(self, fds: list[int]) -> None:
        if self._announcements in fds:
            self.keep_up()

"""The arguments of a capture in groups: which traffic, whose traffic, and what to keep of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from sockfilter.errors import InvalidArgument
from sockfilter.model.budget import MEMORY_BYTES, MEMORY_BYTES_MIN
from sockfilter.model.policy import BodyPolicy
from sockfilter.model.protocols import wanted
from sockfilter.outputs.fan import Wants
from sockfilter.sources.narrowing import KernelFilter, host_list, namespace_name, port_ranges
from sockfilter.sources.records import RING_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sockfilter.captures.selection import Selection
    from sockfilter.filters.where import Where
    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.model.protocols import Protocols
    from sockfilter.outputs.fan import Fan
    from sockfilter.sources.narrowing import Hosts, Ports
    from sockfilter.tls.store import SecretStore

# The default number of bytes to keep of each body.
BODY_BYTES = 16 << 10
# Bytes for a head before the body, in the part that the program sends even when the ring fills.
HEAD_ROOM_BYTES = 16 << 10
# A limit above the size of any body.
ALL = 1 << 62


class CaptureArguments(TypedDict, total=False):
    """The arguments of capture() beside the interface that a test may give to a wire: all but a program's objects."""

    via: str
    pid: int | Sequence[int] | None
    comm: str | Sequence[str] | None
    cgroup: str | None
    unix: bool | None
    ports: Ports | None
    host: Hosts | None
    family: int | None
    protocols: Protocols | None
    where: Where | str | None
    pcap: str | None
    netns: str | int | None
    body: int | None
    ring: int
    memory: int
    snap: int | None
    promiscuous: bool
    processes: bool | None
    broker: str | None
    keylog: str | None
    tls: bool
    tcp: bool | None
    stacks: bool
    all_hops: bool


class Traffic(NamedTuple):
    """Which traffic to capture, and how. The attributes are arguments of capture()."""

    interface: str | Sequence[str] | None = None
    via: str = "packets"
    ports: Ports | None = None
    host: Hosts | None = None
    family: int | None = None
    netns: str | int | None = None
    ring: int = RING_BYTES
    snap: int | None = None
    promiscuous: bool = False
    broker: str | None = None
    protocols: Protocols | None = None
    keylog: str | None = None
    tls: bool = False
    pcap: str | None = None

    @property
    def opens_tls(self) -> bool:
        """Whether there is a source of secrets, so that connections of TLS are wanted."""
        return self.tls or self.keylog is not None

    def check(self) -> None:
        """Raises InvalidArgument if an argument is of a wrong type, or cannot be meant."""
        if self.tls not in (True, False):
            raise InvalidArgument(f"tls={self.tls!r}: it must be True or False")
        check_keylog_path(self.keylog)
        for name, size in (("ring", self.ring), ("snap", self.snap)):
            if size is not None:
                check_number(name, size)

    def kernel_filter(self) -> KernelFilter:
        """Returns the filter for the kernel. Raises InvalidArgument."""
        made = narrowed(self.ports, self.host, self.family, wanted(self.protocols, ()))
        return made._replace(tls=self.opens_tls, pcap=self.pcap or "")

    @property
    def namespace(self) -> str | None:
        """netns as a text."""
        return namespace_name(self.netns)


class Whose(NamedTuple):
    """Whose traffic to capture, and what to find out beside it. The attributes are arguments of capture()."""

    pid: int | Sequence[int] | None = None
    comm: str | Sequence[str] | None = None
    cgroup: str | None = None
    unix: bool | None = None
    processes: bool | None = None
    tcp: bool | None = None
    stacks: bool = False


class Keeping(NamedTuple):
    """What to keep, and where it goes.

    Attributes:
        policy: what to keep of bodies.
        memory: the bytes that open connections may take in total.
        emit: is called with each exchange when it ends. None: the capture keeps the exchanges.
        outputs: the outputs that receive what they want from the capture. They receive exchanges only without emit.
        emit_message: is called with each message without a response as it passes. None: the capture keeps the messages
            if it keeps the exchanges.
        secrets: the secrets that open TLS. None: TLS is not read.
        selection: which exchanges and messages are passed on or kept. None: all.
        all_hops: keep the exchanges of a connection on each interface that it crosses.
    """

    policy: BodyPolicy
    memory: int = MEMORY_BYTES
    emit: Callable[[Exchange], None] | None = None
    outputs: Fan | None = None
    emit_message: Callable[[StreamMessage], None] | None = None
    secrets: SecretStore | None = None
    selection: Selection | None = None
    all_hops: bool = False

    @property
    def has_frames(self) -> bool:
        """Whether an output wants the records as the source gives them."""
        return self.outputs is not None and Wants.FRAMES in self.outputs.wants

    @property
    def run_bytes(self) -> int | None:
        """Consecutive payload bytes of one direction that are needed even when the ring fills. None: all."""
        return None if self.has_frames or self.policy.limit == ALL else self.policy.limit + HEAD_ROOM_BYTES


def narrowed(
    ports: Ports | None, host: Hosts | None, family: int | None, protocols: frozenset[str] = frozenset()
) -> KernelFilter:
    """Returns the filter for these arguments. Raises InvalidArgument."""
    if family not in (None, 4, 6):
        raise InvalidArgument(f"family={family!r}: it must be 4, 6, or None for both")
    ranges = None if ports is None else port_ranges(ports)
    if ranges == []:
        raise InvalidArgument("ports is empty, so nothing would be captured; None means all ports")
    return KernelFilter(ranges, host_list(host), family, protocols)


def selected(where: Where | str | None, policy: BodyPolicy) -> Selection | None:
    """Returns the selection for the argument where. Raises InvalidArgument."""
    if where is None:
        return None
    from sockfilter.captures.selection import Selection  # imports all conditions

    made = Selection(where)
    made.check(policy)
    return made


def check_number(name: str, value: object) -> None:
    """Raises InvalidArgument if an argument is not a whole number."""
    if not hasattr(value, "__index__"):
        raise InvalidArgument(f"{name}={value!r}: it must be a number of bytes")


def check_keylog_path(keylog: object) -> None:
    """Raises InvalidArgument if the argument keylog cannot be the path of a file."""
    if keylog is None:
        return
    if not isinstance(keylog, (str, bytes, os.PathLike)):
        raise InvalidArgument(f"keylog={keylog!r}: it must be the path of a key log, or None")
    if not os.fspath(keylog):
        raise InvalidArgument(f"keylog={keylog!r}: the name of the file is empty; None means no key log")


def check_memory(memory: int) -> None:
    """Raises InvalidArgument if it is less than a capture needs."""
    check_number("memory", memory)
    if memory < MEMORY_BYTES_MIN:
        raise InvalidArgument(f"memory={memory}: it must be a number of bytes, {MEMORY_BYTES_MIN} or greater")


def body_policy(body: int | None) -> BodyPolicy:
    """Returns the policy for the argument body, in bytes of each body. None: all. Raises InvalidArgument."""
    if body is not None:
        check_number("body", body)
    if body is not None and body < 0:
        raise InvalidArgument(f"body={body}: a number of bytes cannot be negative")
    return BodyPolicy(ALL if body is None else body)

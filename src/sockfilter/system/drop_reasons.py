"""What the running kernel calls the reasons for which it drops packets, from its own types (BTF)."""

from __future__ import annotations

from sockfilter.libbpf import tracepoints

PREFIX = "SKB_DROP_REASON_"
SUBSYSTEM_PREFIX = f"{PREFIX}SUBSYS_"
# include/net/dropreason.h: the upper half of a number is that of a subsystem, which has reasons of its own
SUBSYSTEM_SHIFT = 16
NOT_SPECIFIED = "NOT_SPECIFIED"
# Drops that lose nothing: the bytes had come before, their reader had gone, or the copy was a sniffer's.
HARMLESS = frozenset(
    (
        *("TCP_OLD_DATA", "TCP_OLD_SEQUENCE", "TCP_OLD_ACK", "TCP_OFOMERGE"),
        *("QUEUE_PURGE", "SOCKET_CLOSE", "PACKET_SOCK_ERROR"),
    )
)
# The functions that give packets to sniffers, and that empty the queues of a closed socket: older kernels give no
# reason for these drops.
HARMLESS_PLACES = frozenset(("packet_rcv", "tpacket_rcv", "sk_stream_kill_queues"))


class DropReasons:
    """The running kernel's names of drop reasons, without their common prefix. There are none before Linux 5.17."""

    def __init__(self) -> None:
        found = tracepoints.enumeration("skb_drop_reason")
        self._names = {value: name.removeprefix(PREFIX) for value, name in found.items()}
        subsystems = tracepoints.enumeration("skb_drop_reason_subsys")
        self._subsystems = {value: name.removeprefix(SUBSYSTEM_PREFIX) for value, name in subsystems.items()}

    @property
    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(name for name in self._names.values() if name not in ("MAX", "SUBSYS_MASK"))

    def name(self, reason: int) -> str | None:
        """Returns the name of a reason; None if the kernel gives none."""
        if not self._names:
            return None
        known = self._names.get(reason)
        if known is None:
            subsystem = self._subsystems.get(reason >> SUBSYSTEM_SHIFT, str(reason >> SUBSYSTEM_SHIFT))
            known = f"{subsystem} {reason & (1 << SUBSYSTEM_SHIFT) - 1}"
        return known

"""What was counted: packets, bytes and segments, by place, direction, protocol, EtherType and VLAN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sockfilter.system.devices import DeviceCounts

Key = TypeVar("Key")

# the versions of IP
V4, V6 = 4, 6


class Counted(NamedTuple):
    """Packets, their bytes from the link header on, and how many packets they are on the wire.

    Offload makes several packets on the wire of one (TSO), or one of several (GRO): then segments is larger than
    packets. The bytes are those of the packets as the kernel has them.
    """

    packets: int = 0
    bytes: int = 0
    segments: int = 0

    def plus(self, other: Counted) -> Counted:
        """Returns the sum."""
        return Counted(self[0] + other[0], self[1] + other[1], self[2] + other[2])

    def minus(self, before: Counted) -> Counted:
        """Returns the difference."""
        return Counted(self[0] - before[0], self[1] - before[1], self[2] - before[2])


NOTHING = Counted()


def summed(counts: Iterable[Counted]) -> Counted:
    """Returns the sum of counts."""
    return Counted(*map(sum, zip(*counts, strict=True))) if (counts := list(counts)) else NOTHING


class DirectionCounts(NamedTuple):
    """The packets of one direction at one place.

    Attributes:
        protocols: by IP version and protocol number. Of IPv6, the number behind the extension headers. Number 0 is a
            protocol like others.
        ether_types: what is not IP, by EtherType. 0: frames of IEEE 802.3, which have a length in its place.
        malformed: by IP version: too short for an IP header.
        unlisted: EtherTypes that found no room in the table.
        extensions: of protocols: IPv6 extension headers, by number.
        vlans: of all of these: by VLAN identifiers, the outer one first.
        unlisted_vlans: VLANs that found no room in the table.
    """

    protocols: Mapping[tuple[int, int], Counted] = {}
    ether_types: Mapping[int, Counted] = {}
    malformed: Mapping[int, Counted] = {}
    unlisted: Counted = NOTHING
    extensions: Mapping[int, Counted] = {}
    vlans: Mapping[tuple[int, ...], Counted] = {}
    unlisted_vlans: Counted = NOTHING

    @property
    def total(self) -> Counted:
        """All packets of this direction."""
        return summed(
            [*self.protocols.values(), *self.ether_types.values(), *self.malformed.values(), self.unlisted],
        )

    def minus(self, before: DirectionCounts) -> DirectionCounts:
        """Returns what was counted since."""
        return DirectionCounts(
            difference(self.protocols, before.protocols),
            difference(self.ether_types, before.ether_types),
            difference(self.malformed, before.malformed),
            self.unlisted.minus(before.unlisted),
            difference(self.extensions, before.extensions),
            difference(self.vlans, before.vlans),
            self.unlisted_vlans.minus(before.unlisted_vlans),
        )

    def as_dict(self) -> dict[str, Any]:
        """Returns everything as a dict of lists and numbers, for JSON."""
        return {
            **self.total._asdict(),
            "protocols": [
                {"version": version, "protocol": number, **count._asdict()}
                for (version, number), count in sorted(self.protocols.items())
            ],
            "ether_types": [
                {"ether_type": number or None, **count._asdict()} for number, count in sorted(self.ether_types.items())
            ],
            "malformed": _rows("version", self.malformed),
            "extensions": _rows("header", self.extensions),
            "vlans": [{"vlan": list(vlan), **count._asdict()} for vlan, count in sorted(self.vlans.items())],
            "unlisted": self.unlisted._asdict(),
            "unlisted_vlans": self.unlisted_vlans._asdict(),
        }


def _rows(name: str, counts: Mapping[int, Counted]) -> list[dict[str, int]]:
    return [{name: number, **count._asdict()} for number, count in sorted(counts.items())]


def difference(now: Mapping[Key, Counted], before: Mapping[Key, Counted]) -> dict[Key, Counted]:
    """Returns the difference of counts by their keys, without those that did not change."""
    made = {key: count.minus(before.get(key, NOTHING)) for key, count in now.items()}
    return {key: count for key, count in made.items() if count.packets}


class StationCounts(NamedTuple):
    """What one place has counted. Without a direction, `sent` has nothing: XDP sees arriving packets only.

    Attributes:
        received: the packets that arrived.
        sent: the packets that were sent.
    """

    received: DirectionCounts = DirectionCounts()
    sent: DirectionCounts = DirectionCounts()

    def minus(self, before: StationCounts) -> StationCounts:
        """Returns what was counted since."""
        return StationCounts(self.received.minus(before.received), self.sent.minus(before.sent))


class DropCounts(NamedTuple):
    """Packets that the kernel dropped, by its name of the reason; those that were to be sent apart."""

    received: Mapping[str, Counted] = {}
    sent: Mapping[str, Counted] = {}

    def minus(self, before: DropCounts) -> DropCounts:
        """Returns what was dropped since."""
        return DropCounts(difference(self.received, before.received), difference(self.sent, before.sent))


class PacketCounts(NamedTuple):
    """Everything that was counted at an interface, at one moment or between two: `later - earlier` is a PacketCounts.

    Attributes:
        interface: its name.
        seconds: since the counting began, or between the two moments.
        stations: by name: "tap", and those that were asked for ("xdp", "tcx").
        device: the driver's own counters, if they were asked for.
        delivered: TCP segments that reached an established socket, if they were asked for.
        drops: dropped packets, if they were asked for.
    """

    interface: str
    seconds: float
    stations: Mapping[str, StationCounts]
    device: DeviceCounts | None = None
    delivered: Counted | None = None
    drops: DropCounts | None = None

    @property
    def tap(self) -> StationCounts:
        """What was counted where packet sockets get their packets."""
        return self.stations["tap"]

    @property
    def places(self) -> list[str]:
        """Where it was counted, as --at spells it."""
        parts = (("device", self.device), ("socket", self.delivered), ("drops", self.drops))
        return [*self.stations, *(name for name, counted in parts if counted is not None)]

    def __sub__(self, before: PacketCounts) -> PacketCounts:
        """Returns what was counted since. Raises InvalidArgument: it was counted elsewhere."""
        if self.interface != before.interface or set(self.places) != set(before.places):
            raise InvalidArgument(
                f"subtracting counts at {', '.join(before.places)} of {before.interface} from counts at"
                f" {', '.join(self.places)} of {self.interface}: take snapshots of one counting"
            )
        return PacketCounts(
            self.interface,
            self.seconds - before.seconds,
            {name: counts.minus(before.stations[name]) for name, counts in self.stations.items()},
            None if self.device is None or before.device is None else self.device.minus(before.device),
            None if self.delivered is None or before.delivered is None else self.delivered.minus(before.delivered),
            None if self.drops is None or before.drops is None else self.drops.minus(before.drops),
        )

    def as_dict(self) -> dict[str, Any]:
        """Returns everything as a dict of dicts and numbers, for JSON."""
        made: dict[str, Any] = {"interface": self.interface, "seconds": round(self.seconds, 6)}
        if self.device is not None:
            made["device"] = self.device._asdict()
        for name, station in self.stations.items():
            made[name] = {"received": station.received.as_dict()}
            if name != "xdp":  # which sees arriving packets only
                made[name]["sent"] = station.sent.as_dict()
        if self.delivered is not None:
            made["socket"] = self.delivered._asdict()
        if self.drops is not None:
            made["drops"] = {
                direction: {reason: count._asdict() for reason, count in drops.items()}
                for direction, drops in self.drops._asdict().items()
            }
        return made

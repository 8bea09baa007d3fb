"""What was counted as dicts and numbers, for JSON. Keys are text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sockfilter.counting.counts import Counted, DirectionCounts, PacketCounts


def as_dict(counts: PacketCounts) -> dict[str, Any]:
    """Returns everything that was counted."""
    made: dict[str, Any] = {"interface": counts.interface, "seconds": round(counts.seconds, 6)}
    if counts.device is not None:
        made["device"] = counts.device._asdict()
    for name, station in counts.stations.items():
        made[name] = {"received": _direction(station.received)}
        if name != "xdp":  # which sees arriving packets only
            made[name]["sent"] = _direction(station.sent)
    if counts.delivered is not None:
        made["socket"] = _counted(counts.delivered)
    if counts.drops is not None:
        made["drops"] = {
            direction: {reason: _counted(count) for reason, count in drops.items()}
            for direction, drops in (("received", counts.drops.received), ("sent", counts.drops.sent))
        }
    return made


def _counted(count: Counted) -> dict[str, int]:
    return count._asdict()


def _direction(direction: DirectionCounts) -> dict[str, Any]:
    made: dict[str, Any] = _counted(direction.total)
    made["protocols"] = [
        {"version": version, "protocol": number, **_counted(count)}
        for (version, number), count in sorted(direction.protocols.items())
    ]
    made["ether_types"] = [
        {"ether_type": number or None, **_counted(count)} for number, count in sorted(direction.ether_types.items())
    ]
    for name, found in (("malformed", direction.malformed), ("extensions", direction.extensions)):
        key = "version" if name == "malformed" else "header"
        made[name] = [{key: number, **_counted(count)} for number, count in sorted(found.items())]
    made["vlans"] = [{"vlan": list(vlan), **_counted(count)} for vlan, count in sorted(direction.vlans.items())]
    made["unlisted"] = _counted(direction.unlisted)
    made["unlisted_vlans"] = _counted(direction.unlisted_vlans)
    return made

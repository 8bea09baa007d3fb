"""What sockfilter count shows to people: a table, and a line at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sockfilter.counting.counts import NOTHING, Counted
from sockfilter.counting.protocol_names import ether_type_name, protocol_name
from sockfilter.forms.sizes import size_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sockfilter.counting.counts import DirectionCounts, PacketCounts

GAP = "  "
# protocols, EtherTypes and VLANs that the line at the end names
NAMED_MAX = 12
# lines of the terminal that stay free for the prompt
FREE_LINES = 2
PLACE_WIDTH = 26

Row = tuple[str, ...]
Key = TypeVar("Key")


def table(counts: PacketCounts, modes: Mapping[str, str], lines_max: int | None = None) -> str:
    """Returns a table of an interval: packets and bytes a second at each place, and what the packets were.

    Args:
        counts: what was counted in the interval.
        modes: the modes of places that have several.
        lines_max: lines at most. None: no limit.
    """
    places = list(_places(counts, modes))
    kinds = list(_kinds(counts))
    rows = [(f"{counts.interface}, {counts.seconds:.1f} s", "packets", "packets/s", "bytes", "bytes/s"), *places]
    rows += [("at the tap", "received", "bytes", "sent", "bytes"), *kinds] if kinds else []
    shown = _aligned(rows)
    if kinds:
        shown.insert(len(places) + 1, "")
    room = len(shown) if lines_max is None else max(1, lines_max - FREE_LINES)
    if len(shown) > room:
        shown = [*shown[: room - 1], f"... {len(shown) - room + 1} more lines"]
    return "".join(f"{line}\n" for line in shown)


def _places(counts: PacketCounts, modes: Mapping[str, str]) -> Iterator[Row]:
    seconds = counts.seconds
    device = counts.device
    if device is not None:
        yield _rates("device, received", Counted(device.rx_packets, device.rx_bytes), seconds)
        yield _rates("device, sent", Counted(device.tx_packets, device.tx_bytes), seconds)
        lost = {
            "received, dropped": device.rx_dropped,
            "received, errors": device.rx_errors,
            "sent, dropped": device.tx_dropped,
            "sent, errors": device.tx_errors,
        }
        yield from ((f"device, {name}", str(number), "", "", "") for name, number in lost.items() if number)
    for name in ("xdp", "tap", "tcx"):
        if name not in counts.stations:
            continue
        station = counts.stations[name]
        mode = f" ({modes[name]})" if name in modes else ""
        yield _rates(f"{name}{mode}, received", station.received.total, seconds)
        if name != "xdp":
            yield _rates(f"{name}, sent", station.sent.total, seconds)
    if counts.delivered is not None:
        yield _rates("socket (TCP), received", counts.delivered, seconds)
    if counts.drops is not None:
        for direction, drops in (("received", counts.drops.received), ("sent", counts.drops.sent)):
            for reason, count in sorted(drops.items(), key=_by_packets):
                yield _rates(f"dropped, {direction}, {reason}", count, seconds)
        if not counts.drops.received and not counts.drops.sent:
            yield _rates("dropped", NOTHING, seconds)


def _kinds(counts: PacketCounts) -> Iterator[Row]:
    """What the packets at the tap were, the most frequent first."""
    received, sent = (dict(_named(direction)) for direction in counts.tap)
    names = list(dict.fromkeys([*received, *sent]))
    groups = {name: (received.get(name, NOTHING), sent.get(name, NOTHING)) for name in names}
    for name, pair in sorted(groups.items(), key=lambda one: -one[1][0].packets - one[1][1].packets):
        one, other = pair
        yield (name, str(one.packets), size_text(one.bytes), str(other.packets), size_text(other.bytes))


def _named(direction: DirectionCounts) -> Iterator[tuple[str, Counted]]:
    for (version, number), count in direction.protocols.items():
        yield f"IPv{version} {_with_number(number)}", count
    for number, count in direction.ether_types.items():
        yield f"not IP: {ether_type_name(number)}", count
    for version, count in direction.malformed.items():
        yield f"IPv{version}, too short for a header", count
    if direction.unlisted.packets:
        yield "not IP: other EtherTypes", direction.unlisted
    for vlan, count in direction.vlans.items():
        yield f"of these in VLAN {vlan_text(vlan)}", count
    if direction.unlisted_vlans.packets:
        yield "of these in other VLANs", direction.unlisted_vlans
    for number, count in direction.extensions.items():
        yield f"of these with IPv6 header {_with_number(number)}", count


def _with_number(number: int) -> str:
    name = protocol_name(number)
    return name if name.startswith("protocol") else f"{name} ({number})"


def vlan_text(vlan: tuple[int, ...]) -> str:
    """Returns VLAN identifiers, the outer one first."""
    return ".".join(map(str, vlan))


def _rates(name: str, count: Counted, seconds: float) -> Row:
    if not seconds:
        return name, str(count.packets), "-", size_text(count.bytes), "-"
    return (
        *(name, str(count.packets), f"{count.packets / seconds:.0f}"),
        *(size_text(count.bytes), size_text(round(count.bytes / seconds))),
    )


def _by_packets(one: tuple[object, Counted]) -> int:
    return -one[1].packets


def _aligned(rows: list[Row]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    widths[0] = max(widths[0], PLACE_WIDTH)
    return [
        GAP.join(
            [row[0].ljust(widths[0]), *(cell.rjust(room) for cell, room in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    ]


def summary(counts: PacketCounts) -> str:
    """Returns one line: what the packets at the tap were, both directions together."""
    protocols: dict[int, Counted] = {}
    ether_types: dict[int, Counted] = {}
    vlans: dict[tuple[int, ...], Counted] = {}
    malformed = unlisted = 0
    for direction in counts.tap:
        for (_, number), count in direction.protocols.items():
            protocols[number] = protocols.get(number, NOTHING).plus(count)
        for number, count in direction.ether_types.items():
            ether_types[number] = ether_types.get(number, NOTHING).plus(count)
        for vlan, count in direction.vlans.items():
            vlans[vlan] = vlans.get(vlan, NOTHING).plus(count)
        malformed += sum(count.packets for count in direction.malformed.values())
        unlisted += direction.unlisted.packets
    parts = [_listed(f"{protocol_name(number)} {count.packets}" for number, count in _most(protocols))]
    if ether_types or unlisted:
        others = [f"{ether_type_name(number)} {count.packets}" for number, count in _most(ether_types)]
        parts.append(f"not IP: {_listed([*others, *([f'others {unlisted}'] if unlisted else [])])}")
    if malformed:
        parts.append(f"malformed IP headers: {malformed}")
    if vlans:
        parts.append(_listed(f"VLAN {vlan_text(vlan)}: {count.packets}" for vlan, count in _most(vlans)))
    total = counts.tap.received.total.plus(counts.tap.sent.total)
    if total.segments > total.packets:
        parts.append(f"with offload: {total.packets} packets, which are {total.segments} on the wire")
    if counts.drops is not None:
        drops = sum(c.packets for side in counts.drops for c in side.values())
        parts.append(f"dropped: {drops}")
    return f"{counts.interface}, {counts.seconds:.1f} s: {'; '.join(filter(None, parts)) or 'no packets'}"


def _most(found: dict[Key, Counted]) -> list[tuple[Key, Counted]]:
    return sorted(found.items(), key=_by_packets)


def _listed(words: Iterable[str]) -> str:
    found = list(words)
    more = len(found) - NAMED_MAX
    return ", ".join([*found[:NAMED_MAX], *([f"and {more} more"] if more > 0 else [])])

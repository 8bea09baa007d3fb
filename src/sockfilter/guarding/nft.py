"""The same rules for nftables, for what should stay after the guard has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.guarding.replies import reply_ports
from sockfilter.guarding.rules import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sockfilter.guarding.rules import Rules

TABLE = "sockfilter_guard"
# as many as in the guard's own table
SOURCES = 65536
# seconds after which nftables forgets a source
FORGET_S = 3600
OPENING = "tcp flags & (syn | ack) == syn"
PREFIX6 = "ffff:ffff:ffff:ffff::"


def nft_rules(interface: str, rules: Rules) -> str:
    """Returns a file for `nft -f`: a table of its own, which replaces one that an earlier call has made.

    Args:
        interface: the interface.
        rules: the rules.
    """
    lines = [f"table netdev {TABLE}", f"delete table netdev {TABLE}", f"table netdev {TABLE} {{"]
    if rules.rate is not None:
        lines += _set("sources4", "ipv4_addr") + _set("sources6", "ipv6_addr")
    lines += [
        "\tchain ingress {",
        f'\t\ttype filter hook ingress device "{interface}" priority 0; policy accept;',
        *(f"\t\t{rule}" for rule in _rules(rules)),
        "\t}",
        "}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _set(name: str, kind: str) -> list[str]:
    return [
        f"\tset {name} {{",
        f"\t\ttype {kind}; size {SOURCES}; flags dynamic,timeout; timeout {FORGET_S}s;",
        "\t}",
    ]


def _rules(rules: Rules) -> Iterator[str]:
    # fragments pass, and replies to clients of this host
    yield "ip frag-off & 0x3fff != 0 accept"
    yield "exthdr frag exists accept"
    if rules.udp and rules.allow is not None:
        yield f"udp dport {_range(reply_ports())} accept"
    yield from _sources(rules)
    openings = {"tcp": OPENING, "udp": "meta l4proto udp"} if rules.udp else {"tcp": OPENING}
    for protocol, opening in openings.items():
        if rules.allow is not None:
            yield f"{opening} {protocol} dport != {_ports(rules.allow)} counter drop"
        if rules.deny is not None:
            yield f"{opening} {protocol} dport {_ports(rules.deny)} counter drop"
    if rules.rate is not None:
        limit = f"limit rate over {rules.rate.number}/{UNITS[rules.rate.unit]} burst {rules.rate.burst} packets"
        for opening in openings.values():
            yield f"{opening} add @sources4 {{ ip saddr {limit} }} counter drop"
            yield f"{opening} add @sources6 {{ ip6 saddr & {PREFIX6} {limit} }} counter drop"


def _sources(rules: Rules) -> Iterator[str]:
    for family, word, protocol in ((4, "ip", "ip"), (6, "ip6", "ip6")):
        exempt = [network for network in rules.not_sources if _family(network) == family]
        if exempt:
            yield f"{word} saddr {_networks(exempt)} accept"
        if rules.sources:
            judged = [network for network in rules.sources if _family(network) == family]
            yield f"{word} saddr != {_networks(judged)} accept" if judged else f"meta protocol {protocol} accept"


def _family(network: str) -> int:
    return 6 if ":" in network else 4


def _networks(networks: Iterable[str]) -> str:
    import ipaddress  # slow to import

    # a set of intervals has no overlaps
    found = [ipaddress.ip_network(network, strict=False) for network in networks]
    return f"{{ {', '.join(str(network) for network in ipaddress.collapse_addresses(found))} }}"  # type: ignore[type-var]  # all are of one family


def _ports(ranges: Iterable[tuple[int, int]]) -> str:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return f"{{ {', '.join(map(_range, merged))} }}"


def _range(ends: tuple[int, int]) -> str:
    first, last = ends
    return str(first) if first == last else f"{first}-{last}"

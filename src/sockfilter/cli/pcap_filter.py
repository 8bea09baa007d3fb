"""Filters of pcap-filter(7): simple ones mean --ports, --host, -4 and -6; libpcap compiles the others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

TOKEN = re.compile(r"&&|\|\||[()!]|[^\s()!&|]+|.")
AND = ("and", "&&")
# The words that can begin a filter.
WORDS = frozenset(
    "port portrange host net tcp ip ip6 src dst not udp icmp icmp6 arp rarp sctp ether vlan mpls less greater proto"
    " gateway broadcast multicast inbound outbound len link wlan ! ( -".split()
)
FIRST = re.compile(r"\w+|\S")
KNOWN = "supported filters are port N, portrange N-M, host X, net X/BITS, tcp, ip and ip6, joined by and"
# Other words of the language, and what to use in their place.
INSTEAD = {
    **dict.fromkeys(("or", "||"), "for several ports use --ports 80,8080, for several hosts --host A,B"),
    **dict.fromkeys(("not", "!"), "only HTTP is captured; select with --ports and --host"),
    **dict.fromkeys(("src", "dst"), "port N and host X compare both ends"),
    **dict.fromkeys(("udp", "icmp", "icmp6", "arp", "sctp"), "only HTTP over TCP is captured"),
}
# What makes a filter pass other packets too, so that one that names another protocol may still pass TCP.
WIDENING = frozenset(("or", "||", "not", "!"))
OTHER_PROTOCOLS = frozenset(("udp", "icmp", "icmp6", "arp", "sctp"))
NEEDS_LIBPCAP = "libpcap, if it is installed, compiles any filter: apt install libpcap0.8, or dnf install libpcap"


class NotSimple(InvalidArgument):
    """The filter is more than options say. The message says what can be used in its place."""


class Filter(NamedTuple):
    """The conditions of a filter, by the names of Options. None: no condition of that kind."""

    ports: str | None = None
    host: str | None = None
    family: int | None = None


def understood(words: Sequence[str]) -> Filter:
    """Parses the words of a filter.

    Args:
        words: one token each, or several tokens separated by spaces.

    Raises:
        NotSimple: the filter has no equivalent options. The message says what to use.
        InvalidArgument: nothing can be captured by the filter.
    """
    tokens = TOKEN.findall(" ".join(words))
    found = Filter()
    term: list[str] = []
    for token in [*filter(str.strip, tokens), AND[0]]:
        if token in AND:
            found = _joined(found, _term(term))
            term = []
        else:
            term.append(token)
    return found


def is_beginning(word: str) -> bool:
    """Returns whether a word can begin a filter."""
    found = FIRST.match(word)
    return found is not None and found[0] in WORDS


def for_libpcap(words: Sequence[str], refusal: NotSimple) -> str:
    """Returns a filter that libpcap compiles.

    Args:
        words: the words of the filter.
        refusal: why it has no equivalent options.

    Raises:
        InvalidArgument: libpcap refuses the filter, or is not installed; or the filter passes no TCP.
    """
    from sockfilter.sources.pcap.compiling import ETHERNET, Compiler, LibpcapMissing

    text = " ".join(words)
    tokens = set(TOKEN.findall(text))
    if not is_beginning(text) or (tokens & OTHER_PROTOCOLS and not tokens & WIDENING):
        raise refusal
    try:
        Compiler(text).program(ETHERNET)
    except LibpcapMissing:
        raise InvalidArgument(f"{refusal}; {NEEDS_LIBPCAP}") from None
    return text


def _term(tokens: list[str]) -> Filter:
    """Parses one condition."""
    for token in tokens:
        if token in INSTEAD:
            raise NotSimple(f"the filter {' '.join(tokens)!r} is not supported: {INSTEAD[token]}")
    match tokens:
        case ["tcp"]:
            return Filter()
        case ["ip"]:
            return Filter(family=4)
        case ["ip6"]:
            return Filter(family=6)
        case ["port", port] | ["tcp", "port", port]:
            return Filter(ports=_port(port))
        case ["portrange", ports] | ["tcp", "portrange", ports]:
            return Filter(ports=ports)
        case ["host", host]:
            return Filter(host=host)
        case ["net", net] if "/" in net:
            return Filter(host=net)
    text = " ".join(tokens)
    raise NotSimple(f"{text!r} is neither an option nor a supported filter; {KNOWN}")


def _port(text: str) -> str:
    """Returns a port given by its number or by its name in services(5)."""
    if text.isdecimal():
        return text
    import socket

    try:
        return str(socket.getservbyname(text, "tcp"))
    except OSError as error:
        raise InvalidArgument(f"'port {text}': there is no service with that name; use its number") from error


def _joined(one: Filter, other: Filter) -> Filter:
    """Combines two filters; both must hold."""
    for name, option in (("ports", "--ports 80,8080"), ("host", "--host A,B"), ("family", "no ip and no ip6")):
        both = getattr(one, name), getattr(other, name)
        if None not in both and both[0] != both[1]:
            raise NotSimple(
                f"the filter asks for {both[0]} and {both[1]} at once, which is not possible; for either, use {option}"
            )
    return Filter(one.ports or other.ports, one.host or other.host, one.family or other.family)

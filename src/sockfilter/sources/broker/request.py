"""A client's request to attach. Each field is checked against the broker's permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter import __version__
from sockfilter.errors import BrokerError, InvalidArgument
from sockfilter.libbpf.ring import ring_bytes
from sockfilter.sources.broker import messages
from sockfilter.sources.narrowing import PORT_MAX, PROTOCOL_BITS
from sockfilter.sources.packets.interfaces import distinct
from sockfilter.sources.packets.live import WHOLE_FRAME
from sockfilter.sources.packets.request import ADDRESS_BYTES, AttachRequest
from sockfilter.sources.records import ALL_BYTES
from sockfilter.system import namespace

if TYPE_CHECKING:
    from sockfilter.sources.broker.messages import Message

# bytes of the largest ring that a client may request
RING_BYTES_MAX = 64 << 20
# bytes of the map of ports, one bit each, and of an address with its mask
PORTS_BYTES = (PORT_MAX + 1) // 8
HOST_BYTES = 2 * ADDRESS_BYTES
# characters of a client's value that a refusal quotes
REPEATED_MAX = 40
QUOTES = "'\""
FIELDS = {"do", "version", "netns", *AttachRequest._fields}


class Permission(NamedTuple):
    """Who may capture what.

    Attributes:
        users: user IDs.
        interfaces: names of interfaces. "any" permits only a capture on "any".
        promiscuous: whether clients may capture frames for other hosts.
        whole: whether clients may capture frames without meaning for HTTP, for capture files.
        protocols: the protocols beside HTTP that clients may capture.
        tls: whether clients may capture connections of TLS, which they open with secrets of their own.
    """

    users: frozenset[int]
    interfaces: frozenset[str]
    promiscuous: bool = False
    whole: bool = False
    protocols: frozenset[str] = frozenset()
    tls: bool = False


def message(request: AttachRequest) -> Message:
    """Returns the message by which a client sends a request."""
    first = {"do": "attach", "version": __version__, "netns": namespace.number()}
    packed = {"host": messages.packed(request.host), "ports": messages.packed(request.ports)}
    return {**first, **request._asdict(), **packed}


def checked(request: Message, may: Permission) -> AttachRequest:
    """Returns the request, if all of it is permitted.

    Raises:
        BrokerError: a part is not permitted, or the client has another version.
        InvalidArgument: the list of interfaces or the size of the ring is invalid.
    """
    if request.get("version") != __version__:
        theirs = _repeated(request.get("version"))
        raise BrokerError(f"its version is {__version__}, and the client has {theirs}; restart the broker")
    if request.keys() != FIELDS:
        differing = ", ".join(sorted(map(_repeated, request.keys() ^ FIELDS))[:3])
        raise BrokerError(f"the request has other fields than it should ({differing}); the client has another version")
    if request["netns"] != namespace.number():
        raise BrokerError("it is not in the client's network namespace; start one there: ip netns exec ...")
    names = _interfaces(request["interfaces"], may)
    promiscuous, whole, tls = (_flag(request, name) for name in ("promiscuous", "whole", "tls"))
    if promiscuous and not may.promiscuous:
        raise BrokerError("it does not capture frames for other hosts; start it with --promisc")
    if whole and not may.whole:
        raise BrokerError("it gives no frames for capture files (--wire-dir, write=); start it with --capture-files")
    if tls and not may.tls:
        raise BrokerError("it gives no connections of TLS (keylog=); start it with --tls")
    ring = request["ring"]
    if type(ring) is not int or not 0 < ring <= RING_BYTES_MAX:
        raise InvalidArgument(
            f"a ring of {_repeated(ring)} bytes is too large for a client; the maximum is {RING_BYTES_MAX}: -B, ring="
        )
    family = _number(request, "family", 0, 6)
    if family not in (0, 4, 6):
        raise _wrong(request, "family", "0, 4 or 6")
    return AttachRequest(
        interfaces=names,
        ring=ring_bytes(ring),
        promiscuous=promiscuous,
        whole=whole,
        frame_bytes=_number(request, "frame_bytes", 1, WHOLE_FRAME),
        run_bytes=_number(request, "run_bytes", 0, ALL_BYTES),
        family=family,
        host=_bytes(request, "host", HOST_BYTES),
        ports=_bytes(request, "ports", PORTS_BYTES),
        protocols=_protocols(request, may),
        tls=tls,
    )


def _interfaces(names: object, may: Permission) -> list[str]:
    if not isinstance(names, list):
        raise BrokerError("the client names no interfaces; it is of another version")
    for name in names:
        if not isinstance(name, str) or name not in may.interfaces:
            known, wanted = ", ".join(sorted(may.interfaces)), _repeated(name)
            raise BrokerError(
                f"interface {wanted} is not permitted ({known} is); start it with -i {wanted.strip(QUOTES)}"
            )
    return distinct(names)


def _protocols(request: Message, may: Permission) -> int:
    bits = _number(request, "protocols", 0, sum(PROTOCOL_BITS.values()))
    refused = [name for name, bit in PROTOCOL_BITS.items() if bits & bit and name not in may.protocols]
    if refused:
        raise BrokerError(f"it does not capture {', '.join(refused)}; start it with --protocols {','.join(refused)}")
    return bits


def _flag(request: Message, name: str) -> bool:
    value = request[name]
    if not isinstance(value, bool):
        raise _wrong(request, name, "true or false")
    return value


def _number(request: Message, name: str, least: int, most: int) -> int:
    value = request[name]
    if type(value) is not int or not least <= value <= most:  # isinstance() would accept True
        raise _wrong(request, name, f"a number from {least} to {most}")
    return value


def _bytes(request: Message, name: str, size: int) -> bytes:
    """Returns a field's bytes, which must be none or exactly `size`."""
    value = messages.unpacked(request[name])
    if len(value) not in (0, size):
        raise _wrong(request, name, f"{size} bytes in base64, or none")
    return value


def _wrong(request: Message, name: str, right: str) -> BrokerError:
    return BrokerError(f"{name} is {_repeated(request[name])}, and should be {right}; the client has another version")


def _repeated(value: object) -> str:
    text = repr(value)
    return text if len(text) <= REPEATED_MAX else f"{text[:REPEATED_MAX]}..."

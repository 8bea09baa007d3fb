"""The trace that a request belongs to, as its fields say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sockfilter.model import Headers

TRACE_BYTES, SPAN_BYTES = 16, 8
NO_TRACE, NO_SPAN = bytes(TRACE_BYTES), bytes(SPAN_BYTES)
# W3C Trace Context, 3.2; a later version may have more parts
TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
# B3 in one field: ids and decision, or the decision alone
B3 = re.compile(r"(?:([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?|([01d]))", re.IGNORECASE)
HEX = re.compile(r"[0-9a-f]+", re.IGNORECASE)
# trace, span, parent, flags; some clients encode the colons
UBER = re.compile(r"([0-9a-f]{1,32}):([0-9a-f]{1,16}):[0-9a-f]{0,16}:([0-9a-f]{1,2})", re.IGNORECASE)
# the span is a decimal number of 64 bits
CLOUD = re.compile(r"([0-9a-f]{32})(?:/(\d{1,20}))?(?:;o=(\d+))?", re.IGNORECASE | re.ASCII)
# the debug flag of B3 means that the trace is recorded
B3_DECISIONS = {"0": False, "1": True, "d": True, "true": True, "false": False}
# bytes of tracestate that are passed on: the least that W3C Trace Context, 3.3.1.5, asks for
STATE_MAX = 512


class TraceContext(NamedTuple):
    """What a request says of its trace.

    Attributes:
        trace_id: 16 bytes; None if the request has none.
        parent_id: the span that made the request, 8 bytes; None if the request has none.
        is_sampled: whether the caller records the trace; None if it has not decided.
        state: the field tracestate; empty if there is none.
    """

    trace_id: bytes | None = None
    parent_id: bytes | None = None
    is_sampled: bool | None = None
    state: str = ""


NO_CONTEXT = TraceContext()


def context_of(headers: Headers) -> TraceContext:
    """Returns the trace of a request. A field that is malformed is as if it were absent."""
    names = {name.lower() for name, _ in headers}
    for field, read in READERS.items():
        if field in names and (found := read(headers)) is not None:
            return found
    return NO_CONTEXT


def _traceparent(headers: Headers) -> TraceContext | None:
    values = headers.get_all("traceparent")
    found = TRACEPARENT.fullmatch(values[0].strip()) if len(values) == 1 else None
    if found is None or (found[1] == "00" and found[5]):
        return None
    context = _context(found[2], found[3], bool(int(found[4], 16) & 1))
    state = ",".join(headers.get_all("tracestate"))
    is_whole = state.isascii() and len(state) <= STATE_MAX
    return context and context._replace(state=state if is_whole else "")


def _b3(headers: Headers) -> TraceContext | None:
    found = B3.fullmatch((headers.get("b3") or "").strip())
    if found is None:
        return None
    if found[4]:
        return TraceContext(is_sampled=B3_DECISIONS[found[4].lower()])
    return _context(found[1], found[2], None if found[3] is None else B3_DECISIONS[found[3].lower()])


def _b3_fields(headers: Headers) -> TraceContext | None:
    is_sampled = B3_DECISIONS.get((headers.get("x-b3-sampled") or "").strip().lower())
    if (headers.get("x-b3-flags") or "").strip() == "1":
        is_sampled = True
    trace, span = ((headers.get(name) or "").strip() for name in ("x-b3-traceid", "x-b3-spanid"))
    if HEX.fullmatch(trace) and HEX.fullmatch(span) and len(trace) in (16, 32) and len(span) == 16:
        return _context(trace, span, is_sampled)
    return None if is_sampled is None else TraceContext(is_sampled=is_sampled)


def _uber(headers: Headers) -> TraceContext | None:
    found = UBER.fullmatch((headers.get("uber-trace-id") or "").strip().replace("%3A", ":").replace("%3a", ":"))
    return None if found is None else _context(found[1], found[2], bool(int(found[3], 16) & 1))


def _cloud(headers: Headers) -> TraceContext | None:
    found = CLOUD.fullmatch((headers.get("x-cloud-trace-context") or "").strip())
    if found is None or int(found[2] or 0) >> 64:
        return None
    return _context(found[1], f"{int(found[2] or 0):x}", None if found[3] is None else bool(int(found[3][:9]) & 1))


def _context(trace: str, span: str, is_sampled: bool | None) -> TraceContext | None:
    """Returns the context of ids in hexadecimal digits, shortened or not. None: there is no such trace."""
    trace_id = bytes.fromhex(trace.zfill(2 * TRACE_BYTES))
    parent_id = bytes.fromhex(span.zfill(2 * SPAN_BYTES))
    if trace_id == NO_TRACE:
        return None
    return TraceContext(trace_id, None if parent_id == NO_SPAN else parent_id, is_sampled)


# by the field that must be there, in the order in which they are looked for
READERS = {
    "traceparent": _traceparent,
    "b3": _b3,
    "x-b3-traceid": _b3_fields,
    "x-b3-sampled": _b3_fields,
    "x-b3-flags": _b3_fields,
    "uber-trace-id": _uber,
    "x-cloud-trace-context": _cloud,
}

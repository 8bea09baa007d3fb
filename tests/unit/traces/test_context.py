"""Which trace a request belongs to, and whether it is sent."""

from __future__ import annotations

import pytest

from sockfilter.model import Headers
from sockfilter.traces.context import NO_CONTEXT, TraceContext, context_of
from sockfilter.traces.sampling import Sampler

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HALF = "8448eb211c80319c"


def made(trace: str | None = TRACE, span: str | None = SPAN, is_sampled: bool | None = True) -> TraceContext:
    return TraceContext(trace and bytes.fromhex(trace.zfill(32)), span and bytes.fromhex(span.zfill(16)), is_sampled)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"Traceparent": f"00-{TRACE}-{SPAN}-01"}, made()),
        ({"traceparent": f"00-{TRACE}-{SPAN}-00"}, made(is_sampled=False)),
        ({"traceparent": f"cc-{TRACE}-{SPAN}-03-more"}, made()),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "a=1,b=2"}, made()._replace(state="a=1,b=2")),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01", "b3": "0"}, made()),
        ({"b3": f"{TRACE}-{SPAN}-1-{SPAN}"}, made()),
        ({"b3": f"{HALF}-{SPAN}-d"}, made(HALF)),
        ({"b3": f"{TRACE}-{SPAN}"}, made(is_sampled=None)),
        ({"b3": "0"}, made(None, None, False)),
        ({"X-B3-TraceId": TRACE, "X-B3-SpanId": SPAN, "X-B3-Sampled": "0"}, made(is_sampled=False)),
        ({"X-B3-TraceId": HALF, "X-B3-SpanId": SPAN}, made(HALF, is_sampled=None)),
        ({"X-B3-TraceId": TRACE, "X-B3-SpanId": SPAN, "X-B3-Flags": "1"}, made()),
        ({"X-B3-Sampled": "0"}, made(None, None, False)),
        ({"uber-trace-id": f"{TRACE}:{SPAN}:0:1"}, made()),
        ({"uber-trace-id": f"1f%3A2%3A0%3A0"}, made("1f", "2", False)),  # noqa: F541
        ({"X-Cloud-Trace-Context": f"{TRACE}/12/;o=1"}, None),
        ({"X-Cloud-Trace-Context": f"{TRACE}/31;o=1"}, made(span="1f")),
        ({"X-Cloud-Trace-Context": f"{TRACE}/31"}, made(span="1f", is_sampled=None)),
        ({"X-Cloud-Trace-Context": TRACE}, made(span=None, is_sampled=None)),
        # malformed ones are as if they were absent, and the next one counts
        ({"traceparent": "00-x", "b3": f"{TRACE}-{SPAN}-1"}, made()),
        ({"traceparent": f"ff-{TRACE}-{SPAN}-01"}, None),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01-more"}, None),
        ({"traceparent": f"00-{TRACE.upper()}-{SPAN}-01"}, None),
        ({"traceparent": f"00-{'0' * 32}-{SPAN}-01"}, None),
        ({"b3": f"{TRACE}-{SPAN[1:]}-1"}, None),
        ({"uber-trace-id": f"{TRACE}0:{SPAN}:0:1"}, None),
        ({"X-Cloud-Trace-Context": f"{TRACE}/{1 << 64}"}, None),
        ({"accept": "*/*"}, None),
    ],
)
def test_the_trace_of_a_request(fields: dict[str, str], found: TraceContext | None) -> None:
    assert context_of(Headers(list(fields.items()))) == (found or NO_CONTEXT)


def test_two_fields_traceparent_are_none() -> None:
    fields = Headers([("traceparent", f"00-{TRACE}-{SPAN}-01"), ("traceparent", f"00-{TRACE}-{SPAN}-00")])
    assert context_of(fields) == NO_CONTEXT


def test_sampling() -> None:
    low, high = bytes(8) + b"\x10" + bytes(7), bytes(8) + b"\xf0" + bytes(7)
    half = Sampler(0.5)
    assert [half.keeps(trace, None) for trace in (low, high)] == [True, False]
    assert [half.keeps(low, False), half.keeps(high, True)] == [False, True]  # as the caller has decided
    assert Sampler(0.5, follows_parent=False).keeps(low, False)
    assert Sampler(1.0).keeps(b"\xff" * 16, None)
    assert not Sampler(0.0).keeps(bytes(16), None)

"""Which traces are sent."""

from __future__ import annotations

from typing import NamedTuple

# Ids are compared by their last 64 bits, as OpenTelemetry's samplers do, so that all services keep the same traces.
ID_BITS = 64


class Sampler(NamedTuple):
    """Decides by the caller's decision, or else by the id of the trace.

    Attributes:
        ratio: the share of the traces to keep, from 0 to 1.
        follows_parent: whether the decision of the caller, if it has made one, comes before the ratio.
    """

    ratio: float = 1.0
    follows_parent: bool = True

    def keeps(self, trace_id: bytes, is_sampled: bool | None) -> bool:
        """Whether to send the spans of a trace. is_sampled: the decision of the caller; None: it has made none."""
        if self.follows_parent and is_sampled is not None:
            return is_sampled
        return int.from_bytes(trace_id[-ID_BITS // 8 :], "big") < round(self.ratio * (1 << ID_BITS))

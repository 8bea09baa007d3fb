"""Whether a capture captures and loses nothing: what /healthz says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.metrics import ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.metrics.snapshot import Family

# Seconds for which a loss counts: probes of Kubernetes and scrapes come several times within it.
LOSS_S = 60.0
NO_ANSWER = "the capture does not answer"


class Health:
    """Compares the losses of one look with those of the one before."""

    def __init__(self) -> None:
        self._lost: dict[str, float] = {}
        self._noted_s: dict[str, float] = {}

    def problems(self, families: Sequence[Family] | None, now_s: float) -> list[str]:
        """Returns what is not as it should be; empty if the capture captures and loses nothing.

        Args:
            families: the present counts. None: the capture has not answered.
            now_s: the present time, in seconds of a clock that never goes back.
        """
        if families is None:
            return [NO_ANSWER]
        for family in families:
            if family["name"] == ledger.LOSSES.name:
                for labels, count, _ in family["series"]:
                    reason = labels[0][1]
                    if count > self._lost.get(reason, 0):
                        self._lost[reason], self._noted_s[reason] = count, now_s
            elif family["name"] == ledger.BALANCED.name and not all(value for _, value, _ in family["series"]):
                self._noted_s["the ledger does not balance"] = now_s
        return [reason for reason, noted_s in self._noted_s.items() if now_s - noted_s < LOSS_S]

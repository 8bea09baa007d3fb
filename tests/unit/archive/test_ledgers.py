"""The sum of ledgers, and ledgers of other processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sockfilter
from sockfilter.archive.ledgers import empty, from_plain, plain, summed
from tests.support.archives import timed, varied, write


def test_a_sum_balances_and_goes_through_json(tmp_path: Path):
    reading = sockfilter.read(str(write(tmp_path / "x.pcap", timed(varied()))))
    assert len(list(reading)) == 17
    ledger = reading.ledger
    again = from_plain(json.loads(json.dumps(plain(ledger))))
    assert again == ledger
    both = summed([ledger, again])
    assert both.is_balanced
    assert both.messages.exchanges == 2 * ledger.messages.exchanges
    assert both.messages.unpaired == {name: 2 * count for name, count in ledger.messages.unpaired.items()}
    assert both.packets["seen"] == 2 * len(varied())
    assert summed([]) == empty()


@pytest.mark.parametrize("change", [{"packets": {"seen": "1"}}, {"tls": {"seen": 1}}, {"tls": 3}, {"more": 1}])
def test_what_is_no_ledger_is_refused(change: dict[str, object]):
    with pytest.raises(ValueError, match="not a ledger"):
        from_plain({**plain(empty()), **change})

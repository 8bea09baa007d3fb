"""How many examples and cases the tests try: few in `make test`, many in `make thorough`."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Case = TypeVar("Case")

# set by make thorough
TIMES = int(os.environ.get("THOROUGH", "1"))


def examples(count: int) -> settings:
    """Returns settings for so many examples, and for more in make thorough."""
    return settings(max_examples=count * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def some(cases: Iterable[Case], every: int) -> Iterator[tuple[int, Case]]:
    """Returns every nth case with its number; in make thorough, all cases."""
    return islice(enumerate(cases), 0, None, every if TIMES == 1 else 1)

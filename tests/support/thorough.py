"""How many examples the properties try: few in `make test`, many in `make thorough`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# set by make thorough
TIMES = int(os.environ.get("THOROUGH", "1"))


def examples(count: int) -> settings:
    """Returns settings for so many examples, and for more in make thorough."""
    return settings(max_examples=count * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])

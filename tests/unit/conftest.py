"""The profile of the properties: enough examples to find what is wrong, few enough to wait for."""

from __future__ import annotations

from hypothesis import settings

from tests.support.thorough import examples

settings.register_profile("unit", examples(20))
settings.load_profile("unit")

"""A shop for each file of tests. As users do, they take the plugin as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.uses.shop import Shop, open_shop
from tests.support.skips import need_root

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    need_root()
    with open_shop() as made:
        yield made

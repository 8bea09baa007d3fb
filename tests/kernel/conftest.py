from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import cable as cables
from tests.support.cable import Cable

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def cable() -> Iterator[Cable]:
    with cables.cable() as made:
        yield made

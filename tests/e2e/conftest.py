"""What the end-to-end tests share: servers that stay up for a file of tests, and what runs only when asked for."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support import packages
from tests.support.net import veth_pair
from tests.support.once import made_once
from tests.support.servers import SERVERS, Site
from tests.support.skips import need_root
from tests.support.topologies import LOOPBACK, Network, bridged, tunnelled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.register_assert_rewrite(
    "tests.e2e.agreement", "tests.e2e.contract", "tests.e2e.conversations", "tests.e2e.refusals"
)

THOROUGH = "thorough"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{THOROUGH}: runs only with -m {THOROUGH}: the same at full length")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if THOROUGH in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker(THOROUGH)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


class Sites:
    """The servers of a network: each starts when it is first asked for, and stays."""

    def __init__(self, network: Network, stack: ExitStack) -> None:
        self.network = network
        self._stack = stack
        self._running: dict[tuple[str, int], Site] = {}

    def get(self, server: str, family: int = 4) -> Site:
        key = (server, family)
        if key not in self._running:
            self._running[key] = self._stack.enter_context(SERVERS[server](self.network, family))
        return self._running[key]


@pytest.fixture
def root() -> None:
    need_root()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (made,) = made_once(tmp_path_factory, "wheel", packages.wheel).glob("*.whl")
    return made


@pytest.fixture(scope="module")
def loopback() -> Iterator[Sites]:
    need_root()
    with ExitStack() as stack:
        yield Sites(LOOPBACK, stack)


@pytest.fixture(scope="module")
def veth() -> Iterator[Sites]:
    with veth_pair() as (left, right), ExitStack() as stack:
        yield Sites(Network(left, right, "10.9.0.2", "fd09::2"), stack)


@pytest.fixture(scope="module")
def bridge() -> Iterator[Sites]:
    with bridged() as (network, _), ExitStack() as stack:
        yield Sites(network, stack)


@pytest.fixture(scope="module")
def tun() -> Iterator[Sites]:
    with tunnelled() as network, ExitStack() as stack:
        yield Sites(network, stack)

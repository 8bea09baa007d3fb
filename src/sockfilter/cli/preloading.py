"""Importing at once all that a capture may import later: where whom root becomes cannot read it then."""

from __future__ import annotations

import pkgutil
from contextlib import suppress
from importlib import import_module

import sockfilter

# what no capture of the command takes: other commands, the library for coroutines, the plugin
OTHERS = (
    *("sockfilter.__main__", "sockfilter.testing", "sockfilter.sources.broker", "sockfilter.views.aio"),
    *("sockfilter.views.differences", "sockfilter.views.expectations", "sockfilter.views.failure"),
    *("sockfilter.views.json_paths", "sockfilter.views.nearest"),
    *("sockfilter.cli.broker", "sockfilter.cli.checks", "sockfilter.cli.config", "sockfilter.cli.doctor"),
    "sockfilter.cli.versions",
)
# what functions import, of other packages
LATER = (
    *("argparse", "backports.zstd", "brotli", "compression.zstd", "contextlib", "difflib", "ipaddress"),
    *("json", "pwd", "socket", "subprocess", "tomllib", "unicodedata", "urllib.parse"),
)
# takes a quarter of a second, and is for hints alone
NETLINK = "pyroute2"


def import_all(*, hints: bool) -> None:
    """Imports it.

    Args:
        hints: what hints take, too.
    """
    for name in modules():
        import_module(name)
    for name in (*LATER, *([NETLINK] if hints else [])):
        with suppress(ImportError):  # one for each version of Python
            import_module(name)


def modules() -> list[str]:
    """The modules of this package that a capture may import."""
    found = (each.name for each in pkgutil.walk_packages(sockfilter.__path__, "sockfilter."))
    return [name for name in found if not any(name == other or name.startswith(f"{other}.") for other in OTHERS)]

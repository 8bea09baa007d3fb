"""Imports all modules that a capture may need, before root becomes a user who cannot read them."""

from __future__ import annotations

import pkgutil
from contextlib import suppress
from importlib import import_module

import sockfilter

# Modules that a capture by the command never needs: other commands, the asyncio library, the plugin.
OTHERS = (
    *("sockfilter.__main__", "sockfilter.testing", "sockfilter.sources.broker", "sockfilter.views.aio"),
    *("sockfilter.views.differences", "sockfilter.views.expectations", "sockfilter.views.failure"),
    *("sockfilter.views.json_paths", "sockfilter.views.nearest"),
    *("sockfilter.cli.broker", "sockfilter.cli.checks", "sockfilter.cli.config", "sockfilter.cli.doctor"),
    "sockfilter.cli.versions",
)
# Modules of other packages that functions import late.
LATER = (
    *("argparse", "backports.zstd", "brotli", "compression.zstd", "contextlib", "difflib", "ipaddress"),
    *("email.errors", "email.header", "json", "pwd", "socket", "subprocess", "tomllib", "unicodedata", "urllib.parse"),
)
# Character sets of the subjects of mails, and one that email.header needs. A subject in another one is shown as sent.
CHARSETS = (
    *("cp1250", "cp1251", "cp1252", "iso8859_2", "iso8859_9", "iso8859_15", "koi8_r", "gb2312", "gbk", "gb18030"),
    *("big5", "iso2022_jp", "shift_jis", "euc_jp", "euc_kr", "raw_unicode_escape"),
)
# Takes a quarter of a second to import, and only hints need it.
NETLINK = "pyroute2"


def import_all(*, hints: bool) -> None:
    """Imports all modules.

    Args:
        hints: also import the modules that hints need.
    """
    for name in modules():
        import_module(name)
    charsets = (f"encodings.{name}" for name in CHARSETS)
    for name in (*LATER, *charsets, *([NETLINK] if hints else [])):
        with suppress(ImportError):  # some exist only in certain versions of Python
            import_module(name)


def modules() -> list[str]:
    """Returns the modules of this package that a capture may import."""
    found = (each.name for each in pkgutil.walk_packages(sockfilter.__path__, "sockfilter."))
    return [name for name in found if not any(name == other or name.startswith(f"{other}.") for other in OTHERS)]

"""Imports all modules that a capture may still need, before root becomes a user who cannot read them.

By then the capture is open: its source, its observers and its outputs are imported. What traffic needs later is not.
"""

from __future__ import annotations

import os
import re
from contextlib import redirect_stderr, suppress
from importlib import import_module

import sockfilter

# Packages whose modules are imported when traffic first needs them: with a protocol, a coding, a text. All of their
# modules are imported, so that a new one needs no entry here.
NEEDED_LATER = ("protocols", "streams", "exchanges", "model", "masking", "forms", "protobuf")
# Single modules that are imported then.
SINGLE = ("sockfilter.cli.sandbox", "sockfilter.escape", "sockfilter.outputs.jsonl_large")
# Forms that only a program asks for.
NEVER = ("sockfilter.forms.curl", "sockfilter.forms.pytest_source", "sockfilter.forms.transcript")
# Modules of others that functions of all these import.
OTHERS: tuple[str, ...] = ("backports.zstd", "brotli", "compression.zstd", "difflib", "email.errors", "email.header")
OTHERS += ("datetime", "email.utils", "json", "unicodedata", "urllib.parse")
# Character sets of the subjects of mails, and one that email.header needs. A subject in another one is shown as sent.
CHARSETS = (
    *("cp1250", "cp1251", "cp1252", "iso8859_2", "iso8859_9", "iso8859_15", "koi8_r", "gb2312", "gbk", "gb18030"),
    *("big5", "iso2022_jp", "shift_jis", "euc_jp", "euc_kr", "raw_unicode_escape"),
)
# Modules of textual and rich that run something, or that the screen does not use.
UNUSED = re.compile(
    r"__|demo|_sleep|_profile|windows|win32|_doc|jupyter|diagnose|tree_sitter|markdown|devtools|web_driver"
)
# modules of Python that the screen imports late
OF_SCREEN = ("base64", "bisect", "concurrent.futures.thread", "ipaddress", "shutil", "traceback", "urllib.parse")
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
    for name in (*OTHERS, *charsets, *([NETLINK] if hints else [])):
        # Some exist only in certain versions of Python. Without memory, hashlib logs each hash that it lacks.
        with suppress(ImportError), redirect_stderr(None):
            import_module(name)


def import_screen() -> None:
    """Imports all modules that the live screen may import, and what it reads of files."""
    for package in ("sockfilter.screen", "sockfilter.recent", "sockfilter.statistics", "textual", "rich"):
        home = next(iter(import_module(package).__path__))
        for folder, _, files in os.walk(home):
            inside = os.path.relpath(folder, home).replace(os.sep, ".").removeprefix(".")
            for file in files:
                name = ".".join(filter(None, (package, inside, file.removesuffix(".py"))))
                if file.endswith(".py") and not UNUSED.search(name):
                    with suppress(Exception):  # some exist only on other systems, or need other packages
                        import_module(name)
    for name in OF_SCREEN:
        import_module(name)
    from sockfilter.filters.completion import complete
    from sockfilter.filters.where import Where

    Where.parse(str(complete("status == 1") and "status == 1"))


def modules() -> list[str]:
    """Returns the modules of this package that a capture may import when it is open."""
    found = list(SINGLE)
    home = os.path.dirname(sockfilter.__file__)
    for package in NEEDED_LATER:
        for folder, _, files in os.walk(os.path.join(home, package)):  # pkgutil would import inspect, for 10 ms
            name = "sockfilter." + os.path.relpath(folder, home).replace(os.sep, ".")
            found += [f"{name}.{file[:-3]}".removesuffix(".__init__") for file in files if file.endswith(".py")]
    return [name for name in found if name not in NEVER]

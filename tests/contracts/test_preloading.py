"""What a function imports late is known to who has to import it early."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from sockfilter.cli import preloading

SCHEMA_PARTS = (".descriptor_pb2", ".descriptor_pool", ".json_format", ".message_factory")


def late_imports(path: Path) -> Iterator[str]:
    """The modules that functions of a file import."""
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Import):
                    yield from (name.name for name in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    yield node.module
                    yield from (f"{node.module}.{name.name}" for name in node.names)


def is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):  # a name in a module; something that was not imported from a file
        return False


def test_what_is_imported_late_is_imported_early_where_it_must_be():
    known = {*preloading.modules(), *preloading.LATER, preloading.NETLINK, "sockfilter"}
    known |= {name for each in preloading.LATER for name in (each, each.partition(".")[0])}
    # the standard library's tomli, and what --version takes: neither is for a capture
    known |= {"tomli", "hashlib"}
    # a schema is read before anything is given up
    known |= {f"google.protobuf{name}" for name in ("", *SCHEMA_PARTS)}
    missing = {}
    for name in preloading.modules():
        spec = find_spec(name)
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            late = {each for each in late_imports(Path(spec.origin)) if is_module(each)}
            found = {each for each in late - known if not each.startswith(preloading.OTHERS)}
            if found:
                missing[name] = found
    assert not missing

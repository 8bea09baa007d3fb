"""The way of the data is the way of the folders: a stage imports the nouns, and never another stage."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src/sockfilter"
NOUNS = {"model", "errors", "ledger"}
STAGES = ["packets", "streams", "protocols", "exchanges", "outputs"]
MAY_IMPORT = {
    "model": {"errors", "outputs"},  # the second for an exchange's forms alone, see below
    "errors": set(),
    "ledger": set(),
    "libbpf": {"errors"},
    "turns": {"errors"},
    "sources": {"errors", "libbpf", "model"},
    **dict.fromkeys(STAGES, NOUNS),
    "filters": NOUNS,
    "express": {*NOUNS, "libbpf"},
    "testing": {*NOUNS, "filters", "outputs", "capturing", "finding", "awaiting", "writing", "sources"},
}
# the hot path and what a file needs run without these; they are imported where they are used
HEAVY = {"dpkt", "pyroute2", "json", "asyncio", "ipaddress", "logging", "brotli", "backports", "compression"}
# each of these takes 1 to 15 ms of every start
HEAVY |= {"dataclasses", "inspect", "pathlib", "subprocess", "shutil", "difflib", "urllib", "concurrent", "hashlib"}
HEAVY_MODULES = {
    "outputs/jsonl.py": {"json"},
    "forms/pytest_source.py": {"json"},
    "views/aio.py": {"asyncio"},
    "sources/broker/messages.py": {"json"},  # only where there is a broker
    "sources/broker/server.py": {"dataclasses"},
    "captures/command.py": {"shutil", "subprocess"},  # only where there is a command
    "views/nearest.py": {"difflib"},
}


def modules(part: str) -> list[Path]:
    path = PACKAGE / part
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def imported(path: Path) -> set[str]:
    """The parts of the package that a module imports, for types alone too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("sockfilter.")}
    return found - {"__version__"}


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_go_one_way(part: str) -> None:
    for path in modules(part):
        others = imported(path) - {part}
        assert others <= MAY_IMPORT[part], f"{path.relative_to(PACKAGE)} imports {others - MAY_IMPORT[part]}"


def test_an_exchange_alone_knows_its_forms() -> None:
    for path in modules("model"):
        top = [node for node in ast.parse(path.read_text()).body if isinstance(node, (ast.Import, ast.ImportFrom))]
        assert not any("outputs" in ast.unparse(node) for node in top), path
        if path.name not in {"exchange.py", "message.py", "headers.py"}:  # the last two: what repr() masks
            assert "outputs" not in imported(path), path


def test_every_part_has_its_rule() -> None:
    parts = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    with_their_own_rules = {
        "__init__",
        "__main__",
        "assembly",
        "awaiting",
        "cli",
        "capturing",
        "commands",
        "finding",
        "pipeline",
        "reading",
        "reassembling",
        "writing",
    }
    assert parts - with_their_own_rules == set(MAY_IMPORT)


def test_stages_are_joined_in_two_places() -> None:
    assert imported(PACKAGE / "assembly.py") & set(STAGES) == {"packets", "streams"}
    assert imported(PACKAGE / "pipeline.py") & set(STAGES) == {"streams", "protocols", "exchanges"}
    others = set(PACKAGE.glob("*.py")) - {PACKAGE / "pipeline.py"}
    assert not any("exchanges" in imported(path) for path in others)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_heavy_is_imported_at_the_top(path: Path) -> None:
    top = [node for node in ast.parse(path.read_text()).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in top if isinstance(node, ast.ImportFrom)}
    heavy = {name.partition(".")[0] for name in names} & HEAVY
    assert heavy <= HEAVY_MODULES.get(str(path.relative_to(PACKAGE)), set())


def test_a_capture_takes_nothing_heavy_by_any_way() -> None:
    script = f"""if True:
        import sys
        before = set(sys.modules)
        import sockfilter.cli.command, sockfilter.captures.capture, sockfilter.road.pipeline, sockfilter.outputs.text
        import sockfilter.sources.packets.live, sockfilter.observers.processes.processes
        print(*{HEAVY!r} & ({{name.partition('.')[0] for name in sys.modules}} - before))
    """
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout == "\n"


@pytest.mark.parametrize("part", [*MAY_IMPORT, "awaiting", "capturing", "finding", "pipeline"])
def test_the_library_prints_nothing_and_reads_no_environment(part: str) -> None:
    for path in modules(part):
        for node in ast.walk(ast.parse(path.read_text())):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert called not in {"print", "exit", "sys.exit", "os.getenv", "signal.signal"}, path
            assert not (isinstance(node, ast.Attribute) and ast.unparse(node) == "os.environ"), path

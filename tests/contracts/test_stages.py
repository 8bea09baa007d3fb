"""The way of the data is the way of the folders: nothing goes up, and the road alone joins the stages."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from tools.rooms import PACKAGE, Graph, arrows_up, circles, graph_of, rooms_of

# what is passed from stage to stage
NOUNS = {"model", "errors", "ledger"}
# what takes it, one after the other
STAGES = {"packets", "streams", "protocols", "exchanges"}
# all that is shown of a noun
SHOWN = {"escape", "masking"}
MAY_IMPORT: Graph = {
    # the ground
    "errors": set(),
    "ledger": set(),
    "escape": set(),
    "closing": set(),
    "turns": {"errors"},
    "presentation": set(),
    "masking": {"errors"},
    "protobuf": {"errors"},
    "model": {"errors", "presentation", "protobuf", *SHOWN},
    # the kernel
    "libbpf": {"closing", "errors"},
    "system": {"closing", "errors", "libbpf", "model"},
    # where records come from; who knows more of a connection
    "sources": {"closing", "errors", "libbpf", "model", "system"},
    "observers": {"closing", "errors", "libbpf", "model", "system"},
    **dict.fromkeys(STAGES, NOUNS),
    "protocols": {*NOUNS, "libbpf"},  # the extension has the decoder of HPACK
    # carries protocols, as a stream does: see test_tls_knows_protocols_by_their_interface_alone()
    "tls": {*NOUNS, "libbpf", "protocols"},  # the extension opens records
    "filters": {*NOUNS, "escape"},
    "forms": {*NOUNS, *SHOWN, "protobuf"},
    "outputs": {*NOUNS, *SHOWN, "closing", "forms"},
    # names of routes; counts that are an output
    "metrics": {*NOUNS, *SHOWN, "closing", "outputs", "statistics"},
    "statistics": {*NOUNS, *SHOWN, "forms", "outputs"},
    # two captures beside each other
    "comparison": {*NOUNS, *SHOWN, "forms", "statistics", "views"},
    # packets, counted: another program, which reads no HTTP
    "counting": {"closing", "errors", "libbpf", "sources", "system", "turns"},
    # openings of connections, judged
    "guarding": {"closing", "errors", "libbpf", "model", "observers", "sources", "system", "turns"},
    # local connections, past TCP
    "accelerating": {"closing", "errors", "libbpf", "sources"},
    # the only place that joins stages
    "road": {*NOUNS, *STAGES, "closing", "libbpf", "outputs", "sources", "tls"},
    # the library
    "views": {*NOUNS, *SHOWN, "filters", "forms", "sources"},
    # what viewers show of a capture
    "recent": {*NOUNS, *SHOWN, "filters", "outputs", "views"},
    # the one viewer with textual
    "screen": {*NOUNS, *SHOWN, "filters", "forms", "outputs", "recent", "statistics"},
    # the same in a browser
    "page": {*NOUNS, *SHOWN, "closing", "filters", "forms", "outputs"},
    # exchanges as spans of OpenTelemetry, and who sends them
    "traces": {*NOUNS, *SHOWN, "closing", "forms", "outputs"},
    "captures": {
        *NOUNS,
        "closing",
        "filters",
        "metrics",
        "observers",
        "outputs",
        "road",
        "sources",
        "tls",
        "turns",
        "views",
    },
    # many captures as one
    "archive": {*NOUNS, "captures", "closing", "forms", "outputs", "sources", "statistics"},
    # the same on many machines
    "batch": {"archive", "errors", "ledger"},
    # who uses it
    "testing": {
        *NOUNS,
        *SHOWN,
        "protobuf",
        "captures",
        "filters",
        "forms",
        "observers",
        "outputs",
        "road",
        "sources",
        "views",
    },
    "cli": {
        *NOUNS,
        *SHOWN,
        "protobuf",
        "accelerating",
        "archive",
        "batch",
        "captures",
        "closing",
        "comparison",
        "counting",
        "filters",
        "forms",
        "guarding",
        "libbpf",
        "metrics",
        "observers",
        "outputs",
        "page",
        "recent",
        "road",
        "screen",
        "sources",
        "statistics",
        "system",
        "testing",
        "traces",
        "views",
    },
    "__main__": {"cli"},
}
# the hot path and what a file needs run without these; they are imported where they are used
HEAVY = {
    "dpkt",
    "pyroute2",
    "json",
    "asyncio",
    "ipaddress",
    "logging",
    "brotli",
    "backports",
    "compression",
    "google",
    "lark",
}
# each of these takes 1 to 15 ms of every start
HEAVY |= {"dataclasses", "inspect", "pathlib", "subprocess", "shutil", "difflib", "urllib", "concurrent", "hashlib"}
HEAVY |= {"textual", "rich", "pyarrow", "distributed", "fsspec"}
HEAVY_MODULES = {
    # only where there is a live screen
    **{f"screen/{path.name}": {"textual", "rich"} for path in (PACKAGE / "screen").glob("*.py")},
    "screen/bodies.py": {"rich", "json"},
    "outputs/jsonl.py": {"json"},
    "forms/json_values.py": {"json"},
    "forms/pytest_source.py": {"json"},
    "views/aio.py": {"asyncio"},
    "sources/broker/messages.py": {"json"},  # only where there is a broker
    "sources/broker/server.py": {"dataclasses"},
    "captures/command.py": {"shutil", "subprocess"},  # only where there is a command
    "sources/archives/entries.py": {"json"},  # only where a HAR file is read
    "views/nearest.py": {"difflib"},
    "accelerating/hazards.py": {"hashlib"},  # only in sockfilter accelerate
    "accelerating/self_test.py": {"json"},
    "cli/guarding.py": {"json"},  # only in sockfilter guard
    # only with --tls, and in the process that attaches
    "cli/tls.py": {"json"},
    "cli/looking.py": {"json"},  # only at a terminal
    "sources/secrets/attacher.py": {"json"},
    "sources/secrets/cache.py": {"json"},
    "sources/secrets/probed.py": {"json", "subprocess"},
    "metrics/asking.py": {"json"},  # only with --prometheus
    # only in the process that serves the page
    "page/server.py": {"asyncio"},
    # only where a dataset is written
    **{f"archive/{name}.py": {"pyarrow"} for name in ("columns", "parts", "schema")},
    # only where traces are sent
    "traces/member.py": {"json"},
    "traces/exporter.py": {"json"},
    # only where there is a filter
    "filters/completion.py": {"lark"},
    "filters/names.py": {"dataclasses"},
    "filters/parser.py": {"lark"},
    "filters/tree.py": {"dataclasses"},
}


def modules(room: str) -> list[Path]:
    path = PACKAGE / room
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


@pytest.fixture(scope="module")
def graph() -> Graph:
    """What each module imports, late and for types alone too."""
    return graph_of(PACKAGE)


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_what_it_may(graph: Graph, room: str) -> None:
    for module, others in graph.items():
        if module.split(".")[1] == room:
            found = {other.split(".")[1] for other in others} - {room}
            assert found <= MAY_IMPORT[room], f"{module} imports {found - MAY_IMPORT[room]}"


def test_every_room_has_its_rule(graph: Graph) -> None:
    assert set(rooms_of(graph, "sockfilter")) == set(MAY_IMPORT)


def test_no_room_and_no_module_imports_itself_by_way_of_others(graph: Graph) -> None:
    assert not circles(MAY_IMPORT)  # so that the rules allow none
    assert not circles(graph)
    folders = {str(path.parent.relative_to(PACKAGE)).replace("/", ".") for path in PACKAGE.rglob("*.py")} - {"."}
    for folder in ("sockfilter", *(f"sockfilter.{folder}" for folder in folders)):
        rooms = rooms_of(graph, folder)
        assert not circles(rooms), folder
        assert not arrows_up(rooms), folder


def test_stages_are_joined_on_the_road_alone(graph: Graph) -> None:
    for room, others in rooms_of(graph, "sockfilter").items():
        assert room in ("road", "tls") or not others & STAGES, room
    of_two = {module for module, others in graph.items() if len({o.split(".")[1] for o in others} & STAGES) > 1}
    assert of_two == {"sockfilter.road.assembly", "sockfilter.road.pipeline"}


def test_tls_knows_protocols_by_their_interface_alone(graph: Graph) -> None:
    found = {other for module, others in graph.items() if module.startswith("sockfilter.tls.") for other in others}
    assert {other for other in found if ".protocols." in other} == {"sockfilter.protocols.interface"}


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
        import sockfilter.cli.run, sockfilter.captures.capture, sockfilter.road.pipeline, sockfilter.outputs.lines
        import sockfilter.sources.packets.live, sockfilter.observers.processes.processes
        print(*{HEAVY!r} & ({{name.partition('.')[0] for name in sys.modules}} - before))
    """
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout == "\n"


@pytest.mark.parametrize("room", sorted(set(MAY_IMPORT) - {"cli", "__main__"}))
def test_the_library_prints_nothing_and_reads_no_environment(room: str) -> None:
    for path in modules(room):
        for node in ast.walk(ast.parse(path.read_text())):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert called not in {"print", "exit", "sys.exit", "os.getenv", "signal.signal"}, path
            assert not (isinstance(node, ast.Attribute) and ast.unparse(node) == "os.environ"), path

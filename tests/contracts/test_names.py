"""Names that people rely on: public ones are documented, and kernel and user space mean the same by theirs."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sockfilter
from sockfilter import presentation
from sockfilter.cli import settings
from sockfilter.ledger import (
    CALL_COUNTERS,
    PACKET_COUNTERS,
    Counts,
    FileCounts,
    FragmentCounts,
    MessageCounts,
    ProcessCounts,
    SecretCounts,
    SegmentCounts,
    SpanCounts,
    TlsCounts,
)
from sockfilter.model import Problem
from sockfilter.protocols.http1.head import METHODS
from sockfilter.streams import direction

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PUBLIC = [name for name in sockfilter.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_documented(name: str) -> None:
    thing = getattr(sockfilter, name)
    assert inspect.getdoc(thing), name
    members = inspect.getmembers(thing) if inspect.isclass(thing) else []
    for member, value in members:
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            assert inspect.getdoc(value), f"{name}.{member}"


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_typed(name: str) -> None:
    thing = getattr(sockfilter, name)
    members = inspect.getmembers(thing, inspect.isfunction)
    for function in [thing] if inspect.isfunction(thing) else [f for n, f in members if not n.startswith("_")]:
        signature = inspect.signature(function)
        assert signature.return_annotation is not inspect.Signature.empty, function
        for parameter in list(signature.parameters.values())[not inspect.isfunction(thing) :]:
            assert parameter.annotation is not inspect.Parameter.empty, f"{function} {parameter}"


def test_names_stay_what_they_are_however_often_they_are_asked_for() -> None:
    assert [getattr(sockfilter, name) for name in PUBLIC] == [getattr(sockfilter, name) for name in PUBLIC]
    assert callable(sockfilter.capture)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'captured'"):
        _ = sockfilter.captured  # type: ignore[attr-defined]  # that is the point


@pytest.mark.parametrize("name", presentation.__annotations__)
def test_the_forms_that_the_model_asks_for_are_there(name: str) -> None:
    script = f"""if True:
        from tests.support.exchanges import exchange
        from tests.support.stream_messages import message
        from sockfilter import presentation
        made = message("mqtt", 0, "/a") if "message" in "{name}" else exchange()
        print(presentation.{name}(made))
    """
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    assert "/a" in done.stdout


@pytest.mark.parametrize("problem", Problem, ids=lambda problem: problem.value)
def test_problems_are_documented(problem: Problem) -> None:
    assert problem.meaning
    assert problem.remedy
    row = re.search(rf"^\| `{problem.value}` \| .* \| (.*) \|$", (DOCS / "problems.md").read_text(), re.MULTILINE)
    assert row
    assert row[1].replace("`", "").lower() == f"{problem.remedy}.".lower()


def rows(stage: str) -> set[str]:
    """The counters that the page on the ledger has of a stage."""
    section = (DOCS / "ledger.md").read_text().partition(f"\n## {stage}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


@pytest.mark.parametrize(("stage", "counters"), [("packets", PACKET_COUNTERS), ("calls", CALL_COUNTERS)])
def test_counters_of_the_kernel_are_documented(stage: str, counters: dict[str, str]) -> None:
    assert all(counters.values())
    assert rows(stage) == set(counters)


@pytest.mark.parametrize(
    ("stage", "counts"),
    [
        ("fragments", FragmentCounts),
        ("segments", SegmentCounts),
        ("messages", MessageCounts),
        ("processes", ProcessCounts),
        ("file", FileCounts),
        ("tls", TlsCounts),
        ("secrets", SecretCounts),
        ("spans", SpanCounts),
    ],
)
def test_other_counters_are_documented(stage: str, counts: type[Counts]) -> None:
    assert rows(stage) == set(counts.names())


@pytest.mark.parametrize("name", settings.options())
def test_options_are_documented(name: str) -> None:
    text = (DOCS / "options.md").read_text()
    positive = name.removeprefix("no-") if name not in ("no-config", "no-sandbox") and name.startswith("no-") else name
    assert re.search(rf"`(-\w`, `)?--{positive}\b", text) or name == "help"


def test_what_a_configuration_may_set_is_documented() -> None:
    text = (DOCS / "configuration.md").read_text()
    assert re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE) == list(settings.NAMES)


def test_kernel_and_user_space_know_the_same_methods() -> None:
    source = (ROOT / "bpf/lib/http.bpf.h").read_text()
    requests = source[source.index("begins_request") :]
    in_kernel = {method.encode() for method in re.findall(r'BEGINS\("([A-Z-]+) "\)', requests)}
    # PRI stands for the preface of HTTP/2, which has a test of its own in the kernel
    assert in_kernel == set(METHODS) - {b"PRI"}


def test_c_and_python_know_the_same_flags_of_tcp() -> None:
    flags = re.findall(r"#define TCP_(\w+) (0x\d+)", (ROOT / "bpf/tcp.h").read_text())
    assert {name: int(number, 16) for name, number in flags} == {name: getattr(direction, name) for name, _ in flags}


def test_the_changelog_speaks_of_this_version() -> None:
    assert f"## {sockfilter.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_each_class_has_a_name_of_its_own() -> None:
    package = Path(sockfilter.__file__).parent
    homes: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(str(path.relative_to(package)))
    assert not {name: paths for name, paths in homes.items() if len(paths) > 1}

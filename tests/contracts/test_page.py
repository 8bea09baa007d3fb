"""The page's script that is carried is that of the sources, and has no way to make code of text."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from sockfilter.page.document import ASSETS
from tests.support.skips import Skip, need_tool, skip

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "tools/page"
MADE = [Path(ASSETS) / "page.js", Path(ASSETS) / "page.css", ROOT / "tests/support/page_parts.js"]
OTHERS = ("build.mjs", "package-lock.json", "tsconfig.json")
# what parses text as HTML or as a program, and what loads something
DANGEROUS = (
    *(
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "DOMParser",
        "srcdoc",
        "setHTML",
        "createContextual",
    ),
    *("eval(", "new Function", "import(", "XMLHttpRequest", "WebSocket(", "EventSource", "Worker(", "sendBeacon"),
)


def scripts() -> list[Path]:
    return sorted((SOURCES / "src").rglob("*.ts"))


@pytest.mark.parametrize("path", [path for path in MADE if path.suffix == ".js"], ids=lambda path: path.name)
def test_it_was_built_from_the_sources(path: Path) -> None:
    names = [*OTHERS, *(str(each.relative_to(SOURCES)) for each in [*scripts(), SOURCES / "src/page.css"])]
    digest = hashlib.sha256(b"".join((SOURCES / name).read_bytes() for name in sorted(names))).hexdigest()
    assert f"// sources: {digest}" in path.read_text(), "make page"


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    if not (SOURCES / "node_modules").is_dir():
        skip(Skip.NODE_PACKAGE, "esbuild: make page installs it")
    before = {path: path.read_bytes() for path in MADE}
    subprocess.run([need_tool("node"), "build.mjs"], cwd=SOURCES, check=True)
    assert {path: path.read_bytes() for path in MADE} == before


@pytest.mark.parametrize("path", [*scripts(), MADE[0]], ids=lambda path: path.name)
def test_no_text_becomes_code(path: Path) -> None:
    text = path.read_text()
    assert [word for word in DANGEROUS if word in text] == []
    assert "</script" not in text
    assert len(re.findall(r"\bfetch\(", text)) <= 1  # of the server that sent the page


@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.name)
def test_modules_are_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 450


def test_nothing_names_where_packages_came_from() -> None:
    assert "resolved" not in (SOURCES / "package-lock.json").read_text()

"""The pages of the documentation hang together, and what they show has the form that it should have."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from sockfilter.cli import settings
from tests.support.documents import FENCED, NOT_RUN, PAGES, ROOT, Block, anchors, blocks, commands, links, reason

README = ROOT / "README.md"
INDEX = ROOT / "docs/README.md"
README_LINES_MAX = 200
KINDS = {"sh", "console", "python", "toml", "json", "ini", "mermaid", "sql", ""}
COMMAND = re.compile(r"^(\$ |sudo |make |pip |git |podman |apt|\.venv/)", re.MULTILINE)
# phrases that an editor would not pass
CLUMSY = ("cannot be meant", "whom root becomes", "something was in the way", "for want of", "so many files")

ALL = [block for page in PAGES for block in blocks(page)]
names = [str(page.relative_to(ROOT)) for page in PAGES]


def of(kind: str) -> list[Block]:
    return [block for block in ALL if block.kind == kind]


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_the_index_has_every_page(page: Path) -> None:
    assert page == INDEX or f"({page.name})" in INDEX.read_text()


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= README_LINES_MAX


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_blocks_say_what_they_are(page: Path) -> None:
    for block in blocks(page):
        assert block.kind in KINDS, block.text
        assert block.kind or not COMMAND.search(block.text), f"a command in a block without a kind:\n{block.text}"


def test_no_reason_is_left_over() -> None:
    """Each command that no test runs is there."""
    all_commands = [command for page in PAGES for command in commands(page)]
    for beginning, why in NOT_RUN.items():
        assert any(reason(command) is why and command.startswith(beginning) for command in all_commands), beginning


@pytest.mark.parametrize("block", of("json"), ids=lambda block: block.page.stem)
def test_json_is_json(block: Block) -> None:
    assert isinstance(json.loads(block.text), dict)


@pytest.mark.parametrize("block", of("toml"), ids=lambda block: block.page.stem)
def test_configurations_are_accepted(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.version_info < (3, 11):
        pytest.importorskip("tomli")
    path = tmp_path / "sockfilter/config.toml"
    path.parent.mkdir()
    path.write_text(block.text)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings.in_force()


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_the_english_is_plain(page: Path) -> None:
    text = FENCED.sub("", page.read_text())
    for phrase in CLUMSY:
        assert phrase not in text

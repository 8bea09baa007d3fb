"""The manual page and the completions: what the parser knows, they list, and their readers take them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tools import share

from sockfilter.cli.arguments import get_parser
from sockfilter.model import Problem
from tests.support.skips import need_tool

WORDS = [word for action in get_parser()._actions for word in action.option_strings]
MANUAL, BASH, ZSH, FISH = share.FILES
SHELL_S = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("share")
    share.write(made)
    return made


def output_of(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SHELL_S)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


@pytest.mark.parametrize("word", WORDS)
def test_every_option_is_everywhere(folder: Path, word: str) -> None:
    manual = (folder / MANUAL).read_text().replace("\\-", "-").partition(".SH OPTIONS")[2]
    assert re.search(rf"^\S*\\fB{word}\\fR|, \\fB{word}\\fR", manual, re.MULTILINE)
    assert re.search(rf"compgen -W '[^']*(?<=[' ]){word}(?=[' ])", (folder / BASH).read_text())
    assert re.search(rf"^  ('\*'|'\([^)]*\)'{{(.*,)?)?{word}[='\[,}}]", (folder / ZSH).read_text(), re.MULTILINE)
    flag = f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}"
    assert re.search(rf"^complete -c sockfilter .*{flag} ", (folder / FISH).read_text(), re.MULTILINE)


def test_the_manual_page_is_set_without_a_warning(folder: Path) -> None:
    need_tool("man")
    page = output_of("man", "--warnings", "--local-file", folder / MANUAL)
    for section in "NAME SYNOPSIS DESCRIPTION OPTIONS EXAMPLES NOTES".split():
        assert f"\n{section}\n" in page
    assert "EXIT STATUS" in page
    assert all(problem.value in page for problem in Problem)


def completed_by_bash(folder: Path, *words: str) -> set[str]:
    script = (
        '. "$1"; shift; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sockfilter; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return set(output_of(need_tool("bash"), "-c", script, "bash", folder / BASH, "sockfilter", *words).split("\n")[:-1])


def test_bash_completes(folder: Path) -> None:
    assert completed_by_bash(folder, "") == set(WORDS)
    assert completed_by_bash(folder, "--pr") == {"--promisc"}
    assert {"any", "lo"} <= completed_by_bash(folder, "-q", "-i", "")
    assert completed_by_bash(folder, "--format", "") == {"text", "raw", "jsonl"}
    assert completed_by_bash(folder, "--format", "=") == {"text", "raw", "jsonl"}
    assert completed_by_bash(folder, "--color", "=", "al") == {"always"}
    assert completed_by_bash(folder, "-c", "") == {""}
    assert completed_by_bash(folder, "-r", f"{folder}/m") == {f"{folder}/man"}


def test_zsh_reads_it(folder: Path) -> None:
    output_of(need_tool("zsh"), "-n", folder / ZSH)


def test_fish_completes(folder: Path) -> None:
    def completed(line: str) -> set[str]:
        output = output_of(need_tool("fish"), "--no-config", "-c", f"source {folder / FISH}; complete -C '{line}'")
        return {line.partition("\t")[0] for line in output.splitlines()}

    assert completed("sockfilter --pr") == {"--promisc"}
    assert completed("sockfilter --format ") == {"text", "raw", "jsonl"}
    assert {"any", "lo"} <= completed("sockfilter -i ")

"""The manual page and the completions: what the parser knows, they list, and their readers take them."""

from __future__ import annotations

import re
import subprocess
from importlib import import_module
from pathlib import Path

import pytest
from tools import share

from sockfilter.cli import settings
from sockfilter.cli.arguments import get_parser
from sockfilter.cli.command import COMMANDS
from sockfilter.model import Problem
from tests.support.skips import need_tool

WORDS = [word for action in get_parser()._actions for word in action.option_strings]
OF_COMMANDS = [
    (name, word)
    for name, module in COMMANDS.items()
    for action in import_module(module).get_parser()._actions
    for word in action.option_strings
    if action.dest != "help"
]
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
    assert re.search(rf"words='[^']*(?<=[' ]){word}(?=[' ])", (folder / BASH).read_text())
    assert re.search(rf"^  ('\*'|'\([^)]*\)')?({{(.*,)?)?{word}[='\[,}}]", (folder / ZSH).read_text(), re.MULTILINE)
    assert re.search(
        rf"^complete -c sockfilter -n 'not __fish\S* {' '.join(COMMANDS)}' .*{flag(word)} ",
        (folder / FISH).read_text(),
        re.MULTILINE,
    )


def flag(word: str) -> str:
    return f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}"


@pytest.mark.parametrize(("command", "word"), OF_COMMANDS)
def test_every_option_of_a_command_is_everywhere(folder: Path, command: str, word: str) -> None:
    manual = (folder / MANUAL).read_text().replace("\\-", "-")
    section = manual.partition(f"\n.SS sockfilter {command}\n")[2].partition("\n.S")[0]
    assert re.search(rf"^(\S+, )?\\fB{word}\\fR", section, re.MULTILINE)
    assert word in completed_by_bash(folder, command, "")
    zsh = (folder / ZSH).read_text().partition(f"\n\t{command})\n")[2].partition(";;")[0]
    assert re.search(rf"^\t\t  ('\*'|'\([^)]*\)')?({{(.*,)?)?{word}[='\[,}}]", zsh, re.MULTILINE)
    line = rf"^complete -c sockfilter -n '__fish_seen_subcommand_from {command}' .*{flag(word)} "
    assert re.search(line, (folder / FISH).read_text(), re.MULTILINE)


def test_the_manual_page_says_what_a_configuration_may_have(folder: Path) -> None:
    manual = (folder / MANUAL).read_text().replace("\\-", "-")
    assert ", ".join(settings.NAMES) in manual.partition(".SH ENVIRONMENT")[2]


def test_the_manual_page_is_set_without_a_warning(folder: Path) -> None:
    need_tool("man")
    page = output_of("man", "--warnings", "--local-file", folder / MANUAL)
    for section in "NAME SYNOPSIS DESCRIPTION OPTIONS COMMANDS FILES ENVIRONMENT LEDGER EXAMPLES SIGNALS".split():
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
    assert completed_by_bash(folder, "") == {*WORDS, *COMMANDS}
    assert completed_by_bash(folder, "-q", "") == set(WORDS)
    assert completed_by_bash(folder, "br") == {"broker"}
    assert completed_by_bash(folder, "config") == {"config"}
    assert completed_by_bash(folder, "config", "") == {"--json"}
    assert {"any", "lo"} <= completed_by_bash(folder, "broker", "--user", "x", "-i", "")
    assert completed_by_bash(folder, "broker", "--user", "nobod") == {"nobody"}
    assert completed_by_bash(folder, "--pro") == {"--processes", "--promisc", "--proto", "--protocols"}
    assert {"any", "lo"} <= completed_by_bash(folder, "-q", "-i", "")
    assert completed_by_bash(folder, "--format", "") == {"text", "raw", "jsonl", "har", "curl", "pytest", "parquet"}
    assert completed_by_bash(folder, "--format", "=") == {"text", "raw", "jsonl", "har", "curl", "pytest", "parquet"}
    assert completed_by_bash(folder, "--color", "=", "al") == {"always"}
    assert completed_by_bash(folder, "-c", "") == {""}
    assert completed_by_bash(folder, "-r", f"{folder}/m") == {f"{folder}/man"}
    assert completed_by_bash(folder, "--proto", f"{folder}/m") == {f"{folder}/man"}


def test_zsh_reads_it(folder: Path) -> None:
    output_of(need_tool("zsh"), "-n", folder / ZSH)


def test_fish_completes(folder: Path) -> None:
    def completed(line: str) -> set[str]:
        output = output_of(need_tool("fish"), "--no-config", "-c", f"source {folder / FISH}; complete -C '{line}'")
        return {line.partition("\t")[0] for line in output.splitlines()}

    assert completed("sockfilter --pro") == {"--processes", "--promisc", "--proto", "--protocols"}
    assert completed("sockfilter --format ") == {"text", "raw", "jsonl"}
    assert {"any", "lo"} <= completed("sockfilter -i ")
    assert set(COMMANDS) <= completed("sockfilter ")
    assert completed("sockfilter config --") == {"--json"}
    assert completed("sockfilter broker --pr") == {"--promisc", "--protocols"}

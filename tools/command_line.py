# SPDX-License-Identifier: BSD-3-Clause
"""The command line as the manual page and the completions want it: commands and options, taken from the parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from sockfilter.cli.arguments import get_parser
from sockfilter.cli.command import COMMANDS
from sockfilter.cli.parser import Added, Joined

# what a value names, where a shell can list that; by the parser's name for it
NAMES = {
    **{"read": "file", "write": "file", "socket": "file"},
    **{"interface": "interface", "interfaces": "interface"},
    **{"user": "user", "users": "user"},
    "netns": "namespace",
}


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        words: all its spellings.
        value: what stands for its value; None: it takes none.
        choices: its values, where they are few.
        names: what its value names (of NAMES); None: nothing that can be listed.
        repeats: whether it may stand there several times.
        help: what it does.
    """

    words: tuple[str, ...]
    value: str | None
    choices: tuple[str, ...]
    names: str | None
    repeats: bool
    help: str


@dataclass(frozen=True)
class Command:
    """What else sockfilter does, by its first word.

    Attributes:
        name: the word.
        description: what it does, in sentences.
        epilog: paragraphs with more of it.
        options: its options, but for help.
    """

    name: str
    description: str
    epilog: str
    options: tuple[Option, ...]

    @property
    def help(self) -> str:
        """Its first sentence, without the stop."""
        return self.description.partition(". ")[0].partition(": ")[0].rstrip(".")


def groups() -> Iterator[tuple[str, list[Option]]]:
    """The parser's groups, each with its title, less those that are empty."""
    return _groups(get_parser())


def options() -> list[Option]:
    """All options, in the order of --help."""
    return [option for _, members in groups() for option in members]


def commands() -> list[Command]:
    """All commands."""
    return [_command(name, import_module(module).get_parser()) for name, module in COMMANDS.items()]


def _command(name: str, parser: argparse.ArgumentParser) -> Command:
    members = tuple(option for _, group in _groups(parser) for option in group if "--help" not in option.words)
    return Command(name, " ".join((parser.description or "").split()), parser.epilog or "", members)


def _groups(parser: argparse.ArgumentParser) -> Iterator[tuple[str, list[Option]]]:
    # argparse has no public way to ask a parser for its options
    for group in parser._action_groups:
        if group._group_actions:
            yield group.title or "", [_option(action) for action in group._group_actions]


def _option(action: argparse.Action) -> Option:
    choices = tuple(map(str, action.choices or ()))
    metavar = action.metavar if isinstance(action.metavar, str) else None
    return Option(
        tuple(action.option_strings),
        None if action.nargs == 0 else metavar or "|".join(choices) or action.dest.upper(),
        choices,
        NAMES.get(action.dest),
        isinstance(action, (argparse._CountAction, argparse._AppendAction, Joined, Added)),
        action.help or "",
    )

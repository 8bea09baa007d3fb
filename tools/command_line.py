# SPDX-License-Identifier: BSD-3-Clause
"""The commands and options for the manual page and the completions, taken from the parsers."""

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
    **{"read": "file", "write": "file", "proto": "file", "socket": "file"},
    **{"interface": "interface", "interfaces": "interface"},
    **{"user": "user", "users": "user"},
    "netns": "namespace",
}


@dataclass(frozen=True)
class Option:
    """An option.

    Attributes:
        words: all spellings of the option.
        value: the placeholder of its value. None: it takes no value.
        choices: its values, if they are few.
        names: the kind of its values (one of NAMES), for completion. None: a shell cannot list them.
        repeats: whether the option may be given several times.
        help: its description.
    """

    words: tuple[str, ...]
    value: str | None
    choices: tuple[str, ...]
    names: str | None
    repeats: bool
    help: str


@dataclass(frozen=True)
class Command:
    """A subcommand of sockfilter.

    Attributes:
        name: the first word of the command line.
        description: what the command does, in sentences.
        epilog: further paragraphs.
        options: its options, except the one for help.
    """

    name: str
    description: str
    epilog: str
    options: tuple[Option, ...]

    @property
    def help(self) -> str:
        """The first sentence of the description, without the full stop."""
        return self.description.partition(". ")[0].partition(": ")[0].rstrip(".")


def groups() -> Iterator[tuple[str, list[Option]]]:
    """Yields the parser's groups of options, each with its title. Empty groups are omitted."""
    return _groups(get_parser())


def options() -> list[Option]:
    """Returns all options, in the order of --help."""
    return [option for _, members in groups() for option in members]


def commands() -> list[Command]:
    """Returns all subcommands."""
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

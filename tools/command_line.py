# SPDX-License-Identifier: BSD-3-Clause
"""The command line as the manual page and the completions want it: options in groups, taken from the parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from sockfilter.cli.arguments import get_parser

# what a value names, where a shell can list that; by the parser's name for it
NAMES = {"read": "file", "write": "file", "interface": "interface", "netns": "namespace"}


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


def groups() -> Iterator[tuple[str, list[Option]]]:
    """The parser's groups, each with its title, less those that are empty."""
    # argparse has no public way to ask a parser for its options
    for group in get_parser()._action_groups:
        if group._group_actions:
            yield group.title or "", [_option(action) for action in group._group_actions]


def options() -> list[Option]:
    """All options, in the order of --help."""
    return [option for _, members in groups() for option in members]


def _option(action: argparse.Action) -> Option:
    choices = tuple(map(str, action.choices or ()))
    metavar = action.metavar if isinstance(action.metavar, str) else None
    return Option(
        tuple(action.option_strings),
        None if action.nargs == 0 else metavar or "|".join(choices) or action.dest.upper(),
        choices,
        NAMES.get(action.dest),
        isinstance(action, argparse._CountAction),
        action.help or "",
    )

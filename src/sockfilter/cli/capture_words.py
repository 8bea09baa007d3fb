"""What the subcommands share that take the options of a capture too: dividing their words, and refusing some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.cli import arguments, subcommand, tcpdump
from sockfilter.cli.parser import check_known
from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def divided(parser: argparse.ArgumentParser, words: list[str]) -> tuple[argparse.Namespace, list[str], list[str]] | int:
    """Divides the words of a subcommand.

    Args:
        parser: the parser of the options that a capture does not have.
        words: what stands behind the name of the subcommand.

    Returns:
        The subcommand's own options, those of a capture, and `--` with the command that follows, if there is one; or an
        exit status if there is nothing more to do.

    Raises InvalidArgument, and OutputError and BrokenPipeError when it prints.
    """
    at = words.index("--") if "--" in words else len(words)
    everything = arguments.get_parser()
    everything._optionals.conflict_handler = "resolve"  # an option of the subcommand takes the place of the capture's
    for action in parser._actions[1:]:
        everything._add_action(action)
    check_known(everything, words[:at], tcpdump.ELSEWHERE)
    parsed = subcommand.parsed_known(parser, words[:at])
    return parsed if isinstance(parsed, int) else (*parsed, words[at:])


def refuse(options: arguments.Options, refused: Mapping[str, str], why: str) -> None:
    """Raises InvalidArgument if one of some options was given.

    Args:
        options: those of a capture.
        refused: the refused ones by their names in Options, as they are written.
        why: which subcommand they are not for, and what it does.
    """
    for name, option in refused.items():
        if getattr(options, name) != getattr(arguments.Options(), name):
            raise InvalidArgument(f"{option} is not for {why}")

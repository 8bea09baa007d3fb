"""What the subcommands share: making a parser and parsing the words."""

from __future__ import annotations

import argparse

from sockfilter.cli import stdout
from sockfilter.cli.parser import CommandLineParser, check_known

OK = 0


def parser(name: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Returns a parser for the words after `sockfilter name`. The caller adds the options."""
    return CommandLineParser(
        prog=f"sockfilter {name}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def parsed(by: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace | int:
    """Parses the words. Returns an exit status if there is nothing more to do.

    Raises InvalidArgument, and OutputError and BrokenPipeError when it prints.
    """
    check_known(by, words, {})
    try:
        return by.parse_args(words)
    except SystemExit as end:
        stdout.flush()  # the output of --help
        return int(end.code or OK)


def parsed_known(by: argparse.ArgumentParser, words: list[str]) -> tuple[argparse.Namespace, list[str]] | int:
    """Parses the words that the parser knows. Returns them and the others, or an exit status.

    Raises InvalidArgument, and OutputError and BrokenPipeError when it prints.
    """
    try:
        return by.parse_known_args(words)
    except SystemExit as end:
        stdout.flush()  # the output of --help
        return int(end.code or OK)

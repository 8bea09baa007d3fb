"""What the commands beside capturing have in common: how their words are described, and understood."""

from __future__ import annotations

import argparse

from sockfilter.cli import stdout
from sockfilter.cli.parser import CommandLineParser, check_known

OK = 0


def parser(name: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """A parser for the words behind `sockfilter name`, to which its options are added."""
    return CommandLineParser(
        prog=f"sockfilter {name}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def parsed(by: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace | int:
    """The words understood; an exit status where that was all.

    Raises InvalidArgument, and of what is printed OutputError and BrokenPipeError.
    """
    check_known(by, words, {})
    try:
        return by.parse_args(words)
    except SystemExit as end:
        stdout.flush()  # of --help
        return int(end.code or OK)

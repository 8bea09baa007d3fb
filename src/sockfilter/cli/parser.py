"""Additions to argparse: errors in one line with the nearest option, and options that may be repeated."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from sockfilter.errors import InvalidArgument

# The beginning of argparse's messages: "argument -c/--count: ".
PREFIX = re.compile(r"^argument (?=-)")


class CommandLineParser(argparse.ArgumentParser):
    """An argparse parser that raises an error of one line instead of printing it below the usage."""

    def error(self, message: str) -> NoReturn:
        """Raises InvalidArgument."""
        raise InvalidArgument(PREFIX.sub("", message))


class Joined(argparse.Action):
    """Accepts an option several times, each with a list separated by commas, and joins all values by commas."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Implements argparse.Action."""
        before = getattr(namespace, self.dest, None)
        setattr(namespace, self.dest, values if before is None else f"{before},{values}")


class Added(argparse.Action):
    """Accepts an option several times, each with a tuple, and concatenates the tuples."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Implements argparse.Action."""
        setattr(namespace, self.dest, (*(getattr(namespace, self.dest, None) or ()), *values))


class Once(argparse.Action):
    """Accepts an option once; a second value that differs from the first is an error."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Implements argparse.Action."""
        value = self.const if self.nargs == 0 else values
        before = getattr(namespace, self.dest, value)
        if before != value:
            raise argparse.ArgumentError(self, f"{value!r} beside {before!r}: only one is possible")
        setattr(namespace, self.dest, value)


class ManyFiles(argparse.Action):
    """Accepts an option several times, each with a file. The first is the option's value, the rest are `others`."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Implements argparse.Action."""
        if not hasattr(namespace, self.dest):
            setattr(namespace, self.dest, values)
        else:
            namespace.others = (*getattr(namespace, "others", ()), values)


def options_of(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Returns a parser's options by each of their spellings."""
    # argparse has no public way to list its options.
    return {word: action for action in parser._actions for word in action.option_strings}


def check_known(parser: argparse.ArgumentParser, words: list[str], elsewhere: dict[str, str]) -> None:
    """Checks for words that look like options and are not.

    Args:
        parser: the parser that knows the options.
        words: the words of the command line.
        elsewhere: options of other programs, and what to use in their place.

    Raises:
        InvalidArgument: a word is not an option. The message names the nearest option.
    """
    known = options_of(parser)
    for word in words:
        if word.startswith("--"):
            spelled = word.partition("=")[0]
            if spelled not in known:
                raise InvalidArgument(_unknown(spelled, list(known)))
        elif word.startswith("-") and word != "-":
            for letter in word[1:]:
                action = known.get(f"-{letter}")
                if action is None:
                    raise InvalidArgument(_unknown(f"-{letter}", list(known), elsewhere.get(f"-{letter}", "")))
                if action.nargs != 0:
                    break  # the rest of the word is the option's value


def _unknown(word: str, known: list[str], use: str = "") -> str:
    import difflib

    near = difflib.get_close_matches(word, known, n=1) if word.startswith("--") else []
    use = use or (f"did you mean {near[0]}?" if near else "-h lists all options")
    return f"there is no option {word}; {use}"

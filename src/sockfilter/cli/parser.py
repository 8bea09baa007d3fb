"""What argparse does not do: errors in one line with the nearest option, and options that may be said again."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from sockfilter.errors import InvalidArgument

# "argument -c/--count: ", with which argparse begins
PREFIX = re.compile(r"^argument (?=-)")


class CommandLineParser(argparse.ArgumentParser):
    """An argparse parser whose errors are one line each: they are raised, and not printed below the usage."""

    def error(self, message: str) -> NoReturn:
        """Raises InvalidArgument."""
        raise InvalidArgument(PREFIX.sub("", message))


class Joined(argparse.Action):
    """Values that may come several times, and as lists with commas: all of them, joined by commas."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """As argparse has it."""
        before = getattr(namespace, self.dest, None)
        setattr(namespace, self.dest, values if before is None else f"{before},{values}")


class Added(argparse.Action):
    """Tuples that may come several times: all of them, one behind the other."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """As argparse has it."""
        setattr(namespace, self.dest, (*getattr(namespace, self.dest, ()), *values))


class Once(argparse.Action):
    """A value, or a constant, that cannot hold beside another: a second one that differs is an error."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """As argparse has it."""
        value = self.const if self.nargs == 0 else values
        before = getattr(namespace, self.dest, value)
        if before != value:
            raise argparse.ArgumentError(self, f"{value!r} beside {before!r}: only one is possible")
        setattr(namespace, self.dest, value)


def options_of(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """A parser's options by each of their spellings."""
    # argparse has no public way to ask for them
    return {word: action for action in parser._actions for word in action.option_strings}


def check_known(parser: argparse.ArgumentParser, words: list[str], elsewhere: dict[str, str]) -> None:
    """Looks for words that begin like options and are none.

    Args:
        parser: knows the options.
        words: of the command line.
        elsewhere: options of other programs, and what to use here.

    Raises:
        InvalidArgument: with the nearest option.
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
                    break  # the rest is its value


def _unknown(word: str, known: list[str], use: str = "") -> str:
    import difflib

    near = difflib.get_close_matches(word, known, n=1) if word.startswith("--") else []
    use = use or (f"did you mean {near[0]}?" if near else "-h lists all options")
    return f"there is no option {word}; {use}"

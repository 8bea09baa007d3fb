"""Values for options that the command line does not give: from the environment, else from the configuration file."""

from __future__ import annotations

import argparse
import os
from typing import Any, NamedTuple

from sockfilter.cli import config_file
from sockfilter.cli.arguments import get_parser
from sockfilter.errors import InvalidArgument

PREFIX = "SOCKFILTER_"
# These options say how a user likes to look at which network. Options about a single run, files, other namespaces and
# users belong on the command line: a forgotten file must not cause writes, and a user who can change the file must not
# choose the user that root becomes.
NAMES = (
    *("interface", "promisc", "ports", "host", "family", "protocols", "all-hops"),
    *("format", "verbose", "processes", "messages", "time", "wide", "quiet", "body"),
    *("show-secrets", "mask", "unmask", "color"),
    *("snap", "ring", "memory", "fail-on-loss", "summary"),
)
# Options whose values may be lists.
LISTS = ("interface", "ports", "host", "protocols", "mask", "unmask")
SWITCHED = {word: is_on for is_on, words in enumerate(("0 false no off", "1 true yes on")) for word in words.split()}
MOST_VERBOSE = 2


class Setting(NamedTuple):
    """A value that an option was given before the command line.

    Attributes:
        name: the option's long name.
        dest: the option's name in Options.
        value: the value as in Options.
        text: the value as it was written.
        where: the file and line, or the variable.
    """

    name: str
    dest: str
    value: Any
    text: str
    where: str


def values() -> dict[str, Any]:
    """Returns the values by their names in Options. Raises InvalidArgument as in_force() does."""
    return {setting.dest: setting.value for setting in in_force()}


def in_force() -> list[Setting]:
    """Returns the settings of the file, overridden by those of the environment.

    Raises:
        InvalidArgument: a name or a value is invalid, or the file cannot be read or trusted.
    """
    variables = {name: text for name, text in os.environ.items() if name.startswith(PREFIX)}
    entries = config_file.read()
    if not entries and not variables:
        return []
    actions = options()
    found = {name: _from_file(_known(name, actions, entry.where), entry) for name, entry in entries.items()}
    for variable, text in variables.items():
        name = variable.removeprefix(PREFIX).lower().replace("_", "-")
        action = _known(name, actions, variable)
        if text:
            found[name] = _from_text(action, name, text, variable)
    return [found[name] for name in NAMES if name in found]


def options() -> dict[str, argparse.Action]:
    """Returns all options by their long names."""
    # argparse has no public way to list its options.
    actions = get_parser()._actions
    return {word[2:]: action for action in actions for word in action.option_strings if word.startswith("--")}


def variable(name: str) -> str:
    """Returns the name of the environment variable for an option."""
    return PREFIX + name.upper().replace("-", "_")


def _known(name: str, actions: dict[str, argparse.Action], where: str) -> argparse.Action:
    if name in NAMES:
        return actions[name]
    if name in actions:
        raise InvalidArgument(f"{where}: {name} can only be set on the command line: --{name}")
    import difflib

    near = difflib.get_close_matches(name, NAMES, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the options are {', '.join(NAMES)}"
    shown = variable(near[0]) if near and where.startswith(PREFIX) else ""
    raise InvalidArgument(f"{where}: there is no option {name!r}; {f'did you mean {shown}?' if shown else hint}")


def _from_file(action: argparse.Action, entry: config_file.Entry) -> Setting:
    """Converts a value from TOML's types to those of the command line."""
    name = _long(action)
    value = entry.value
    if isinstance(action, argparse.BooleanOptionalAction):
        if not isinstance(value, bool):
            raise InvalidArgument(f"{entry.where}: {name} must be true or false")
        return _from_text(action, name, str(value).lower(), entry.where)
    parts = value if isinstance(value, list) and name in LISTS else [value]
    if not all(isinstance(part, (int, str)) and not isinstance(part, bool) for part in parts):
        kinds = "a string, a number or a list of these" if name in LISTS else "a string or a number"
        raise InvalidArgument(f"{entry.where}: {name} must be {kinds}")
    try:
        text = ",".join(map(str, parts))
    except ValueError as error:  # more digits than Python converts
        raise InvalidArgument(f"{entry.where}: {name}: {error}") from error
    return _from_text(action, name, text, entry.where)


def _from_text(action: argparse.Action, name: str, text: str, where: str) -> Setting:
    try:
        return Setting(name, action.dest, _value(action, name, text), text, where)
    except (argparse.ArgumentTypeError, InvalidArgument) as error:
        raise InvalidArgument(f"{where}: {name}: {error}") from error


def _value(action: argparse.Action, name: str, text: str) -> Any:
    """Converts a text as the command line would. Raises ArgumentTypeError and InvalidArgument."""
    if isinstance(action, argparse.BooleanOptionalAction):
        if text.lower() not in SWITCHED:
            raise InvalidArgument(f"{text!r} is not one of {', '.join(SWITCHED)}")
        return bool(SWITCHED[text.lower()])
    if name == "verbose":
        if text not in map(str, range(MOST_VERBOSE + 1)):
            raise InvalidArgument(
                f"{text!r} is not a number from 0 to {MOST_VERBOSE}, the number of -v on the command line"
            )
        return int(text)
    value = action.type(text) if callable(action.type) else text
    if action.choices is not None and value not in action.choices:
        raise InvalidArgument(f"{text!r} is not one of {', '.join(action.choices)}")
    _check(name, value)
    return value


def _check(name: str, value: Any) -> None:
    """Checks a value as the library would, so that the error can name the place of the setting."""
    if name == "interface" and "" in value.split(","):
        raise InvalidArgument("the name is empty; any means all interfaces")
    if name == "ports":
        from sockfilter.sources.narrowing import port_ranges

        port_ranges(value)
    elif name == "host":
        from sockfilter.cli import hosts

        hosts.check(value)
    elif name == "ring":
        from sockfilter.libbpf.ring import ring_bytes

        ring_bytes(value)


def _long(action: argparse.Action) -> str:
    return next(word[2:] for word in action.option_strings if word.startswith("--"))

"""sockfilter config: the value of each option before the command line, and where the value comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.cli import config_file, settings, subcommand
from sockfilter.cli.arguments import Options
from sockfilter.cli.stdout import StandardOutput
from sockfilter.cli.values import KIB
from sockfilter.escape import printable

if TYPE_CHECKING:
    import argparse

    from sockfilter.cli.signals import Signals

OK = 0
DEFAULT, NOT_SET = "default", "(not set)"
# Widths of the columns for names and for values; a longer entry moves what follows.
WIDTHS = (13, 18)

DESCRIPTION = """\
Shows the options in force without a command line: each option, its value, and the file and line or the variable that
sets it. The environment has priority over the file, and the command line over both.
"""
EPILOG = f"""\
files:
  $XDG_CONFIG_HOME/{config_file.NAME}, else ~/.config/{config_file.NAME}; under sudo, that of the user who ran sudo

variables:
  {settings.PREFIX}NAME, such as {settings.variable("show-secrets")}=yes; an empty variable is ignored

options that they can set:
  {", ".join(settings.NAMES)}

exit status: 0 success; 2 a name or a value is invalid, or the file cannot be read or is not trusted.
"""


def get_parser() -> argparse.ArgumentParser:
    """Returns the command's parser."""
    parser = subcommand.parser("config", DESCRIPTION, EPILOG)
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Prints the settings. Returns the exit status. Raises InvalidArgument."""
    options = subcommand.parsed(get_parser(), words)
    if isinstance(options, int):
        return options
    sink = StandardOutput()
    rows = _rows()
    if options.json:
        import json

        made = {row.name: {"value": row.value, "source": row.source} for row in rows}
        sink.write(json.dumps({"file": config_file.path(), "options": made}, indent=1).encode() + b"\n")
    else:
        sink.write("".join(f"{row.name:<{WIDTHS[0]}} {row.text:<{WIDTHS[1]}} {row.source}\n" for row in rows).encode())
    return OK


class SettingRow(NamedTuple):
    """An option's name, its value as in Options and as text, and where the value comes from."""

    name: str
    value: Any
    text: str
    source: str


def _rows() -> list[SettingRow]:
    """Returns all options that may be set, in the order of --help."""
    said = {setting.name: setting for setting in settings.in_force()}
    actions = settings.options()
    made = []
    for name in settings.NAMES:
        if name in said:
            setting = said[name]
            made.append(SettingRow(name, setting.value, printable(setting.text), printable(setting.where)))
        else:
            value = Options._field_defaults[actions[name].dest]
            made.append(SettingRow(name, value, _shown(name, value), DEFAULT))
    return made


def _shown(name: str, value: Any) -> str:
    """Returns a default as it would be written on the command line."""
    if value is None:
        return NOT_SET
    if isinstance(value, bool):
        return str(value).lower()
    return str(value // KIB if name == "ring" else value)

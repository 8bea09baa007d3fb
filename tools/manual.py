# SPDX-License-Identifier: BSD-3-Clause
"""The manual page, sockfilter(1), made from the parser's words."""

from __future__ import annotations

from collections.abc import Iterator

import sockfilter
from sockfilter.cli import config_file, settings
from sockfilter.cli.arguments import DESCRIPTION, EPILOG
from sockfilter.model import Problem
from tools.command_line import Command, Option, commands, groups, options

RIGHTS = (
    "Capturing takes Linux 5.8 or newer, and root or the capabilities CAP_NET_RAW and CAP_BPF; another network "
    "namespace takes CAP_SYS_ADMIN too. Reading a capture file takes neither."
)
LINES = (
    "A line comes when its exchange ends: the time of the request's first byte, who asked whom, the request, the "
    "status, the size of the response's body as sent, and the time from the request's first byte to the response's "
    "last. What is odd about an exchange stands behind it in brackets:"
)
FILE = (
    "options by their long names, such as ports = [80, 8080]; in $XDG_CONFIG_HOME where that is set. Under sudo it is "
    "that of who ran it, and counts only if it belongs to them or to root and nobody else may write to it."
)
VARIABLES = (
    "the option of that name, with a hyphen as an underscore; it goes before the file, and the command line before "
    "both. Set there or in the file may be:"
)
COLOURS = "no colours where --color is auto"
SEE_ALSO = (("tcpdump", 8), ("ip-netns", 8), ("capabilities", 7), ("bpf", 2))


def text(words: str) -> str:
    """Words for roff: hyphens stay what was typed, and no line becomes a request."""
    safe = words.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in safe.split("\n"))


def manual() -> str:
    """The page, for man(7)."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield f'.TH SOCKFILTER 1 "" "sockfilter {sockfilter.__version__}" "User Commands"'
    title = (sockfilter.__doc__ or "").partition("\n")[0].rstrip(".")
    yield from (".SH NAME", f"sockfilter \\- {text(title[:1].lower() + title[1:])}")
    yield from (".SH SYNOPSIS", ".B sockfilter", *(f"[{_usage(option)}]" for option in options()))
    yield from (".SH DESCRIPTION", text(DESCRIPTION), ".PP", text(LINES))
    for problem in Problem:
        yield from (".TP", f"\\fB{text(problem.value)}\\fR", text(problem.meaning))
    yield from (".PP", text(RIGHTS), ".SH OPTIONS")
    for group, members in groups():
        yield f".SS {text(group)}"
        for option in members:
            yield from _described(option)
    yield ".SH COMMANDS"
    for command in commands():
        yield from _command(command)
    yield from (".SH FILES", ".TP", f"\\fI{text('~/.config/' + config_file.NAME)}\\fR", text(FILE))
    yield from (".SH ENVIRONMENT", ".TP", f"\\fB{settings.PREFIX}\\fINAME\\fR", text(VARIABLES))
    yield text(", ".join(settings.NAMES) + ".")
    yield from (".TP", "\\fBNO_COLOR\\fR", text(COLOURS))
    for title, lines in _paragraphs(EPILOG):
        yield from (f".SH {title.upper() or 'NOTES'}", *lines)
    yield from (".SH SEE ALSO", ",\n".join(f"\\fB{text(name)}\\fR({number})" for name, number in SEE_ALSO))


def _usage(option: Option) -> str:
    return f"\\fB{text(option.words[0])}\\fR" + (f"\\ \\fI{text(option.value)}\\fR" if option.value else "")


def _heading(option: Option) -> str:
    words = ", ".join(f"\\fB{text(word)}\\fR" for word in option.words)
    return words + (f" \\fI{text(option.value)}\\fR" if option.value else "")


def _described(option: Option) -> Iterator[str]:
    yield from (".TP", _heading(option), text(option.help))


def _command(command: Command) -> Iterator[str]:
    yield from (f".SS sockfilter {text(command.name)}", text(command.description))
    for option in command.options:
        yield from _described(option)
    for title, lines in _paragraphs(command.epilog):
        yield from (".PP", *((f"{text(title)}:",) if title else ()), *lines)


def _paragraphs(epilog: str) -> Iterator[tuple[str, list[str]]]:
    """A title with lines below it that stay as they are, a title with a sentence, or a sentence without one."""
    for paragraph in filter(None, epilog.strip().split("\n\n")):
        title, colon, rest = paragraph.partition(":")
        if not colon or not title.replace(" ", "").isalpha():
            yield "", [text(paragraph)]
        elif rest.startswith("\n"):
            yield title, [".nf", *(text(line.strip()) for line in rest.strip().split("\n")), ".fi"]
        else:
            yield title, [text(rest.strip())]

# SPDX-License-Identifier: BSD-3-Clause
"""The manual page, sockfilter(1), generated from the parser's texts."""

from __future__ import annotations

from collections.abc import Iterator

import sockfilter
from sockfilter.cli import config_file, settings
from sockfilter.cli.arguments import DESCRIPTION, EPILOG
from sockfilter.ledger import CALL_COUNTERS, PACKET_COUNTERS
from sockfilter.model import Problem
from sockfilter.sources.broker import messages
from tools.command_line import Command, Option, commands, groups, options

RIGHTS = (
    "Capturing requires Linux 5.8 or newer, and root or the capabilities CAP_NET_RAW and CAP_BPF. Another network "
    "namespace also requires CAP_SYS_ADMIN. Process names and system calls also require CAP_PERFMON and a kernel with "
    "BTF. Reading a capture file requires no capability."
)
GIVEN_UP = (
    "When the capture is open, and before it reads any traffic, sockfilter switches to the user of --user, gives up "
    "all capabilities, and confines itself with Landlock and seccomp."
)
LINES = (
    "A line is printed when its exchange ends. It has the time of the request's first byte, client and server, the "
    "request, the status, the size of the response's body as sent, and the time from the request's first byte to the "
    "response's last byte. Problems of the exchange follow in brackets:"
)
SECRETS = "Secrets are shown as *** in everything that sockfilter prints, unless --show-secrets is given."
LEDGER = (
    "The ledger accounts for every packet, system call, record, segment and message. The summary names each loss and "
    "the option that helps. --summary jsonl prints all counters. Those of packets are:"
)
CALLS = "With --via syscalls, those of system calls are:"
FILE = (
    "options by their long names, such as ports = [80, 8080]; in $XDG_CONFIG_HOME if that is set. Under sudo it is the "
    "file of the user who ran sudo. It counts only if it belongs to that user or to root, and nobody else can write "
    "to it."
)
SOCKET = "the socket of a broker, unless --socket names another one."
VARIABLES = (
    "sets the option of that name, with an underscore for each hyphen. It has priority over the file; the command line "
    "has priority over both. The file and the variables can set:"
)
COLOURS = "turns colours off if --color is auto."
SEE_ALSO = (("tcpdump", 8), ("ip-netns", 8), ("capabilities", 7), ("bpf", 2))


def text(words: str) -> str:
    """Escapes text for roff: hyphens remain ASCII hyphens, and no line is taken for a request."""
    safe = words.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in safe.split("\n"))


def manual() -> str:
    """Returns the page in the man(7) format."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield f'.TH SOCKFILTER 1 "" "sockfilter {sockfilter.__version__}" "User Commands"'
    title = (sockfilter.__doc__ or "").partition("\n")[0].rstrip(".")
    yield from (".SH NAME", f"sockfilter \\- {text(title[:1].lower() + title[1:])}")
    yield from (".SH SYNOPSIS", ".B sockfilter", *(f"[{_usage(option)}]" for option in options()))
    yield from ("[\\fIfilter\\fR]", "[\\fB\\-\\-\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR ...]]")
    yield from (line for command in commands() for line in (".br", f".B sockfilter {command.name}"))
    yield from (".SH DESCRIPTION", text(DESCRIPTION), ".PP", text(LINES))
    for problem in Problem:
        yield from _row(problem.value, problem.meaning)
    for paragraph in (SECRETS, RIGHTS, GIVEN_UP):
        yield from (".PP", text(paragraph))
    yield ".SH OPTIONS"
    for group, members in groups():
        yield f".SS {text(group)}"
        for option in members:
            yield from _described(option)
    yield ".SH COMMANDS"
    for command in commands():
        yield from _command(command)
    yield from (".SH LEDGER", text(LEDGER))
    for name, meaning in PACKET_COUNTERS.items():
        yield from _row(name, meaning)
    yield from (".PP", text(CALLS))
    for name, meaning in CALL_COUNTERS.items():
        yield from _row(name, meaning)
    yield from (".SH FILES", ".TP", f"\\fI{text('~/.config/' + config_file.NAME)}\\fR", text(FILE))
    yield from (".TP", f"\\fI{text(messages.SOCKET)}\\fR", text(SOCKET))
    yield from (".SH ENVIRONMENT", ".TP", f"\\fB{settings.PREFIX}\\fINAME\\fR", text(VARIABLES))
    yield text(", ".join(settings.NAMES) + ".")
    yield from (".TP", "\\fBNO_COLOR\\fR", text(COLOURS))
    for title, lines in _paragraphs(EPILOG):
        yield from (f".SH {title.upper() or 'NOTES'}", *lines)
    yield from (".SH SEE ALSO", ",\n".join(f"\\fB{text(name)}\\fR({number})" for name, number in SEE_ALSO))


def _row(name: str, meaning: str) -> Iterator[str]:
    yield from (".TP", f"\\fB{text(name)}\\fR", text(meaning))


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
    """Yields the title of each paragraph, which may be empty, and its lines."""
    for paragraph in filter(None, epilog.strip().split("\n\n")):
        title, colon, rest = paragraph.partition(":")
        if not colon or not title.replace(" ", "").isalpha():
            yield "", [text(paragraph)]
        elif rest.startswith("\n"):
            yield title, [".nf", *(text(line.strip()) for line in rest.strip().split("\n")), ".fi"]
        else:
            yield title, [text(rest.strip())]

"""Converters for the values of options, for argparse."""

from __future__ import annotations

import argparse
import fcntl
import os
import re
from contextlib import suppress

from sockfilter.errors import InvalidArgument

ALL = "all"
JSONL = "jsonl"
KIB = 1024
UNITS = {"K": KIB, "M": KIB**2, "G": KIB**3}
FAMILIES = {"4": 4, "6": 6, "any": None}
# Processes at the same time: more than most machines have processors, and few enough for its limits.
JOBS_MAX = 256
# The units of a duration.
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|s|m|h|d)", re.ASCII)
DURATION = re.compile(rf"(?:{PART.pattern})+", re.ASCII)


def number(text: str, least: int, what: str) -> int:
    """Returns a whole number that is not less than least."""
    if not text.isdecimal() or int(text) < least:
        raise _not_one(text, least, what)
    return int(text)


def _not_one(text: str, least: int, what: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{text!r}: {what} must be a whole number, {least} or greater")


def count(text: str) -> int:
    """Parses the value of -c."""
    return number(text, 1, "a count of exchanges")


def lines(text: str) -> int:
    """Parses the value of -c where lines are counted."""
    return number(text, 1, "a count of lines")


def at_least_1(text: str) -> int:
    """Parses the value of -C, -G and -W."""
    return number(text, 1, "the value of -C, -G and -W")


def jobs(text: str) -> int:
    """Parses the value of --jobs."""
    value = number(text, 1, "a number of processes")
    if value > JOBS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r}: at most {JOBS_MAX} processes are possible")
    return value


def descriptor(text: str) -> int:
    """Parses the value of --summary-fd: a descriptor that was open when the command began."""
    value = number(text, 1, "a descriptor")
    try:
        is_ours = os.get_inheritable(value)
        can_write = fcntl.fcntl(value, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
    except (OSError, OverflowError):
        is_ours = can_write = False
    if not is_ours or not can_write:
        raise argparse.ArgumentTypeError(
            f"descriptor {value} is not open for writing; open it in the shell: {value}>FILE"
        )
    return value


def duration(text: str) -> float:
    """Parses the value of --duration in seconds: a number of seconds, or numbers with units one after the other."""
    value = 0.0
    if DURATION.fullmatch(text):
        value = sum(float(number) * SECONDS[unit] for number, unit in PART.findall(text))
    else:
        with suppress(ValueError):
            value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(
            f"{text!r}: a duration is a number of seconds greater than 0, or has units: 500ms, 10s, 5m, 1h30m"
        )
    return value


def form(text: str) -> str:
    """Parses the value of --format and --summary. "json" is another name for JSON lines."""
    return JSONL if text == "json" else text


def body(text: str) -> int | None:
    """Parses the value of --body in bytes. None: all."""
    return None if text == ALL else number(text, 0, f"--body, unless it is {ALL},")


def snap(text: str) -> int | None:
    """Parses the value of -s in bytes. As in tcpdump, 0 means no limit."""
    return number(text, 0, "a snap length") or None


def pids(text: str) -> tuple[int, ...]:
    """Parses a value of --pid: the id of a process, or several separated by commas."""
    return tuple(number(part.strip(), 1, "the number of a process") for part in text.split(","))


def ring(text: str) -> int:
    """Parses the value of -B in bytes. The number is in KiB, as in tcpdump, unless K, M or G follows."""
    return _size(text, KIB, "a ring size, in KiB or followed by K, M or G,")


def memory(text: str) -> int:
    """Parses the value of --memory in bytes. The number is in MiB unless K, M or G follows."""
    size = _size(text, KIB**2, "memory, in MiB or followed by K, M or G,")
    if size < KIB**2:
        raise argparse.ArgumentTypeError(f"{text!r}: the minimum is 1 MiB")
    return size


def _size(text: str, usual: int, what: str) -> int:
    digits, unit = (text[:-1], UNITS[text[-1:].upper()]) if text[-1:].upper() in UNITS else (text, usual)
    if not digits.isdecimal() or int(digits) < 1:
        raise _not_one(text, 1, what)
    return int(digits) * unit


def family(text: str) -> int | None:
    """Parses the value of --family; None: any."""
    if text not in FAMILIES:
        raise argparse.ArgumentTypeError(f"{text!r}: an address family is one of {', '.join(FAMILIES)}")
    return FAMILIES[text]


def protocols(text: str) -> str:
    """Names of protocols, separated by commas."""
    from sockfilter.model.protocols import wanted  # only if they are given

    try:
        wanted(text, ())
    except InvalidArgument as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def by(text: str) -> str:
    """Parses a value of --by: names, separated by commas."""
    from sockfilter.statistics.keys import names_of

    try:
        names_of(text)
    except InvalidArgument as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("--by ")) from None
    return text


def routes(text: str) -> tuple[str, ...]:
    """Parses a value of --routes: templates of routes, separated by commas."""
    from sockfilter.statistics.routes import router

    made = tuple(part.strip() for part in text.split(","))
    try:
        router(made)
    except InvalidArgument as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("--routes ")) from None
    return made


def where(text: str) -> tuple[str, ...]:
    """Parses a value of -Y: a filter."""
    from sockfilter.filters.faults import PREFIX
    from sockfilter.filters.parser import parsed  # imports the parser's library

    try:
        return (str(parsed(text)),)
    except InvalidArgument as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix(PREFIX)) from None


def web(text: str) -> str:
    """Parses the value of --web: PORT, ADDRESS:PORT or nothing."""
    from sockfilter.page.addresses import place

    try:
        place(text)
    except InvalidArgument as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def prometheus(text: str) -> str:
    """Parses the value of --prometheus: PORT or ADDRESS:PORT."""
    if not text:
        raise argparse.ArgumentTypeError("it needs a port, such as 9464")
    return web(text)


def metric_labels(text: str) -> str:
    """Parses the value of --prometheus-labels: names, separated by commas."""
    from sockfilter.metrics.names import MORE_LABELS

    for name in text.split(","):
        if name not in MORE_LABELS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(MORE_LABELS)}")
    return text


def otlp(text: str) -> str:
    """Parses the value of --otlp: the URL of a collector, or nothing."""
    from sockfilter.traces.address import address_of

    try:
        if text:
            address_of(text)
    except InvalidArgument as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def ratio(text: str) -> float:
    """Parses the value of --sample: a number from 0 to 1, or a percentage."""
    value = -1.0
    with suppress(ValueError):
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a share of the traces is a number from 0 to 1, or a percentage")
    return value


def names(text: str) -> str:
    """Parses names of secrets, separated by commas."""
    parts = [part.strip() for part in text.split(",")]
    if "" in parts:
        raise argparse.ArgumentTypeError(f"{text!r} has an empty name: use NAME or NAME,NAME")
    return ",".join(parts)


def file_name(text: str) -> tuple[str, ...]:
    """Parses a value of --proto: the name of a file."""
    if not text:
        raise argparse.ArgumentTypeError("the name of the file is empty")
    return (text,)

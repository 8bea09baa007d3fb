"""What a command line means: what may be said again, what tcpdump's letters stand for, and durations."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from sockfilter.cli import arguments, values
from sockfilter.cli.tcpdump import ELSEWHERE
from sockfilter.errors import InvalidArgument


def parsed(text: str) -> arguments.Options:
    return arguments.parse(text.split())


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("-i lo -i eth0", "interface", "lo,eth0"),
        ("-i lo,eth0 -i eth1", "interface", "lo,eth0,eth1"),
        ("-i lo --ports 80 --ports 81,90-99", "ports", "80,81,90-99"),
        ("-i lo --host ::1 --host 10.0.0.1,example.org", "host", "::1,10.0.0.1,example.org"),
        ("--comm a --comm b,c", "comm", "a,b,c"),
        ("--pid 1 --pid 2,3", "pid", (1, 2, 3)),
        ("-i lo -4 -4", "family", 4),
        ("-i lo --format json", "format", "jsonl"),
        ("-i lo --format json --format jsonl", "format", "jsonl"),
        ("-i lo -A", "format", "raw"),
        ("-i lo -A --format raw", "format", "raw"),
        ("-i lo -t", "time", "none"),
        ("-i lo -tt", "time", "epoch"),
        ("-i lo -t -t -t", "time", "delta"),
        ("-i lo -tttt", "time", "date"),
        ("-i lo -ttttt --time relative", "time", "relative"),
        ("-i lo --time iso", "time", "iso"),
        ("-i lo -p", "promiscuous", False),
        ("-i lo --promisc -p", "promiscuous", False),
        ("-nnvvli lo", "verbosity", 2),
        ("-n -nn -l -U -i lo -c 3", "count", 3),
        ("-i lo port 80", "ports", "80"),
        ("-nn port 80 -i lo", "ports", "80"),
        ("-i lo port 80 --ports 80", "ports", "80"),
        ("-i lo tcp port 80 and host ::1 -v", "host", "::1"),
        ("-i lo ip", "family", 4),
        ("-r x port 8080", "ports", "8080"),
        ("-i lo --duration 1h30m", "duration_s", 5400.0),
        ("-i lo --summary json", "summary", "jsonl"),
        ("-i lo --summary-fd 2", "summary", "jsonl"),
    ],
)
def test_what_it_means(text: str, name: str, value: Any) -> None:
    assert getattr(parsed(text), name) == value


def test_interfaces_come_once_each() -> None:
    assert parsed("-i lo,eth0 -i lo").interfaces == ["lo", "eth0"]
    assert parsed("--comm x").interfaces == []


def test_the_command_line_takes_the_place_of_the_configuration() -> None:
    """A list of the one is not added to that of the other."""
    configured = {"ports": "80", "host": "::1", "interface": "lo", "promiscuous": True, "time": "iso"}
    found = arguments.parse("-i eth0 port 81 -p -tt".split(), lambda: dict(configured))
    assert (found.interface, found.ports, found.host) == ("eth0", "81", "::1")
    assert (found.promiscuous, found.time) == (False, "epoch")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("1", 1), ("0.5", 0.5), ("1e3", 1000), ("500ms", 0.5), ("10s", 10), ("5m", 300), ("1h30m", 5400)],
        *[("1d", 86400), (".5s", 0.5), ("1.5h", 5400), ("1m1s", 61), ("0h1s", 1), ("1m500ms", 60.5)],
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert values.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "-1", "-5m", "x", "5x", "m", "1 h", "1h-5m", "1,5s", "5M", "nan", "inf", "s5", "\u0661s"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="or has units: 500ms, 10s, 5m, 1h30m"):
        values.duration(text)


@pytest.mark.parametrize("letter", ELSEWHERE)
def test_what_tcpdump_has_and_this_has_not(letter: str) -> None:
    with pytest.raises(InvalidArgument) as found:
        parsed(f"-i lo {letter}")
    assert str(found.value) == f"there is no option {letter}; {ELSEWHERE[letter]}"


@pytest.mark.parametrize("option", ["--otlp", "--web"])
def test_an_empty_place_is_as_none(option: str):
    name = option.removeprefix("--")
    assert getattr(arguments.parse(["-i", "lo", option, ""]), name) == ""

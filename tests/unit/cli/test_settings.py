"""Options from a file and from variables: what they mean, which goes first, and what is no option."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sockfilter.cli import arguments, settings
from sockfilter.cli.arguments import Options, get_parser
from sockfilter.errors import InvalidArgument
from sockfilter.sources.records import RING_BYTES


class Config:
    """A configuration of its own: nothing in it yet."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "sockfilter/config.toml"
        self._monkeypatch = monkeypatch
        for name in os.environ:
            if name.startswith(settings.PREFIX):
                monkeypatch.delenv(name)
        monkeypatch.delenv("SUDO_UID", raising=False)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))

    def write(self, text: str) -> None:
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(text)

    def set(self, **variables: str) -> None:
        for name, text in variables.items():
            self._monkeypatch.setenv(settings.PREFIX + name, text)

    def refused(self) -> str:
        with pytest.raises(InvalidArgument) as found:
            settings.in_force()
        return str(found.value)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    return Config(tmp_path, monkeypatch)


def options(*words: str) -> Options:
    return arguments.parse(list(words), settings.values)


def test_nothing_is_said(config: Config) -> None:
    assert settings.in_force() == []
    assert options("-i", "lo") == Options(interface="lo")


TEXTS: list[tuple[str, str, str, Any]] = [
    ("interface", '"eth0"', "interface", "eth0"),
    ("promisc", "true", "promiscuous", True),
    ("ports", "8000", "ports", "8000"),
    ("ports", '"80,8000-8100"', "ports", "80,8000-8100"),
    ("ports", '[80, "8000-8100"]', "ports", "80,8000-8100"),
    ("host", '"10.0.0.0/8"', "host", "10.0.0.0/8"),
    ("protocols", '["mqtt", "smtp"]', "protocols", "mqtt,smtp"),
    ("family", "4", "family", 4),
    ("family", '"any"', "family", None),
    ("format", '"jsonl"', "format", "jsonl"),
    ("verbose", "2", "verbosity", 2),
    ("verbose", "0", "verbosity", 0),
    ("processes", "true", "processes", True),
    ("processes", "false", "processes", False),
    ("messages", "false", "messages", False),
    ("quiet", "false", "quiet", False),
    ("body", "0", "body", 0),
    ("body", '"all"', "body", None),
    ("show-secrets", "true", "show_secrets", True),
    ("mask", '["x-tenant", "*-ref"]', "mask", "x-tenant,*-ref"),
    ("unmask", '"x-csrf-token"', "unmask", "x-csrf-token"),
    ("color", '"never"', "colour", "never"),
    ("snap", "0", "snap", None),
    ("snap", "256", "snap", 256),
    ("ring", "4096", "ring", 4 << 20),
    ("ring", '"8M"', "ring", 8 << 20),
    ("memory", "64", "memory", 64 << 20),
    ("memory", '"1G"', "memory", 1 << 30),
    ("fail-on-loss", "true", "fail_on_loss", True),
    ("interface", '["lo", "eth0"]', "interface", "lo,eth0"),
    ("host", '["10.0.0.0/8", "example.org"]', "host", "10.0.0.0/8,example.org"),
    ("format", '"json"', "format", "jsonl"),
    ("time", '"iso"', "time", "iso"),
    ("wide", "true", "wide", True),
    ("all-hops", "true", "all_hops", True),
    ("summary", '"jsonl"', "summary", "jsonl"),
]


@pytest.mark.parametrize(("name", "toml", "dest", "value"), TEXTS, ids=[f"{row[0]}={row[1]}" for row in TEXTS])
def test_file_and_variable_mean_the_same(config: Config, name: str, toml: str, dest: str, value: Any) -> None:
    config.write(f"# mine\n{name} = {toml}\n")
    (from_file,) = settings.in_force()
    assert (from_file.dest, from_file.value, from_file.where) == (dest, value, f"{config.path}:2")
    config.path.unlink()
    config.set(**{name.upper().replace("-", "_"): toml.strip("[]").replace('"', "").replace(", ", ",")})
    (from_variable,) = settings.in_force()
    assert from_variable == from_file._replace(where=settings.variable(name))


def test_every_option_that_may_be_set_is_in_the_list_above() -> None:
    assert set(settings.NAMES) == {name for name, *_ in TEXTS}


def test_an_option_is_either_for_files_or_for_the_command_line() -> None:
    calls = {"via", "pid", "comm", "cgroup", "unix"}
    alone = {"read", "list", "netns", "count", "duration", "write", "file-megabytes", "file-seconds", "files", "user"}
    alone |= {"summary-fd", "proto", "filter", "stats", "tree", "by", "routes", "keylog", "tls", "write-secrets", "web"}
    alone |= {"tcp", "stacks", "output", "jobs", "otlp", "sample", "prometheus", "prometheus-labels", "exit-on-idle"}
    negative = {name for name in settings.options() if name.startswith("no-")}
    assert set(settings.options()) == {*settings.NAMES, *alone, *calls, *negative, "version", "help"}


def test_every_option_has_a_long_name() -> None:
    for action in get_parser()._actions:
        short = (["-4"], ["-6"], ["-A"], ["-t"], ["-p"], ["-n", "-l", "-U"])
        assert action.option_strings in short or any(w.startswith("--") for w in action.option_strings)


def test_the_command_line_before_the_variables_before_the_file(config: Config) -> None:
    config.write('interface = "a"\nports = 1\nbody = 1\nverbose = 2\nquiet = true\nfamily = 4\n')
    config.set(PORTS="2", BODY="2", INTERFACE="")
    found = options("--body", "3", "-v", "--no-quiet", "-6")
    assert (found.interface, found.ports, found.body, found.has_body) == ("a", "2", 3, True)
    assert (found.verbosity, found.quiet, found.family) == (1, False, 6)


def test_a_command_line_that_goes_without(config: Config) -> None:
    config.write("this is no configuration")
    config.set(NOPE="1")
    assert options("-i", "lo", "--no-config") == Options(interface="lo")


def test_what_is_about_live_captures_does_not_disturb_reading(config: Config) -> None:
    config.write('interface = "lo"\npromisc = true\nring = "8M"\nsnap = 96\nports = 80\nformat = "jsonl"\n')
    assert options("-r", "x") == Options(read="x", ports="80", format="jsonl")
    assert options("-D").list_interfaces
    assert options("-w", "-").write == "-"


def test_the_default_ring_is_the_librarys() -> None:
    assert Options().ring == RING_BYTES


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("portz = 80", "config.toml:2: there is no option 'portz'; did you mean ports?"),
        ("x = 1", "config.toml:2: there is no option 'x'; the options are interface, promisc, ports, "),
        ("[broker]", "config.toml:2: there is no option 'broker'; the options are "),
        ('write = "x"', "config.toml:2: write can only be set on the command line: --write"),
        ('user = "root"', "config.toml:2: user can only be set on the command line: --user"),
        ("netns = 1", "config.toml:2: netns can only be set on the command line: --netns"),
        ("no-quiet = true", "config.toml:2: no-quiet can only be set on the command line: --no-quiet"),
        ("quiet = 1", "config.toml:2: quiet must be true or false"),
        ("ports = true", "config.toml:2: ports must be a string, a number or a list of these"),
        ("ports = [1.5]", "config.toml:2: ports must be a string, a number or a list of these"),
        ("[ports]", "config.toml:2: ports must be a string, a number or a list of these"),
        ("body = [1]", "config.toml:2: body must be a string or a number"),
        ("body = 1979-05-27", "config.toml:2: body must be a string or a number"),
        ('ports = "http"', "config.toml:2: ports: 'http' is not a port: "),
        ("ports = 0", "config.toml:2: ports: '0' is not a port or a range of ports: "),
        ("ports = []", "config.toml:2: ports: '' is not a port: "),
        ('host = "10.0.0.1:80"', "config.toml:2: host: '10.0.0.1:80' is not an address or network: "),
        ('host = ["::1", ""]', "config.toml:2: host: '' is not an address or network: "),
        ('interface = ["lo", ""]', "config.toml:2: interface: the name is empty; any means all interfaces"),
        ('time = "now"', "config.toml:2: time: 'now' is not one of clock, date, iso, "),
        ("summary-fd = 3", "config.toml:2: summary-fd can only be set on the command line: --summary-fd"),
        ("ring = 0", "config.toml:2: ring: '0': a ring size, in KiB "),
        ('ring = "1G"', "config.toml:2: ring: a ring of 1073741824 bytes is not possible; choose from "),
        ("verbose = 3", "config.toml:2: verbose: '3' is not a number from 0 to 2"),
        ('format = "xml"', "config.toml:2: format: 'xml' is not one of text, raw, jsonl"),
        ('interface = ""', "config.toml:2: interface: the name is empty; any means all interfaces"),
        ("family = 5", "config.toml:2: family: '5': an address family is one of 4, 6, any"),
        (f"snap = 0x{'f' * 5000}", "config.toml:2: snap: "),
        (f"snap = {'9' * 5000}", "config.toml: "),
    ],
    ids=lambda text: text[:20],
)
def test_a_file_that_cannot_be_meant(config: Config, text: str, said: str) -> None:
    config.write(f"# mine\n{text}\n")
    assert config.refused().startswith(f"{config.path.parent}/{said}")


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("PORTZ", "80", "there is no option 'portz'; did you mean SOCKFILTER_PORTS?"),
        ("PORTZ", "", "there is no option 'portz'; did you mean SOCKFILTER_PORTS?"),
        ("X", "80", "there is no option 'x'; the options are interface, "),
        ("WRITE", "x", "write can only be set on the command line: --write"),
        ("QUIET", "maybe", "quiet: 'maybe' is not one of 0, false, no, off, 1, true, yes, on"),
        ("VERBOSE", "yes", "verbose: 'yes' is not a number from 0 to 2"),
        ("PORTS", "\udcff", "ports: '\\udcff' is not a port: "),
        ("COLOR", "blue", "color: 'blue' is not one of auto, always, never"),
    ],
)
def test_a_variable_that_cannot_be_meant(config: Config, variable: str, text: str, said: str) -> None:
    config.set(**{variable: text})
    assert config.refused().startswith(f"SOCKFILTER_{variable}: {said}")


@pytest.mark.parametrize(("text", "value"), [("YES", True), ("on", True), ("1", True), ("No", False), ("0", False)])
def test_the_words_for_yes_and_no(config: Config, text: str, value: bool) -> None:
    config.set(SHOW_SECRETS=text)
    assert settings.values() == {"show_secrets": value}

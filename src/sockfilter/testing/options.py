"""The plugin's options: on the command line, in the ini file, and in a test's marker."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from sockfilter.testing.keylog import AUTO, KEYLOG

if TYPE_CHECKING:
    from collections.abc import Callable

MARKER = (
    "wire(interface='lo', ports=None, body=16384, scope='auto', strict=False, ...): how the fixture wire captures for"
    " this test; all arguments of sockfilter.capture()"
)
MODES = ("skip", "require")
# The value of via for captures that have no interface.
SYSCALLS = "syscalls"
SCOPES = ("auto", "host", "tree")
ALL = "all"
BROKER = "sudo sockfilter broker --user $USER --background"

DEFAULTS = {"wire_interface": "lo", "wire_dir": "", "wire_keylog": "", "wire_broker": ""}

# Properties in a test's report: the exchanges seen, and what was not whole.
SEEN, ODD = "wire", "wire_not_whole"


class Settings(NamedTuple):
    """The settings of a test's wire.

    capture: the arguments of sockfilter.capture().
    scope: whose exchanges count: "host", "tree" (of this process) or "auto".
    strict: whether HTTP that is not whole fails the test.
    """

    capture: dict[str, Any]
    scope: str
    strict: bool


def add(parser: pytest.Parser) -> None:
    """Adds the options to pytest's parser."""
    group = parser.getgroup("wire", "HTTP on the wire (sockfilter)")
    add_option = group.addoption
    add_option(
        "--wire", choices=MODES, help="if capturing is not possible: skip the tests that use wire, or require it"
    )
    add_option("--wire-interface", metavar="NAME", help="the interface (lo)")
    add_option("--wire-ports", metavar="LIST", help="only these ports: 8000,9000-9100")
    add_option("--wire-body", metavar="N|all", help="bytes of each body to keep (16384)")
    add_option("--wire-scope", choices=SCOPES, help="whose exchanges: host, or tree of the test's own process")
    add_option("--wire-strict", action="store_true", default=None, help="incomplete HTTP fails the test")
    add_option("--wire-dir", metavar="DIR", help="write frames and JSON lines of failing tests to this directory")
    add_option("--wire-mask", metavar="NAME[,NAME]", help="also mask the values of these names in reports and files")
    add_option("--wire-unmask", metavar="NAME[,NAME]", help="do not mask the values of these names")
    add_option(
        "--wire-keylog",
        metavar="FILE|auto",
        help="open TLS with this key log; auto: make one, and set SSLKEYLOGFILE so that clients and servers write it",
    )
    add_option(
        "--wire-tls",
        action="store_true",
        default=None,
        help="open TLS with the secrets that probes take from the TLS libraries of all processes",
    )
    add_option("--wire-broker", metavar="PATH", help="the socket of a sockfilter broker")
    parser.addini("wire", "skip or require, as --wire", default="skip")
    parser.addini("wire_interface", "where wire captures", default=DEFAULTS["wire_interface"])
    parser.addini("wire_ports", "only these ports", default="")
    parser.addini("wire_body", "bytes of each body to keep, or all", default="16384")
    parser.addini("wire_scope", "whose exchanges: auto, host, tree", default="auto")
    parser.addini("wire_strict", "incomplete HTTP fails the test", type="bool", default=False)
    parser.addini("wire_dir", "directory for frames and JSON lines of failing tests", default=DEFAULTS["wire_dir"])
    parser.addini("wire_mask", "names whose values are also masked", default="")
    parser.addini("wire_unmask", "names whose values are not masked", default="")
    parser.addini("wire_keylog", "a key log that opens TLS, or auto", default=DEFAULTS["wire_keylog"])
    parser.addini("wire_tls", "open TLS with secrets that probes take", type="bool", default=False)
    parser.addini("wire_broker", "the socket of a sockfilter broker", default=DEFAULTS["wire_broker"])


def value(config: pytest.Config, name: str) -> Any:
    """Returns an option's value from the command line, else from the ini file."""
    given = config.getoption(name)
    return config.getini(name) if given is None else given


def check(config: pytest.Config) -> str:
    """Returns what is invalid about the options. Empty: nothing."""
    for name, choices in (("wire", MODES), ("wire_scope", SCOPES)):
        if value(config, name) not in choices:
            return f"{name}={value(config, name)!r}: choose from {', '.join(choices)}"
    body = value(config, "wire_body")
    if body != ALL and not body.isdecimal():
        return f"wire_body={body!r}: a number of bytes, or {ALL}"
    for name in ("wire_strict", "wire_tls"):
        try:
            value(config, name)
        except (ValueError, pytest.UsageError):  # UsageError since pytest 9
            return f"{name}: choose from true, false"
    for name in ("wire_mask", "wire_unmask"):
        if value(config, name) and "" in masking(config)[name.removeprefix("wire_")]:
            return f"{name}={value(config, name)!r}: a name is empty"
    ports = value(config, "wire_ports")
    return _said_of("wire_ports", ports, _check_ports) if ports else ""


def masking(config: pytest.Config) -> dict[str, list[str]]:
    """Returns the arguments for sockfilter.set_masking()."""
    return {
        name: [one.strip() for one in value(config, f"wire_{name}").split(",")] if value(config, f"wire_{name}") else []
        for name in ("mask", "unmask")
    }


def missing(config: pytest.Config) -> str:
    """Returns what the options name that does not exist. Empty: nothing. Default values are not checked."""
    looks = {
        "wire_interface": _look_up,
        "wire_dir": _make_folder,
        "wire_keylog": _open_keylog,
        "wire_broker": _find_socket,
    }
    for name, look in looks.items():
        named = value(config, name)
        if named and named != DEFAULTS[name]:
            said = _said_of(name, named, look)
            if said:
                return said
    return ""


def _said_of(name: str, given: str, look: Callable[[str], None]) -> str:
    from sockfilter.errors import SockfilterError

    try:
        look(given)
    except SockfilterError as error:
        return f"{name}={given!r}: {error}"
    except OSError as error:
        return f"{name}={given!r}: {error.strerror}"
    return ""


def _check_ports(ports: str) -> None:
    from sockfilter.sources.narrowing import port_ranges

    port_ranges(ports)


def _look_up(interface: str) -> None:
    from sockfilter.errors import InterfaceDown, NoSuchInterface, UnsupportedInterface
    from sockfilter.sources.packets import interfaces

    try:
        interfaces.find(interface)
    except NoSuchInterface as error:
        raise NoSuchInterface(f"{error}; for one that a fixture makes, @pytest.mark.wire({interface!r})") from error
    except (InterfaceDown, UnsupportedInterface):
        pass  # it may be up when a test uses it


def _make_folder(path: str) -> None:
    os.makedirs(path, mode=0o700, exist_ok=True)
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _open_keylog(path: str) -> None:
    from sockfilter.sources.secrets.followed import FollowedKeyLog

    if path != AUTO:
        FollowedKeyLog(path, lambda secret: None).close()


def _find_socket(path: str) -> None:
    from sockfilter.errors import BrokerError

    try:
        is_one = stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError as error:
        raise BrokerError(f"{error.strerror}; start one: {BROKER}") from error
    if not is_one:
        raise BrokerError(f"it is not a socket; start a broker: {BROKER}")


def _keylog(config: pytest.Config) -> str:
    """Returns the path of the key log. Empty: there is none."""
    named: str = value(config, "wire_keylog")
    return config.stash[KEYLOG].path if named == AUTO else named


def settings(config: pytest.Config, marker: dict[str, Any]) -> Settings:
    """Returns the settings of a test: the options, overridden by its marker."""
    body = value(config, "wire_body")
    capture = {
        **({} if marker.get("via") == SYSCALLS else {"interface": value(config, "wire_interface")}),
        "ports": value(config, "wire_ports") or None,
        "body": None if body == ALL else int(body),
        **({"keylog": keylog} if (keylog := _keylog(config)) and marker.get("via") != SYSCALLS else {}),
        **({"tls": True} if value(config, "wire_tls") and marker.get("via") != SYSCALLS else {}),
        **marker,
    }
    scope = capture.pop("scope", value(config, "wire_scope"))
    strict = capture.pop("strict", value(config, "wire_strict"))
    return Settings(capture, scope, strict)

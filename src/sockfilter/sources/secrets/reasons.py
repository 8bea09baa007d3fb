"""How the secrets of a TLS library can be had, or why they cannot, and what to do instead."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from sockfilter.sources.secrets import finding
from sockfilter.sources.secrets.finding import IRRELEVANT

KEYLOG = "if it can write a key log (SSLKEYLOGFILE), use --keylog"


class Advice(NamedTuple):
    """What was found, in words, and what to do if it is not enough. Without a remedy it is enough."""

    words: str
    remedy: str = ""


# by enum sf_found_how
FOUND = {
    finding.SYMBOL: Advice("found by its symbol"),
    finding.LABELS: Advice("found by the labels that it is called with"),
    finding.GO: Advice("found by Go's function table"),
    finding.NOT_ELF: Advice("not a program or library (ELF)", "name a program, a library, or --pid PID"),
    finding.NOT_MACHINE: Advice("not for x86-64 or arm64", KEYLOG),
    finding.NOT_TLS: Advice("no TLS library in it, or one that has no key log", KEYLOG),
    finding.NOT_CALLED: Advice("it has the labels of a key log, and no function is called with them", KEYLOG),
    finding.NOT_ONE: Advice("several functions may be the one that gets the secrets, so none is probed", KEYLOG),
    finding.NOT_GO_TLS: Advice("a Go program without crypto/tls"),
    finding.NOT_GO_ABI: Advice(
        "built by Go before 1.17 (arm64: 1.18), which does not pass arguments in registers",
        "build it with a newer Go, or set KeyLogWriter in its tls.Config, and use --keylog",
    ),
    finding.NOT_GO_TABLE: Advice("a Go program whose function table is of an unknown version", KEYLOG),
    finding.NOT_RUSTLS: Advice("rustls has no function that gets all secrets", KEYLOG),
}
# Libraries that are known by their names, and have no such function.
NAMED = (
    (
        re.compile(r"libssl\.so\.(0|1\.0|10)\b"),
        Advice("OpenSSL before 1.1.1 has no key log", "use OpenSSL 1.1.1 or newer"),
    ),
    (
        re.compile(r"libssl3\.so\b|libnss3\.so\b"),
        Advice("NSS gives handles instead of secrets", "run it with SSLKEYLOGFILE, and use --keylog"),
    ),
    (
        re.compile(r"libjvm\.so\b"),
        Advice(
            "Java has a TLS library of its own, which is no machine code in a file",
            "use a Java agent that writes a key log, and --keylog",
        ),
    ),
)


def named(path: str) -> Advice | None:
    """Returns why a library that is known by its name cannot be probed. None: it is not known."""
    name = os.path.basename(path)
    return next((reason for pattern, reason in NAMED if pattern.match(name)), None)


def reason(path: str, how: int) -> Advice:
    """Returns what was found in a file.

    Args:
        path: its path.
        how: what was found, as enum sf_found_how.
    """
    if how in (finding.SYMBOL, finding.LABELS, finding.GO):
        return FOUND[how]
    return named(path) or FOUND.get(how, FOUND[finding.NOT_TLS])


def is_relevant(path: str, how: int) -> bool:
    """Whether a file that processes use is worth a line."""
    return how not in IRRELEVANT or named(path) is not None

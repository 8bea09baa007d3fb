"""A terminal: colours where they are wanted, and nothing that a peer sends to command it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pytest

from tests.support.command import Sniffer
from tests.support.odd import answering, talking, tell
from tests.support.terminal import Terminal

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
COLOUR = re.compile(rb"\x1b\[\d*m")

# each may move the cursor, ring, rename the window, paste, or turn what is read around
EVIL = {
    "esc": b"\x1b[2J\x1b]0;owned\x07",
    "csi": b"\xc2\x9b31m",
    "c1": b"\x9b31m\x90\x9d",
    "bell": b"\x07\x08\x0b\x0c\x7f",
    "return": b"seen\rforged",
    "bidi": "\u202e\u2066\u200f".encode(),
    "format": "\u200b\u2060\ufeff\U000e0041".encode(),
    "separators": "\u2028\u2029\x85".encode(),
    "bytes": b"\xff\xfe\xc3",
    "surrogates": b"\xed\xa0\x80",
}


def on_terminal(
    requests: Sequence[bytes], answers: Sequence[bytes], *options: str, env: Mapping[str, str] | None = None
) -> bytes:
    """What a terminal is shown of one connection."""
    with talking(answering(*answers)) as site, Terminal() as terminal:
        with Sniffer("-i", "lo", "--ports", str(site.port), *options, env=env, stdout=terminal.fd) as sniffer:
            tell(site, *requests)
            assert sniffer.end().status == 0
        return terminal.all()


def through_pipe(*options: str, env: Mapping[str, str] | None = None) -> bytes:
    with talking(answering(OK)) as site, Sniffer("-i", "lo", "--ports", str(site.port), *options, env=env) as sniffer:
        tell(site, GET)
        return sniffer.end().output


@pytest.mark.parametrize(
    "options", [["-v"], ["-vv"], ["--format", "raw"], ["--format", "jsonl", "--body", "all"]], ids=" ".join
)
def test_what_a_peer_sends_does_not_command_the_terminal(options):
    """In a target, a method's place, fields, words and bodies."""
    requests, answers = [], []
    for name, evil in EVIL.items():
        size = b"Content-Length: %d\r\n\r\n%b" % (len(evil), evil)
        requests.append(b"POST /%b/%b HTTP/1.1\r\nX-%b: %b\r\n%b" % (name.encode(), evil, evil, evil, size))
        answers.append(b"HTTP/1.1 200 %b\r\nSet: %b\r\n%b" % (evil, evil, size))
    text = on_terminal(requests, answers, *options, "--color", "never").decode()
    assert [name for name in EVIL if f"/{name}/" not in text] == []
    unsafe = {character for character in text if not character.isprintable()}
    assert unsafe <= set("\n\t"), unsafe


def test_a_message_cannot_forge_a_line():
    (line,) = on_terminal([GET.replace(b"/a", b"/a\x0b\x0cb\x85")], [OK]).splitlines()
    assert rb"/a\x0b\x0cb\x85" in COLOUR.sub(b"", line)


@pytest.mark.parametrize(
    ("options", "env", "is_coloured"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"NO_COLOR": ""}, True),
        ([], {"TERM": "dumb"}, False),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1", "TERM": "dumb"}, True),
        (["--color=auto"], {"NO_COLOR": "1"}, False),
        (["--format", "jsonl", "--color", "always"], {}, False),
    ],
)
def test_colours_on_a_terminal(options, env, is_coloured):
    text = on_terminal([GET], [OK], *options, env=env)
    assert bool(COLOUR.search(text)) == is_coloured


@pytest.mark.parametrize(
    ("options", "env", "is_coloured"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": ""}, False),
        (["--color", "always"], {}, True),
    ],
)
def test_colours_through_a_pipe(options, env, is_coloured):
    assert bool(COLOUR.search(through_pipe(*options, env=env))) == is_coloured


def test_colours_leave_the_words_as_they_are():
    coloured, plain = (through_pipe("--color", when) for when in ("always", "never"))
    assert coloured.endswith(b"\n")
    assert COLOUR.sub(b"", coloured).split()[4:7] == plain.split()[4:7]


LONG = b"/" + b"x" * 300


def test_lines_fit_the_terminal_as_it_is_now():
    """Also while it is drawn wider and narrower."""
    with talking(answering(*[OK] * 3)) as site, Terminal() as terminal, site.connect() as link:
        terminal.resize(80)
        with Sniffer("-i", "lo", "--ports", str(site.port), stdout=terminal.fd) as sniffer:
            for columns in (80, 120, 60):
                terminal.resize(columns)
                link.sendall(GET.replace(b"/a", LONG))
                assert link.recv(4096)
                line = COLOUR.sub(b"", terminal.next().encode()).decode()
                assert len(line) == columns
                assert "GET /xx" in line
                assert "...  200 " in line
            assert sniffer.end().status == 0


def test_loopbacks_addresses_say_nothing_new():
    with talking(answering(OK)) as site, Terminal() as terminal, site.connect() as link:
        terminal.resize(80)
        with Sniffer("-i", "lo", "--ports", str(site.port), "--color", "never", stdout=terminal.fd) as sniffer:
            link.sendall(GET)
            assert link.recv(4096)
            assert re.search(rf"\.\d\d\d  :\d+ > :{site.port}  GET /a +200 ", terminal.next())
            sniffer.end()


@pytest.mark.parametrize("options", [["--wide"], ["--no-wide"]], ids=" ".join)
def test_wide_lines_are_as_long_as_they_are(options: list[str]):
    with talking(answering(OK)) as site, Terminal() as terminal, site.connect() as link:
        terminal.resize(80)
        with Sniffer("-i", "lo", "--ports", str(site.port), *options, stdout=terminal.fd) as sniffer:
            link.sendall(GET.replace(b"/a", LONG))
            assert link.recv(4096)
            assert (LONG.decode() in terminal.next()) == (options == ["--wide"])
            sniffer.end()


def test_a_pipe_has_no_width():
    with (
        talking(answering(OK)) as site,
        Sniffer("-i", "lo", "--ports", str(site.port), env={"COLUMNS": "40"}) as sniffer,
    ):
        tell(site, GET.replace(b"/a", LONG))
        assert LONG in sniffer.end().output

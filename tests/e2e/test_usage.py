"""A command line that cannot be meant: exit status 2, and one line that says what can."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from pathlib import Path

import pytest

import sockfilter
from sockfilter.sources.packets.attachment import OBJECT
from tests.support.command import run
from tests.support.skips import need_root

RING = "a ring size, in KiB or followed by K, M or G, must be a whole number, 1 or greater"
PORT = "is not a port: use numbers and ranges, as in 8000,8080,9000-9100"
RANGE = "is not a port or a range of ports: ports are 1 to 65535, the lower one first"

WRONG = [
    ("", "no interface: use -i NAME, or -i any for all interfaces; -D lists them"),
    ("--ports 80", "no interface: use -i NAME, or -i any for all interfaces; -D lists them"),
    ("-i", "expected one argument"),
    ("-i ''", "-i: the name is empty; -i any means all interfaces"),
    ("-i lo,", "-i: the name is empty; -i any means all interfaces"),
    ("-i lo -i ''", "-i: the name is empty; -i any means all interfaces"),
    ("-i lo --nope", "there is no option --nope; did you mean --"),
    ("-i lo --xyzzy", "there is no option --xyzzy; -h lists all options"),
    ("-i lo --port 80", "there is no option --port; did you mean --ports?"),
    ("-i lo --hots=a", "there is no option --hots; did you mean --host?"),
    ("-i lo -X", "there is no option -X; for messages as sent use --format raw"),
    ("-i lo -nvX", "there is no option -X; for messages as sent use --format raw"),
    ("-i lo -5", "there is no option -5; -h lists all options"),
    ("config --jsn", "there is no option --jsn; did you mean --json?"),
    ("doctor -x", "there is no option -x; -h lists all options"),
    ("broker eth0", "unrecognized arguments: eth0"),
    ("-i lo -tttttt", "-tttttt: use -t to -ttttt, or --time"),
    ("-i lo -tttt --time iso", "-tttt and --time iso: only one is possible"),
    ("-i lo -A --format jsonl", "--format: 'jsonl' beside 'raw': only one is possible"),
    ("-i lo -4 -6", "-6: 6 beside 4: only one is possible"),
    ("-i lo --netns a --netns b", "--netns: 'b' beside 'a': only one is possible"),
    ("--cgroup a --cgroup b", "--cgroup: 'b' beside 'a': only one is possible"),
    ("-i lo --summary x", "invalid choice: 'x'"),
    ("-i lo --summary-fd x", "'x': a descriptor must be a whole number, 1 or greater"),
    ("-i lo --summary-fd 99", "descriptor 99 is not open for writing; open it in the shell: 99>FILE"),
    ("-i lo --summary-fd 3", "descriptor 3 is not open for writing; open it in the shell: 3>FILE"),
    ("-i lo --summary text --summary-fd 2", "--summary-fd needs --summary jsonl"),
    ("-i lo -w - --summary-fd 1", "--summary-fd 1 would write into the capture file"),
    ("port 80", "no interface: use -i NAME"),
    ("-i lo udp port 53", "only HTTP over TCP is captured"),
    ("-i lo port 80 --ports 81", "the filter and the options both set ports"),
    ("dcotor", "there is no command 'dcotor'; did you mean doctor?"),
    (
        "eth0",
        "there is no command 'eth0': there are accelerate, batch, broker, check, config, count, diff, doctor, guard, "
        "services, tcp, tls, top, report; -i eth0 captures",
    ),
    ("-i lo trailing", "'trailing' is neither an option nor a supported filter; supported filters are port N, "),
    ("-i lo -c 0", "'0': a count of exchanges must be a whole number, 1 or greater"),
    ("-i lo -c -1", "'-1': a count of exchanges must be a whole number, 1 or greater"),
    ("-i lo -c x", "'x': a count of exchanges must be a whole number, 1 or greater"),
    ("-i lo -c 1.5", "'1.5': a count of exchanges must be a whole number, 1 or greater"),
    ("-i lo --duration 0", "'0': a duration is a number of seconds greater than 0"),
    ("-i lo --duration -1.5", "'-1.5': a duration is a number of seconds greater than 0"),
    ("-i lo --duration x", "'x': a duration is a number of seconds greater than 0"),
    ("-i lo --duration nan", "'nan': a duration is a number of seconds greater than 0"),
    ("-i lo --duration inf", "'inf': a duration is a number of seconds greater than 0"),
    ("-i lo -B 0", f"'0': {RING}"),
    ("-i lo -B 0M", f"'0M': {RING}"),
    ("-i lo -B -1", f"'-1': {RING}"),
    ("-i lo -B x", f"'x': {RING}"),
    ("-i lo -B M", f"'M': {RING}"),
    ("-i lo -B 8T", f"'8T': {RING}"),
    ("-i lo -B 1G", "a ring of 1073741824 bytes is not possible; choose from 4096 to 536870912"),
    ("-i lo -B 99999999999999G", "is not possible; choose from 4096 to 536870912"),
    ("-i lo -s -1", "'-1': a snap length must be a whole number, 0 or greater"),
    ("-i lo -s x", "'x': a snap length must be a whole number, 0 or greater"),
    ("-i lo --body x", "'x': --body, unless it is all, must be a whole number, 0 or greater"),
    ("-i lo --body -1", "'-1': --body, unless it is all, must be a whole number, 0 or greater"),
    ("-i lo --format xml", "invalid choice: 'xml'"),
    ("-i lo --color blue", "invalid choice: 'blue'"),
    ("-i lo --ports x", f"'x' {PORT}"),
    ("-i lo --ports=", f"'' {PORT}"),
    ("-i lo --ports 80,", f"'' {PORT}"),
    ("-i lo --ports 80,,81", f"'' {PORT}"),
    ("-i lo --ports 80-", f"'80-' {PORT}"),
    ("-i lo --ports -80", f"'-80' {PORT}"),
    ("-i lo --ports 80-90-100", f"'80-90-100' {PORT}"),
    ("-i lo --ports http", f"'http' {PORT}"),
    ("-i lo --ports 0", f"'0' {RANGE}"),
    ("-i lo --ports 65536", f"'65536' {RANGE}"),
    ("-i lo --ports 90-80", f"'90-80' {RANGE}"),
    ("-i lo --ports 1-99999", f"'1-99999' {RANGE}"),
    ("-i lo --duration 5x", "or has units: 500ms, 10s, 5m, 1h30m"),
    ("-i lo --duration 1h-5m", "or has units: 500ms, 10s, 5m, 1h30m"),
    (
        "-i lo --host no-such-name.invalid",
        "'no-such-name.invalid' is not an address or network, and resolving it as a name",
    ),
    ("-i lo --host ::1,10.0.0", "'10.0.0' is not an address or network"),
    ("-i lo --host 10.0.0.0/33", "'10.0.0.0/33' is not an address or network"),
    ("-i lo --host=", "'' is not an address or network"),
]


@pytest.mark.parametrize(("words", "expected"), WRONG, ids=[words for words, _ in WRONG])
def test_it_says_what_is_wrong_and_ends_with_2(words, expected):
    done = run(*shlex.split(words))
    assert done.status == 2
    (line,) = done.said
    assert line.startswith("sockfilter: ")
    assert expected in line
    assert done.output == b""


def test_more_digits_than_python_reads():
    done = run("-i", "lo", "-c", "9" * 5000)
    assert (done.status, "Traceback" in str(done.said)) == (2, False)


@pytest.mark.parametrize("words", ["--duration 1e300 -c 1", "-c 99999999999999999999", "--body 99999999999999999999"])
def test_more_than_anybody_needs_is_no_error(words):
    need_root()
    assert run("-i", "lo", "--ports", "1", *words.split(), "--duration", "0.01").status == 0


def test_version():
    done = run("--version")
    assert (done.status, done.said) == (0, [])
    program, libbpf, bpf_object, kernel, sandbox = done.lines
    content = Path(OBJECT).read_bytes()
    assert program == f"sockfilter {sockfilter.__version__}"
    assert re.fullmatch(r"libbpf 1\.\d+", libbpf)
    assert bpf_object == f"BPF object {hashlib.sha256(content).hexdigest()[:12]}, {len(content)} bytes"
    assert kernel == f"Linux {os.uname().release} {os.uname().machine}"
    assert sandbox.startswith("sandbox: ")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_shows_every_option_and_examples(option):
    done = run(option)
    text = done.output.decode()
    assert (done.status, done.said) == (0, [])
    for (
        word
    ) in "-i -D -c --duration --ports --host -4 -6 --netns --body --format -q -v -s -B --color --version".split():
        assert word in text
    assert "sudo sockfilter -i lo" in text
    assert max(map(len, text.splitlines())) <= 120

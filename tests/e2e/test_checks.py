"""sockfilter check and sockfilter diff: their exit statuses, what they say, and wrong input."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.e2e.conftest import Sites
from tests.support.captures import one_exchange, pcap
from tests.support.command import Done, run

CHECK_FAILED = 4


@pytest.fixture
def recorded(tmp_path: Path) -> str:
    """GET /x with status 200, in 1 ms."""
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap(one_exchange()))
    return str(path)


def har(path: Path, *statuses: int, url: str = "http://x/a") -> str:
    made = [
        {"request": {"method": "GET", "url": url, "headers": []}, "response": {"status": status, "headers": []}}
        for status in statuses
    ]
    path.write_text(json.dumps({"log": {"entries": made}}))
    return str(path)


def check(*words: str, **more: object) -> Done:
    return run("check", "-q", *words, **more)  # type: ignore[arg-type]  # passed on


@pytest.mark.parametrize(
    "words",
    [
        ("--once", 'path == "/x"'),
        ("--never", "status >= 500"),
        ("--all", "duration < 1s"),
        ("--at-most", "3", "status == 200"),
        ("--at-least", "1", "status == 200"),
        ("--times", "0", "status == 404"),
        ("--once", "response.body contains hello"),
        ("--once", "status == 200", "--never", "status == 404"),
    ],
)
def test_it_holds(recorded: str, words: tuple[str, ...]):
    done = check("-r", recorded, *words)
    assert done.status == 0, done
    assert all(line.startswith("ok ") for line in done.lines[:-1])
    assert done.lines[-1].endswith("checks hold of 1 exchange")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--once", 'path == "/y"'), "path == \"/y\": found '/x'"),
        (("--never", "status == 200"), "never; there was 1"),
        (("--all", "status == 404"), "always; 1 of 1 does not"),
        (("--at-most", "0", "status == 200"), "at most never; there was 1"),
        (("--at-least", "2", "status == 200"), "at least twice; there was 1"),
    ],
)
def test_it_fails_and_says_what_came_nearest(recorded: str, words: tuple[str, ...], said: str):
    done = check("-r", recorded, *words)
    assert done.status == CHECK_FAILED
    assert done.lines[0].startswith("FAILED  ")
    assert said in done.output.decode()
    assert "GET /x" in done.output.decode()


def test_junit_and_annotations(recorded: str, tmp_path: Path):
    path = tmp_path / "results.xml"
    words = ("-r", recorded, "--once", "status == 404", "--never", "status == 404", "--junit", str(path))
    done = check(*words, env={"GITHUB_ACTIONS": "true"})
    assert done.status == CHECK_FAILED
    assert done.lines[-1].startswith("::error title=sockfilter check::--once 'status == 404'%0Aexpected status == 404")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    suite = ElementTree.parse(path).getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failure = suite[0].find("failure")
    assert failure is not None
    assert "the nearest" in (failure.text or "")
    assert not any(line.startswith("::error") for line in check(*words).lines)


def test_many_exchanges_are_counted_and_few_are_shown(tmp_path: Path):
    path = har(tmp_path / "x.har", *([200] * 3000 + [500] * 100))
    done = check("-r", path, "--never", "status == 500", "--all", "status == 200")
    assert "never; there were 100" in done.output.decode()
    assert "always; 100 of 3100 do not" in done.output.decode()
    assert len(done.lines) < 100


@pytest.mark.usefixtures("root")
def test_a_command(loopback: Sites):
    url = loopback.get("nginx").url("/small")
    curl = ("--", "curl", "-sf", url, "-o", "/dev/null")
    assert check("--once", "status == 200", *curl).status == 0
    assert check("--never", "status == 200", *curl).status == CHECK_FAILED
    assert check("--never", "status == 200", "--", "sh", "-c", "exit 7").status == 7


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing to check"),
        (("--once", "stauts == 200"), "did you mean status?"),
        (("--onse", "x"), "did you mean --once?"),
        (("--at-most", "x", "status == 200"), "'x': the number of exchanges must be a whole number"),
        (("--at-most", "3"), "--at-most: expected 2 arguments"),
        (("--once", "status == 200", "--format", "jsonl"), "--format is not for sockfilter check"),
        (("--once", "status == 200", "-w", "-"), "use a file name"),
        (("--once", "body contains x", "--body", "0"), "--body 0 keeps no bodies"),
    ],
)
def test_wrong_input(recorded: str, words: tuple[str, ...], said: str):
    done = check("-r", recorded, *words)
    assert done.status == 2
    assert done.output == b""
    assert said in done.errors.decode()
    assert "Traceback" not in done.errors.decode()


def test_two_captures(recorded: str, tmp_path: Path):
    same = run("diff", recorded, recorded)
    assert (same.status, same.lines) == (0, ["0 of 1 changed, 0 gone, 0 added"])
    before, after = har(tmp_path / "a.har", 200, 200), har(tmp_path / "b.har", 200, 500, 200)
    done = run("diff", before, after)
    assert done.status == CHECK_FAILED
    assert done.lines == [
        "~ GET /a 200",
        "      status: 200, then 500",
        "+ GET /a 200",
        "1 of 2 changed, 0 gone, 1 added",
    ]
    as_json = run("diff", before, after, "--format", "json", "--ignore", "status")
    assert as_json.status == CHECK_FAILED
    assert (as_json.json[0]["changed"], len(as_json.json[0]["added"])) == ([], 1)
    assert run("diff", before, after, "-Y", "status == 500").status == CHECK_FAILED


def test_nothing_in_common(recorded: str, tmp_path: Path):
    other = har(tmp_path / "b.har", 200)
    done = run("diff", recorded, other)
    assert done.status == CHECK_FAILED
    assert done.lines == [f"nothing in common: '{recorded}' has GET /x; '{other}' has GET /a"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("nosuch.har",), 1, "No such file"),
        ((), 2, "the following arguments are required: B"),
        (("SAME", "--slower", "x"), 2, "use a percentage"),
        (("SAME", "--ignore", "nosuch"), 2, "--ignore 'nosuch'"),
        (("SAME", "--routes", "x"), 2, "begins with a slash"),
        (("SAME", "-Y", "stauts == 1"), 2, "did you mean status?"),
        (("SAME", "--sloewr", "1"), 2, "did you mean --slower?"),
    ],
)
def test_wrong_input_to_diff(recorded: str, words: tuple[str, ...], status: int, said: str):
    done = run("diff", recorded, *(recorded if word == "SAME" else word for word in words))
    assert done.status == status
    assert said in done.errors.decode()
    assert "Traceback" not in done.errors.decode()

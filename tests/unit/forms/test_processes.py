"""Processes for people and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sockfilter.forms.json_dict import to_dict
from sockfilter.masking import mask_arguments
from sockfilter.model.process import Process
from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.outputs.lines import TextOutput
from tests.support.exchanges import Collected, exchange

if TYPE_CHECKING:
    from sockfilter.model import Exchange

CURL = Process(1234, 1234, "curl", "/usr/bin/curl", ("curl", "-s", "http://x/?token=abc"), 1000)
INNER = Process(567, 1, "ng\x1binx", None, None, None, "0123456789abcdef" * 4, "pod-uid")


def named() -> Exchange:
    made = exchange()
    made.processes = CURL, INNER
    return made


def test_json_says_what_is_known():
    found = to_dict(named())
    assert found["client"] == {
        **{"ip": "10.0.0.2", "port": 40000, "pid": 1234, "comm": "curl", "exe": "/usr/bin/curl"},
        **{"cmdline": ["curl", "-s", "http://x/?token=abc"], "uid": 1000},
    }
    assert found["server"] == {
        **{"ip": "10.0.0.1", "port": 80, "pid": 567, "comm": "ng\x1binx", "inner_pid": 1},
        **{"container": INNER.container, "pod": "pod-uid"},
    }
    assert to_dict(named(), show_secrets=False)["client"]["cmdline"][2] == "http://x/?token=***"


def test_json_says_nothing_of_what_is_not_known():
    assert to_dict(exchange())["client"] == {"ip": "10.0.0.2", "port": 40000}


def test_json_is_ascii_whatever_a_process_calls_itself():
    made = exchange()
    made.processes = Process(1, 1, "caf\udce9", None, ("\udcff", "ü"), 0), None
    line = JsonOutput(Collected()).render(made)
    assert line.isascii()
    assert json.loads(line)["client"]["cmdline"] == ["\xff", "ü"]


def test_text_names_processes_where_it_is_asked_to():
    line = TextOutput(Collected(), processes=True).render(named()).decode()
    assert "  curl[1234] 10.0.0.2:40000 > ng\\x1binx[567] 10.0.0.1:80  GET /a" in line
    assert "1234" not in TextOutput(Collected()).render(named()).decode()
    alone = named()
    alone.processes = None, INNER
    assert "  10.0.0.2:40000 > ng\\x1b" in TextOutput(Collected(), processes=True).render(alone).decode()


def test_text_with_heads_says_what_they_run():
    lines = TextOutput(Collected(), verbosity=1).render(named()).decode().split("\n")
    assert lines[1] == "    client curl[1234] /usr/bin/curl -s http://x/?token=*** (uid 1000)"
    assert lines[2] == ("    server ng\\x1binx[567] (1 in its own namespace, container 0123456789ab, pod pod-uid)")
    shown = TextOutput(Collected(), verbosity=1, show_secrets=True).render(named()).decode()
    assert "token=abc" in shown


@pytest.mark.parametrize(
    ("arguments", "masked"),
    [
        ("curl -u joe:pw x", "curl -u joe:*** x"),
        ("curl -ujoe:pw x", "curl -ujoe:*** x"),
        ("curl --user=joe:pw x", "curl --user=joe:*** x"),
        ("nginx -u www", "nginx -u www"),
        ("curl -b a=b jar", "curl -b a=*** jar"),
        ("curl --cookie jar", "curl --cookie jar"),
        ("curl http://joe:pw@h/?key=k1&a=2", "curl http://joe:***@h/?key=***&a=2"),
        ("curl joe:pw@h/", "curl joe:***@h/"),
        ("curl -d password=abc&user=joe", "curl -d password=***&user=joe"),
        ("x --api-key abc --password=abc --oauth2-bearer abc", "x --api-key *** --password=*** --oauth2-bearer ***"),
        ("env AWS_SECRET=abc DB_PASSWORD=abc PATH=/bin", "env AWS_SECRET=*** DB_PASSWORD=*** PATH=/bin"),
        ("server --token", "server --token"),
        ("python -m http.server --bind ::1", "python -m http.server --bind ::1"),
    ],
)
def test_secrets_of_command_lines_are_masked(arguments: str, masked: str):
    assert " ".join(mask_arguments(tuple(arguments.split(" ")))) == masked


@pytest.mark.parametrize(
    ("argument", "masked"),
    [
        ("Authorization: Bearer abc", "Authorization: Bearer ***"),
        ("-HX-Api-Key: abc", "-HX-Api-Key: ***"),
        ("--header=Cookie: a=b", "--header=Cookie: a=***"),
        ("http.extraHeader=Authorization: Basic abc", "http.extraHeader=Authorization: Basic ***"),
        ("Accept: text/html", "Accept: text/html"),
    ],
)
def test_fields_in_command_lines_are_masked(argument: str, masked: str):
    assert mask_arguments(("curl", "-H", argument)) == ("curl", "-H", masked)

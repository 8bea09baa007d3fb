"""What a made test is like; what it asks and expects is tested where there is a network."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model import Body
from tests.support.exchanges import exchange


def test_json_is_expected_by_its_meaning():
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    made = exchange(response=head, body=Body(9, 9, b'{"a": 1 }'))
    assert "assert json.loads(content) == {'a': 1}\n" in made.as_pytest()


@pytest.mark.parametrize(
    ("head", "name", "title"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "test_get", "GET /"),
        (b"M-SEARCH * HTTP/1.1\r\n\r\n", "test_m_search", "M-SEARCH *"),
        (b"GET /a%00b%0a'%22%22%22%5c HTTP/1.1\r\n\r\n", "test_get_a_b", "GET /a\\x00b\\x0a''''\\"),
        (b"GET /\xfc/%fc/\xc3\xbc HTTP/1.1\r\n\r\n", "test_get", "GET /\\xfc/\\ufffd/\\xfc"),
        (b"GET /" + b"long/" * 100 + b" HTTP/1.1\r\n\r\n", "test_get" + "_long" * 11 + "_l", "GET /" + "long/" * 100),
    ],
)
def test_made_tests_are_named_for_what_they_ask(head: bytes, name: str, title: str):
    module = ast.parse(exchange(head).as_pytest())
    assert [node.name for node in module.body if isinstance(node, ast.FunctionDef)] == [name]
    assert ast.get_docstring(module, clean=False) == f"{title}, as it was seen on the wire."


@given(st.binary(max_size=100), st.binary(max_size=60))
def test_a_made_test_is_python_whatever_was_said(target: bytes, body: bytes):
    line = b"GET /%b HTTP/1.1" % target.translate(None, b"\r\n \t")
    made = exchange(line + b"\r\n\r\n", body=Body(len(body), len(body), body))
    compile(made.as_pytest(), "made", "exec")

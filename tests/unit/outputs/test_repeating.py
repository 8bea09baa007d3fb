"""curl commands and tests, one for each exchange: in one file, masked, and with a reason where there is none."""

from __future__ import annotations

import ast

from sockfilter.forms.masked import masked
from sockfilter.model import Body
from sockfilter.outputs.repeating import curl_output, pytest_output
from tests.support.exchanges import Collected, exchange

POST = (
    b"POST /pay?token=abcdefghijkl HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer abcdefghijkl\r\n"
    b"Content-Type: application/json\r\nContent-Length: 27\r\n\r\n"
)


def paid():
    made = exchange(POST)
    assert made.request is not None
    made.request.body = Body(27, 27, b'{"password":"abcdefghijkl"}')
    return made


def test_a_module_has_a_test_for_each_exchange():
    sink = Collected()
    output = pytest_output(sink, show_secrets=True)
    first, second = paid(), exchange()
    second.id = 18
    output.write(first)
    output.write(second)
    output.write(exchange(response=None))
    output.flush()
    text = sink.data.decode()
    module = ast.parse(text)
    names = [node.name for node in module.body if isinstance(node, ast.FunctionDef)]
    assert names == ["test_17_post_pay", "test_18_get_a"]
    assert (
        "# expecting <Exchange 17 10.0.0.2:40000 > 10.0.0.1:80 GET /a no response>: its response was not seen" in text
    )


def test_secrets_are_masked():
    for make in (curl_output, pytest_output):
        sink = Collected()
        output = make(sink, show_secrets=False)
        output.write(paid())
        output.write(exchange())
        output.flush()
        text = sink.data.decode()
        assert "abcdefghijkl" not in text
        assert text.count("# *** stands for a secret") == 1


def test_a_masked_exchange_is_otherwise_the_same():
    one, other = exchange(), masked(exchange())
    assert other.to_dict() == one.to_dict()


def test_a_cut_body_says_what_to_do():
    made = exchange(POST)
    assert made.request is not None
    made.request.body = Body(27, 27, b"{")
    sink = Collected()
    output = curl_output(sink, show_secrets=True)
    output.write(made)
    output.flush()
    assert sink.data.decode().startswith("# repeating ")
    assert "--body all keeps all" in sink.data.decode()

"""What a made command says, and what none can be made of; what it asks is tested where there is a network."""

from __future__ import annotations

import re
import shlex

import pytest

from sockfilter import BodyError, Connection, Endpoint, Exchange, NotSeen
from sockfilter.model import Body
from tests.support.exchanges import OK, exchange


def asked(head: str, host: str, port: int) -> Exchange:
    return exchange(
        head.encode(), OK, connection=Connection(1, "lo", (Endpoint("10.0.0.2", 40000), Endpoint(host, port)), 0)
    )


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("127.0.0.1", 8000, "http://127.0.0.1:8000/a"),
        ("127.0.0.1", 80, "http://127.0.0.1:80/a"),
        ("::1", 8000, "'http://[::1]:8000/a'"),
    ],
)
@pytest.mark.parametrize("has_port", [True, False])
def test_the_host_is_named_where_curl_would_say_another(host: str, port: int, words: str, has_port: bool):
    name = f"[{host}]" if ":" in host else host
    said = f"{name}:{port}" if has_port else name
    head = f"GET /a HTTP/1.1\r\nHost: {said}\r\nUser-Agent: me\r\nAccept: */*\r\n\r\n"
    implied = name if port == 80 else f"{name}:{port}"
    given_host = "" if said == implied else f"-H {shlex.quote(f'Host: {said}')} "
    command = asked(head, host, port).as_curl()
    assert command == f"curl --http1.1 {given_host}-H 'User-Agent: me' -H 'Accept: */*' {words}"


def cut(body: Body, *, complete: bool = True) -> Exchange:
    made = exchange(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n")
    made.request.body, made.request.complete = body, complete
    return made


@pytest.mark.parametrize(
    ("made", "by_curl", "by_test"),
    [
        (exchange(None), *["NotSeen: repeating .* its request was not seen"] * 2),
        (exchange(response=None), "", "NotSeen: expecting .* its response was not seen"),
        (exchange(b"CONNECT h:1 HTTP/1.1\r\n\r\n"), *["NotSeen: .*it needs a special connection"] * 2),
        (cut(Body(5, 5, b"abc")), *["BodyError: .* 3 bytes of its body were kept; body=None keeps all"] * 2),
        (cut(Body(5, 5, b"abc"), complete=False), *["BodyError: .* its request is incomplete"] * 2),
    ],
    ids=["no request", "no response", "a tunnel", "a body that was cut", "a body without its end"],
)
def test_what_cannot_be_asked_again_says_why(made: Exchange, by_curl: str, by_test: str):
    for form, pattern in ((made.as_curl, by_curl), (made.as_pytest, by_test)):
        if not pattern:
            form()
            continue
        with pytest.raises((NotSeen, BodyError)) as refusal:
            form()
        assert re.fullmatch(pattern, f"{refusal.typename}: {refusal.value}")

"""Secrets are masked in every output, unless they are asked for."""

from __future__ import annotations

import pytest

from tests.support.command import Sniffer
from tests.support.odd import answering, talking, tell

# each secret once, and nothing else that has these words
REQUEST = (
    b"GET http://user:secret-a@x/p?id=1&api_key=secret-b&token=secret-c&q=kept HTTP/1.1\r\n"
    b"Authorization: Bearer secret-d\r\n"
    b"PROXY-AUTHORIZATION:   Basic\tsecret-e\r\n"
    b"Cookie: session=secret-f; theme=secret-g\r\n"
    b"cookie: secret-h\r\n"
    b"X-Api-Key: secret-i\r\n"
    b"Referer: http://x/?access_token=secret-j\r\n"
    b"Authorization :secret-k\r\n"
    b"Authorization: Digest\r\n secret-l\r\n\tsecret-m\r\n"
    b"X-Plain: kept\r\n\r\n"
)
ANSWER = (
    b"HTTP/1.1 302 Found\r\n"
    b"Set-Cookie: sid=secret-n; Path=/kept; HttpOnly; Expires=Thu, 01 Jan 2099 00:00:00 GMT\r\n"
    b"set-cookie: other=secret-o\r\n"
    b"Location: /next?sig=secret-p&page=kept\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n0\r\nSet-Cookie: late=secret-q\r\nX-Sum: kept\r\n\r\n"
)
SECRETS = [f"secret-{letter}" for letter in "abcdefghijklmnopq"]
FORMATS = [["-v"], ["-vv"], ["--format", "raw"], ["--format", "jsonl"], ["--format", "jsonl", "--body", "all"]]

every_format = pytest.mark.parametrize("options", FORMATS, ids=" ".join)


def output(*options: str, request: bytes = REQUEST, answer: bytes = ANSWER) -> str:
    # the command line of the tests has the name of this file
    options = ("--no-processes", *options)
    with talking(answering(answer)) as site, Sniffer("-i", "lo", "--ports", str(site.port), *options) as sniffer:
        tell(site, request)
        return sniffer.end().output.decode()


@every_format
def test_masked_unless_asked_for(options):
    text = output(*options)
    assert [secret for secret in SECRETS if secret in text] == []
    assert "secret" not in text


@every_format
def test_what_is_no_secret_stays(options):
    text = output(*options)
    for word in ("id=1", "q=kept", "Bearer ***", "session=***", "X-Plain", "Path=/kept", "HttpOnly", "page=kept"):
        assert word in text


@every_format
def test_show_secrets_shows_all(options):
    text = output(*options, "--show-secrets")
    assert [secret for secret in SECRETS if secret not in text] == []


def test_the_line_itself_is_masked():
    assert "secret" not in output()
    assert "secret-b" in output("--show-secrets")


def test_raw_changes_nothing_but_the_secrets():
    plain = b"GET / HTTP/1.1\r\nA:1\r\nB:  2  \r\n folded\r\nCookie: a=secret-a\r\n\r\n"
    text = output("--format", "raw", request=plain, answer=b"HTTP/1.1 204 No Content\r\n\r\n")
    assert "GET / HTTP/1.1\r\nA:1\r\nB:  2  \r\n folded\r\nCookie: a=***\r\n\r\n" in text


def test_raw_masks_trailers_that_were_cut():
    length = len(b"5\r\nhello\r\n0\r\nSet-Cookie: late=secret")
    assert "late=***" in output("--format", "raw", "--body", str(length))
    assert "secret" not in output("--format", "raw", "--body", str(length))


def test_a_field_that_seems_to_go_on_with_the_start_line_is_masked_too():
    request = b"GET / HTTP/1.1\r\n Authorization: Basic secret-a\r\n\r\n"
    for options in FORMATS:
        assert "secret" not in output(*options, request=request, answer=b"HTTP/1.1 204 None\r\n\r\n")


def test_an_informational_response_is_masked_too():
    early = b"HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=secret-a\r\n\r\n"
    for options in FORMATS:
        assert "secret" not in output(*options, request=b"GET / HTTP/1.1\r\n\r\n", answer=early + ANSWER)


def test_a_head_with_bare_line_feeds_is_masked_too():
    request = b"GET /?key=secret-a HTTP/1.1\nAuthorization: Basic secret-b\nCookie: c=secret-c\n\n"
    for options in FORMATS:
        assert "secret" not in output(*options, request=request)


def test_a_head_whose_rest_never_came_is_masked_too():
    request = b"GET /?key=secret-a HTTP/1.1\r\nCookie: c=secret-b\r\nAuthorization: Basic secr"
    with talking(lambda connection: connection.recv(1000)) as site:
        for options in FORMATS:
            with Sniffer("-i", "lo", "--ports", str(site.port), "--no-processes", *options) as sniffer:
                tell(site, request)
                text = sniffer.end().output.decode()
            assert "GET" in text
            assert "secr" not in text

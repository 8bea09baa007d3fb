"""What the tests ask of the site of tests/support/site.py."""

from __future__ import annotations

import random

from tests.support.clients import Ask

# not text, and the same in every run
MEBIBYTE = random.Random(1).randbytes(1 << 20)

SMALL = Ask("GET", "/small")
SLOW = Ask("GET", "/slow")
EVERYTHING = (
    Ask("GET", "/small?a=1&b=%20"),
    Ask("HEAD", "/small"),
    Ask("POST", "/echo", b"name=value&other=\xc3\xbc"),
    Ask("GET", "/missing"),
    Ask("GET", "/chunked"),
    Ask("PUT", "/upload/file", MEBIBYTE),
    Ask("GET", "/gzip", fields=(("Accept-Encoding", "gzip"),)),
    Ask("GET", "/big"),
    SMALL,
)

"""Any bytes are a message, or are refused with a BrokerError: bounded in size, in depth, in numbers."""

from __future__ import annotations

import pytest

from sockfilter.errors import BrokerError
from sockfilter.sources.broker import messages


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"a":[' * 150 + b"]}" * 150,
        b'{"do": ' + b"9" * 60_000 + b"}",
        b'{"do": 123456789012345678901}',
        b'{"do": 1.5}',
        b'{"do": 1e999999}',
        b'{"do": NaN}',
        b'{"do": -Infinity}',
        b'{"do": "attach", "do": "detach"}',
        b'{"do": "attach"',
        b'{"do": "\xff"}',
        '{"do": "attach"}'.encode("utf-16"),
        b"[]",
        b"null",
        b'{"do": "' + b"x" * messages.MESSAGE_BYTES_MAX + b'"}',
    ],
    ids=range(17),
)
def test_what_is_no_message_is_refused(data: bytes):
    with pytest.raises(BrokerError):
        messages.decoded(data)


def test_what_both_ends_say_is_taken():
    said = {"counters": [0, (1 << 64) - 1], "interfaces": [{"name": f"\udcff[{i}"} for i in range(64)]}
    assert messages.decoded(messages.encoded(said)) == said

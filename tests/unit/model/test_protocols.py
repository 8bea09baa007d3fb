"""Which protocols beside HTTP a list of names asks for."""

from __future__ import annotations

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.libbpf import binding
from sockfilter.model.protocols import OPTIONAL, wanted
from sockfilter.protocols import choose
from sockfilter.sources.narrowing import PROTOCOL_BITS


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (None, {"amqp"}),
        ("http", set()),
        ("mqtt", {"mqtt"}),
        ("mqtt, SMTP", {"mqtt", "smtp"}),
        (["http", "amqp,mqtt"], {"amqp", "mqtt"}),
        ("all", set(OPTIONAL)),
        (("http", "all"), set(OPTIONAL)),
    ],
)
def test_names(names: str | list[str] | None, found: set[str]) -> None:
    assert wanted(names, ("amqp",)) == found


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("nosuch", "'nosuch' is not a protocol: http, mqtt, amqp, smtp and all are"),
        ("mqt", "'mqt' is not a protocol: http, mqtt, amqp, smtp and all are; did you mean mqtt?"),
        ("mqtt,", "'' is not a protocol: http, mqtt, amqp, smtp and all are"),
        ([], "protocols is empty; 'http' reads HTTP alone"),
        ([b"mqtt"], "b'mqtt' is not a protocol: use a string such as 'mqtt,smtp'"),
        (b"mqtt", "b'mqtt' is not a protocol: use a string such as 'mqtt,smtp'"),
        ([1883], "1883 is not a protocol: use a string such as 'mqtt,smtp'"),
    ],
)
def test_wrong_names(names: object, words: str) -> None:
    with pytest.raises(InvalidArgument) as found:
        wanted(names, ())  # type: ignore[arg-type]  # on purpose
    assert str(found.value) == words


def test_the_kernel_has_a_bit_for_each() -> None:
    _, lib = binding.load()
    assert {name: getattr(lib, f"SF_PROTOCOL_{name.upper()}") for name in OPTIONAL} == PROTOCOL_BITS


def test_each_has_a_row() -> None:
    assert set(OPTIONAL) <= {row.name for row in choose.TABLE}

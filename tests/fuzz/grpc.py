"""Any content of a call: the same messages however it is cut, no more kept than the limits, and every form of it."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, NamedTuple

from tests.fuzz import budget, harness

with harness.watched(__name__):
    from sockfilter.forms.json_dict import to_dict
    from sockfilter.forms.line import BODIES, TextForm
    from sockfilter.model.budget import Budget
    from sockfilter.model.message_log import MESSAGES_MAX
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.model.problem import Problem
    from sockfilter.protocols.coding import DECODED_BYTES_MAX
    from sockfilter.protocols.grpc import reader as readers
    from tests.support.grpc import GRPC, WEB, WEB_TEXT, Part, call, cut, frame, in_pieces, request, response, trailers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Exchange

KINDS = (GRPC, WEB, WEB_TEXT, "application/grpc+json")
CODINGS = ("gzip", "identity", "deflate", "zstd")
POLICIES = (
    BodyPolicy(1 << 16),
    BodyPolicy(0, decodes=False),
    BodyPolicy(20),
    BodyPolicy(50, decodes=False, as_sent=True),
)
# so small that an input reaches it
TRAILER_BYTES = readers.TRAILER_BYTES_MAX = 300
SEGMENT_BYTES = 1400


class Setup(NamedTuple):
    """What an input chooses with its first bytes."""

    kind: str
    coding: str
    policy: BodyPolicy
    size: int

    @classmethod
    def of(cls, data: bytes) -> Setup:
        first = data[0]
        return cls(KINDS[first & 3], CODINGS[first >> 2 & 3], POLICIES[first >> 4 & 3], data[1] + 1)

    def exchange(self, content: bytes, size: int) -> Exchange:
        """A call that carries the same both ways, in pieces of a size."""
        parts = [part._replace(at=0) for part in cut(content, size)]
        more = {"fields": [("grpc-encoding", self.coding)], "kind": self.kind, "policy": self.policy}
        return call(request(*parts, **more), response(*parts, **more))


def facts(exchange: Exchange) -> dict[str, object]:
    assert exchange.grpc is not None
    found = to_dict(exchange)
    for half in (exchange.request, exchange.response):
        assert half is not None
        assert half.grpc is not None
        log = half.grpc
        assert len(log.messages) <= MESSAGES_MAX
        assert log.count is None or log.count >= len(log.messages)
        assert log.count is not None or Problem.BAD_FRAME in half.problems
        assert sum(message.length or 0 for message in log.messages if message.is_compressed) <= DECODED_BYTES_MAX
        if log.trailers is not None:
            assert sum(len(name) + len(value) for name, value in log.trailers) <= 2 * TRAILER_BYTES
    return found


def test(data: bytes) -> None:
    if len(data) < 2:
        return
    setup, content = Setup.of(data), data[2:]
    whole = setup.exchange(content, len(content) or 1)
    assert facts(setup.exchange(content, setup.size)) == facts(whole)
    to_dict(whole, show_secrets=False)
    shown = TextForm(verbosity=BODIES).render(whole).decode()
    assert all(line.isprintable() for line in shown.replace("\t", " ").split("\n"))
    assert whole.grpc is not None
    for message in whole.grpc.request.messages[:10]:
        assert message.content.is_cut or message.length == len(message.content)


def endless(data: bytes, size: int) -> budget.Run:
    """Some frames of the content come again and again."""
    setup = Setup.of(data if len(data) > 1 else b"\0\0")
    choice = budget.chosen(data)
    content = data[2:] or b"\0"
    start, end = choice.span(len(content))
    unit = content[start : end + choice.number % 40]
    parts = [Part(one) for one, _ in cut(content[:start] + unit * (size // len(unit)), SEGMENT_BYTES)]
    made = request(fields=[("grpc-encoding", setup.coding)], kind=setup.kind)

    def run() -> None:
        reader = readers.read_grpc(made, setup.policy, Budget())
        assert reader is not None
        for part in parts:
            reader.data(part.data, 1)
        reader.end(True)

    return run


def seeds() -> Iterator[bytes]:
    item = b"\x0a\x03abc\x10\x07\x1a\x02\x10\x01"
    stream = frame(item) + frame(b"") + frame(gzip.compress(item * 9), 1) + frame(b'{"token": "x"}')
    for first in range(64):
        content = stream + trailers("grpc-status: 5", "grpc-message: a%20b")
        if first & 3 == KINDS.index(WEB_TEXT):
            content = in_pieces(content, 1 + first)
        yield bytes([first, first]) + content
        yield bytes([first, first]) + content[: 5 + first]


if __name__ == "__main__":
    harness.run("grpc", test, seeds(), endless)

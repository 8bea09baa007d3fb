"""Which protocol is spoken, and what one conversation leaves to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from sockfilter.model.problem import Problem
from sockfilter.protocols import choose
from sockfilter.protocols.choose import HTTP1, HTTP2, HTTP2_PREFACE, TABLE, UNREAD, WEBSOCKET, ProtocolChoice, Row
from sockfilter.protocols.http1.conversation import Http1Conversation
from sockfilter.protocols.interface import TooFewBytes
from sockfilter.protocols.unread.conversation import UnreadConversation
from tests.support.dialogues import CLIENT_HELLO, CONNECT, ESTABLISHED, GET, OK, SWITCHING, UPGRADE
from tests.support.talk import CLIENT, SERVER, Dialogue

if TYPE_CHECKING:
    from sockfilter.protocols.interface import Context, Handover, Transport

ECHO_UPGRADE = UPGRADE.replace(b"websocket", b"Echo/1, other")


class Said(NamedTuple):
    """What a receiver was given."""

    end: int
    data: bytes
    time_ns: int
    seq: int
    ack: int


class Receiver:
    ignoring = 0

    def __init__(self, end: int, said: list[Said]) -> None:
        self.end_, self.said = end, said

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        self.said.append(Said(self.end_, data, time_ns, seq, ack))


class Echo:
    """A protocol that keeps what it is given."""

    has_short_road = False
    weight = count = 0

    def __init__(self, transport: Transport, context: Context, before: Handover | None) -> None:
        self.before = before
        self.said: list[Said] = []
        self.receivers = Receiver(CLIENT, self.said), Receiver(SERVER, self.said)

    def bytes_of(self, end: int) -> bytes:
        return b"".join(said.data for said in self.said if said.end == end)


ECHO = Row("echo", Echo, begins=(b"ECHO ", b"echo\0"), alpn=("echo",), upgrades=("echo/1",))  # type: ignore[arg-type]  # as much as is asked of it


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of the table is all that a protocol needs to be chosen."""
    monkeypatch.setattr(choose, "TABLE", (*TABLE, ECHO))


def test_a_connection_begins_with_http1():
    assert isinstance(Dialogue().talk, Http1Conversation)


@pytest.mark.parametrize(("port", "kind"), [(80, UnreadConversation), (8080, Http1Conversation)])
def test_a_word_about_a_port_decides(port: int, kind: type):
    assert isinstance(Dialogue(words={port: "http2"}).talk, kind)


def test_a_word_that_is_no_protocol():
    with pytest.raises(KeyError, match="gopher"):
        ProtocolChoice({70: "gopher"})


def test_by_first_bytes():
    choice = ProtocolChoice()
    assert choice.by_first_bytes(HTTP2_PREFACE + b"\r\nSM\r\n\r\n") is HTTP2.make
    assert choice.by_first_bytes(b"SSH-2.0-OpenSSH_9.2\r\n") is None
    with pytest.raises(TooFewBytes):
        choice.by_first_bytes(HTTP2_PREFACE[:-1])


@pytest.mark.parametrize(
    ("names", "make"),
    [("h2c", HTTP2.make), ("H2C", HTTP2.make), ("foo, h2c", HTTP2.make), ("websocket", WEBSOCKET.make), ("", UNREAD)],
)
def test_by_upgrade(names: str, make: object):
    assert ProtocolChoice().by_upgrade(names) is make


@pytest.mark.parametrize(("name", "make"), [("h2", HTTP2.make), ("http/1.1", HTTP1.make), ("imap", None)])
def test_by_alpn(name: str, make: object):
    assert ProtocolChoice().by_alpn(name) is make


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize("at", range(10))
@pytest.mark.parametrize("start", [b"echo\0one\r\n", b"ECHO one\r\n"])
def test_first_bytes_in_pieces(start: bytes, at: int):
    """Where they may be HTTP's too, the end of the line tells."""
    dialogue = Dialogue()
    for piece in start[:at], start[at:]:
        if piece:
            dialogue.say(CLIENT, piece)
    dialogue.say(SERVER, b"two").say(CLIENT, b"three")
    assert dialogue.talk.bytes_of(CLIENT) == start + b"three"
    assert dialogue.talk.bytes_of(SERVER) == b"two"
    assert dialogue.talk.before is None
    assert (dialogue.talk.said[0].seq, dialogue.talk.said[0].ack) == (1, 1)
    assert not dialogue.rejected


@pytest.mark.usefixtures("echo")
def test_the_server_may_speak_first():
    dialogue = Dialogue().say(SERVER, b"echo\0hello").say(CLIENT, GET)
    assert dialogue.talk.bytes_of(SERVER) == b"echo\0hello"
    assert dialogue.talk.bytes_of(CLIENT) == GET


@pytest.mark.usefixtures("echo")
def test_an_upgrade_hands_over_with_the_byte_behind_it():
    switching = SWITCHING.replace(b"websocket", b"echo/1")
    dialogue = Dialogue().say(CLIENT, ECHO_UPGRADE).say(SERVER, switching + b"one").say(CLIENT, b"two")
    (exchange,) = dialogue.exchanges
    assert dialogue.talk.before == (1, exchange)
    one, two = dialogue.talk.said
    assert one == (SERVER, b"one", 2000, 1 + len(switching), 1 + len(ECHO_UPGRADE))
    assert two == (CLIENT, b"two", 3000, 1 + len(ECHO_UPGRADE), 4 + len(switching))


@pytest.mark.usefixtures("echo")
def test_what_the_client_said_too_early_is_handed_over_too():
    """Its first bytes are taken for a head that is not whole yet."""
    dialogue = Dialogue().say(CLIENT, ECHO_UPGRADE + b"GET").say(SERVER, SWITCHING.replace(b"websocket", b"echo/1"))
    assert dialogue.talk.said == [(CLIENT, b"GET", 1000, 1 + len(ECHO_UPGRADE), 1)]


def test_a_request_that_waits_ends_with_the_upgrade():
    dialogue = Dialogue().say(CLIENT, UPGRADE + GET).say(SERVER, SWITCHING)
    upgraded, waiting = dialogue.exchanges
    assert upgraded.complete
    assert waiting.problems == (Problem.NO_RESPONSE, Problem.CLOSED)


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize("end", [CLIENT, SERVER])
def test_a_tunnel_hands_over_by_first_bytes(end: int):
    dialogue = (
        Dialogue().say(CLIENT, CONNECT).say(SERVER, ESTABLISHED).say(end, b"ec").say(end, b"ho\0").say(1 - end, OK)
    )
    assert dialogue.talk.bytes_of(end) == b"echo\0"
    assert dialogue.talk.bytes_of(1 - end) == OK
    assert dialogue.talk.before == (1, dialogue.exchanges[0])


@pytest.mark.usefixtures("echo")
def test_http_in_a_tunnel_gives_way_no_more():
    dialogue = Dialogue().say(CLIENT, CONNECT).say(SERVER, ESTABLISHED).say(CLIENT, GET).say(SERVER, b"echo\0")
    assert isinstance(dialogue.talk, Http1Conversation)


def test_what_is_not_read_is_counted():
    other = SWITCHING.replace(b"websocket", b"other/1")
    dialogue = Dialogue().say(CLIENT, UPGRADE).say(SERVER, other + b"one").say(CLIENT, b"four")
    assert isinstance(dialogue.talk, UnreadConversation)
    assert (dialogue.talk.count, dialogue.talk.open, dialogue.talk.is_idle) == (1, [], False)
    assert dialogue.counts.opaque_bytes == 7
    dialogue.lose(CLIENT, 9)
    assert len(dialogue.close()) == 1


def test_http2_is_counted_once_and_let_go():
    dialogue = Dialogue().say(CLIENT, HTTP2_PREFACE).say(CLIENT, b"\r\nSM\r\n\r\n")
    assert (dialogue.rejected, dialogue.counts.http2, dialogue.counts.rejected) == (["HTTP/2"], 1, 0)
    assert not dialogue.counts.opaque_bytes


def test_tls_in_a_tunnel_is_not_handed_over_yet():
    dialogue = Dialogue().say(CLIENT, CONNECT).say(SERVER, ESTABLISHED).say(CLIENT, CLIENT_HELLO)
    assert isinstance(dialogue.talk, Http1Conversation)
    assert dialogue.counts.opaque_bytes == len(CLIENT_HELLO)

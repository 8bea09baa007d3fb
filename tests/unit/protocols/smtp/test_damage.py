"""SMTP with bytes that are missing: what is not certain is absent, and no reply is given to another command."""

from __future__ import annotations

from sockfilter.model.problem import Problem
from tests.support.silent import dialogue
from tests.support.talk import CLIENT, SERVER
from tests.unit.protocols.smtp.test_mails import (
    DATA,
    ENVELOPE,
    GO_ON,
    MAIL,
    OK,
    OPENING,
    RCPT,
    SENT,
    TEXT,
    WHOLE,
    mails,
)


def test_within_content_its_size_is_not_known() -> None:
    heard = dialogue(*OPENING, *ENVELOPE, (CLIENT, TEXT)).lose(CLIENT, 100)
    heard.say(CLIENT, b"more\r\n.\r\n").hear([OK, *ENVELOPE, SENT, OK])
    first, second = mails(heard)
    assert "size" not in first
    assert first["subject"] == "hello"
    assert first["reply"] == WHOLE["reply"]
    assert heard.messages[0].problems == (Problem.GAP,)
    assert heard.messages[0].body.length is None
    assert second == WHOLE


def test_the_end_of_content_is_missing() -> None:
    """The server's reply shows that there was one. Until a certain point, replies are given to no command."""
    heard = dialogue(*OPENING, *ENVELOPE, (CLIENT, TEXT)).lose(CLIENT, 100)
    heard.hear([OK, *ENVELOPE, SENT, OK])
    first, second = mails(heard)
    assert first["reply"] == WHOLE["reply"]
    assert heard.messages[0].problems == (Problem.GAP,)
    assert second["rcpt"] == [{"to": "b@y.test"}]
    assert second["mail_from"] == "a@x.test"
    assert second["reply"] == WHOLE["reply"]


def test_within_a_chunk_its_size_is_known() -> None:
    heard = dialogue(*OPENING, MAIL, OK, RCPT, OK, (CLIENT, b"BDAT 100 LAST\r\nSubject: a\r\n")).lose(CLIENT, 50)
    heard.say(CLIENT, bytes(38)).say(*OK)
    (mail,) = mails(heard)
    assert mail["size"] == 100
    assert heard.messages[0].problems == (Problem.GAP,)


def test_lost_commands() -> None:
    """A recipient may be missing, and so may the DATA: the next reply shows what the client sends."""
    heard = dialogue(*OPENING, MAIL, OK).lose(CLIENT, 40)
    heard.hear([GO_ON, (CLIENT, b"MAIL FROM:<made@up>\r\n.\r\n"), OK, *ENVELOPE, SENT, OK])
    first, second = mails(heard)
    assert heard.messages[0].problems == (Problem.GAP,)
    assert first == {"helo": "client.test", "mail_from": "a@x.test", "rcpt": []}
    assert second["mail_from"] == "a@x.test"
    assert "made@up" not in repr(mails(heard))


def test_lost_replies_are_not_given_to_other_commands() -> None:
    heard = dialogue(*OPENING, (CLIENT, MAIL[1] + RCPT[1] + b"RCPT TO:<c@y.test>\r\n" + DATA[1]))
    heard.say(SERVER, b"250 1\r\n").lose(SERVER, 20).say(SERVER, b"0 cut\r\n550 3\r\n354 go on\r\n").hear([SENT, OK])
    (mail,) = mails(heard)
    assert mail["rcpt"] == [{"to": "b@y.test"}, {"to": "c@y.test"}]
    assert mail["reply"] == WHOLE["reply"]
    assert mail["size"] == WHOLE["size"]


def test_after_lost_replies_the_next_group_is_certain_again() -> None:
    heard = dialogue(*OPENING, MAIL).lose(SERVER, 14)
    heard.hear([RCPT, OK, DATA, GO_ON, SENT, OK, *ENVELOPE, SENT, OK])
    first, second = mails(heard)
    assert first["rcpt"] == [{"to": "b@y.test"}]
    assert second == WHOLE

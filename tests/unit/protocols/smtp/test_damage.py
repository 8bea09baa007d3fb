"""SMTP with bytes that are missing: what is not certain is absent, and no reply is given to another command."""

from __future__ import annotations

from sockfilter.model.problem import Problem
from tests.support.silent import dialogue
from tests.support.talk import CLIENT, SERVER, Dialogue
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


def test_the_reply_to_data_is_missing() -> None:
    """What follows is content if it does not begin with a command. The next reply is its own."""
    heard = dialogue(*OPENING, MAIL, OK, RCPT, OK, DATA).lose(SERVER, len(GO_ON[1]))
    heard.hear([(CLIENT, TEXT), (CLIENT, b".\r\n"), (SERVER, b"550 no\r\n"), *ENVELOPE, SENT, OK])
    first, second = mails(heard)
    assert (first["size"], first["reply"]) == (WHOLE["size"], {"code": 550, "text": "no"})
    assert second == WHOLE


def test_the_refusal_of_data_is_missing() -> None:
    heard = dialogue(*OPENING, MAIL, OK, RCPT, (SERVER, b"550 no\r\n"), DATA).lose(SERVER, 12)
    heard.hear([(CLIENT, b"RSET\r\n"), (SERVER, b"250 reset\r\n"), *ENVELOPE, SENT, OK])
    first, second = mails(heard)
    assert "size" not in first
    assert "reply" not in first
    assert second == WHOLE


def reply_early(heard: Dialogue, reply: bytes, size: int) -> Dialogue:
    """A reply comes before bytes of the client that it acknowledges, because these wait for lost ones."""
    sent = heard.next[CLIENT]
    heard.next[CLIENT] += size
    heard.say(SERVER, reply)
    heard.next[CLIENT] = sent
    return heard


def test_replies_that_come_before_delayed_bytes() -> None:
    chunk = b"BDAT 100 LAST\r\nSubject: a\r\n"
    heard = dialogue(*OPENING, MAIL, OK, RCPT, OK, (CLIENT, chunk))
    reply_early(heard, b"550 no\r\n", 88).lose(CLIENT, 50).say(CLIENT, bytes(38)).hear([*ENVELOPE, SENT, OK])
    first, second = mails(heard)
    assert (first["size"], first["reply"]) == (100, {"code": 550, "text": "no"})
    assert second == WHOLE


def test_a_reply_that_comes_before_delayed_content() -> None:
    heard = dialogue(*OPENING, *ENVELOPE, (CLIENT, TEXT))
    reply_early(heard, b"550 no\r\n", 59).lose(CLIENT, 50).say(CLIENT, b"more\r\n.\r\n").hear([*ENVELOPE, SENT, OK])
    first, second = mails(heard)
    assert ("size" in first, first["reply"]) == (False, {"code": 550, "text": "no"})
    assert second == WHOLE


def test_bytes_before_the_acknowledgement_of_a_reply_are_no_commands() -> None:
    content = b"MAIL FROM:<made@up>\r\nRCPT TO:<made@up>\r\n.\r\n"
    heard = dialogue(*OPENING, MAIL, OK).lose(CLIENT, 40)
    reply_early(heard, b"250 queued\r\n", len(content)).say(CLIENT, content).hear([*ENVELOPE, SENT, OK])
    assert "made@up" not in repr(mails(heard))
    assert mails(heard)[-1]["mail_from"] == "a@x.test"


def test_how_many_replies_lmtp_has_is_not_known_after_lost_ones() -> None:
    """One for each recipient that was accepted (RFC 2033, 4.2)."""
    opening = OPENING[0], (CLIENT, b"LHLO client.test\r\n"), OK
    heard = dialogue(*opening, MAIL, OK, RCPT).lose(SERVER, 8).hear([RCPT, OK, DATA, GO_ON, SENT, OK, OK])
    heard.hear([MAIL, OK, RCPT, (SERVER, b"550 no\r\n"), DATA, (SERVER, b"554 no\r\n")])
    first, second = mails(heard.hear([(CLIENT, b"RSET\r\n")]))
    assert [recipient.get("code") for recipient in first["rcpt"]] == [None, None]
    assert second["rcpt"] == [{"to": "b@y.test"}]


def test_a_subject_is_not_cut() -> None:
    for fields, subject in (
        (b"Subject: a long subj", None),
        (b"Subject: a long\r\n", None),
        (b"Subject: a long\r\nFrom:", "a long"),
    ):
        heard = dialogue(*OPENING, *ENVELOPE, (CLIENT, fields)).lose(CLIENT, 50)
        heard.say(CLIENT, b"more\r\n.\r\n").say(*OK)
        assert mails(heard)[0].get("subject") == subject


def test_how_the_client_introduces_itself_is_not_known_after_lost_commands() -> None:
    heard = dialogue(*OPENING).lose(CLIENT, 30).hear([OK, *ENVELOPE, SENT, OK])
    (mail,) = mails(heard)
    assert "helo" not in mail


def test_the_text_of_a_reply_is_not_cut() -> None:
    heard = dialogue(*OPENING, *ENVELOPE, SENT, (SERVER, b"554-one\r\n55")).lose(SERVER, 5)
    heard.say(SERVER, b"wo\r\n554 three\r\n")
    heard.hear([(CLIENT, b"QUIT\r\n")]).close()
    assert "three" not in repr(mails(heard))
    heard = dialogue(*OPENING, MAIL, OK, RCPT, OK, DATA).lose(SERVER, 8)
    heard.say(CLIENT, TEXT + b".\r\n").say(SERVER, b"ore\r\n554 three\r\n")
    (mail,) = mails(heard)
    assert mail["reply"] == {"code": 554}


def test_content_that_waited_may_be_followed_by_commands() -> None:
    """The replies to DATA and to the content are missing: the next one answers neither."""
    heard = dialogue(*OPENING, MAIL, OK, RCPT, OK, DATA).lose(SERVER, len(GO_ON[1]))
    heard.say(CLIENT, TEXT + b".\r\n").lose(SERVER, 8).hear([(CLIENT, b"NOOP\r\n"), (SERVER, b"250 noop\r\n")])
    heard.hear([*ENVELOPE, SENT, OK])
    first, second = mails(heard)
    assert (first["size"], first.get("reply")) == (WHOLE["size"], None)
    assert second["size"] == WHOLE["size"]
    assert second["reply"] == WHOLE["reply"]


def test_a_refusal_before_the_lost_reply_to_data_does_not_make_content_commands() -> None:
    heard = dialogue(*OPENING, MAIL).lose(SERVER, 8)
    heard.hear([(CLIENT, RCPT[1] + RCPT[1] + DATA[1]), OK, (SERVER, b"550 no\r\n")]).lose(SERVER, len(GO_ON[1]))
    heard.hear([(CLIENT, b"X-Field: 1\r\n\r\nMAIL FROM:<made@up>\r\n.\r\n"), OK, *ENVELOPE, SENT, OK])
    first, second = mails(heard)
    assert first["rcpt"] == [{"to": "b@y.test"}] * 2
    assert second == WHOLE


def test_lost_replies_may_answer_what_comes_after_them() -> None:
    """Both challenges of AUTH LOGIN are lost, and that shows before the client's first answer comes."""
    heard = dialogue(*OPENING, (CLIENT, b"AUTH LOGIN\r\n")).lose(SERVER, 36)
    heard.next[SERVER] -= 18
    heard.say(CLIENT, b"YQ==\r\n")
    heard.next[SERVER] += 18
    heard.hear([(CLIENT, b"Yg==\r\n"), OK, MAIL, OK, RCPT, (SERVER, b"550 no\r\n"), DATA, (SERVER, b"554 no\r\n")])
    heard.hear([(CLIENT, b"RSET\r\n"), OK, *ENVELOPE, SENT, OK])
    first, second = mails(heard)
    assert first["rcpt"] == [{"to": "b@y.test"}]
    assert second["reply"] == WHOLE["reply"]

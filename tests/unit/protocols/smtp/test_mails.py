"""The mails that a client of SMTP hands over, and what the server answers."""

from __future__ import annotations

from typing import Any

import pytest

from sockfilter.model.policy import BodyPolicy
from sockfilter.model.problem import Problem
from tests.support.silent import assert_cut_anywhere, byte_by_byte, dialogue
from tests.support.talk import CLIENT, SERVER, Dialogue, Said

GREETING = (SERVER, b"220 mail.test ESMTP\r\n")
EHLO = (CLIENT, b"EHLO client.test\r\n")
CAN = (SERVER, b"250-mail.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
OPENING = [GREETING, EHLO, CAN]
OK = (SERVER, b"250 2.0.0 OK\r\n")
GO_ON = (SERVER, b"354 go on\r\n")
MAIL = (CLIENT, b"MAIL FROM:<a@x.test>\r\n")
RCPT = (CLIENT, b"RCPT TO:<b@y.test>\r\n")
DATA = (CLIENT, b"DATA\r\n")
QUIT = (CLIENT, b"QUIT\r\n")
TEXT = b"Subject: hello\r\n\r\nline\r\n..two\r\n"
SENT = (CLIENT, TEXT + b".\r\n")
ENVELOPE = [MAIL, OK, RCPT, OK, DATA, GO_ON]
WHOLE = {
    "helo": "client.test",
    "mail_from": "a@x.test",
    "rcpt": [{"to": "b@y.test", "code": 250}],
    "reply": {"code": 250, "text": "2.0.0 OK"},
    "size": len(TEXT) - 1,
    "subject": "hello",
}


def mails(heard: Dialogue) -> list[dict[str, Any]]:
    assert all((mail.protocol, mail.kind, mail.sender) == ("smtp", "mail", "client") for mail in heard.messages)
    return [dict(mail.fields) for mail in heard.messages]


def mails_of(*said: Said, **options: Any) -> list[dict[str, Any]]:
    heard = dialogue(*said, **options)
    heard.close()
    return mails(heard)


def test_a_mail() -> None:
    heard = dialogue(*OPENING, *ENVELOPE, SENT)
    assert not heard.messages, "the reply is still to come"
    heard.say(*OK)
    (mail,) = heard.messages
    assert dict(mail.fields) == WHOLE
    assert mail.body == TEXT.replace(b"\r\n..", b"\r\n.")
    assert mail.problems == ()


def test_cut_anywhere() -> None:
    assert_cut_anywhere([*OPENING, *ENVELOPE, SENT, OK, MAIL, OK, (CLIENT, b"RSET\r\n"), OK, QUIT])


@pytest.mark.parametrize("word", ["EHLO", "helo", "Ehlo", "HELO", "lhlo"])
def test_the_client_shows_the_protocol(word: str) -> None:
    """In any case, and where the greeting was not seen."""
    opening = (CLIENT, f"{word} client.test\r\n".encode())
    for before in ([GREETING], []):
        assert mails_of(*before, opening, CAN, *ENVELOPE, SENT, OK) == [WHOLE]


def test_the_greeting_has_several_lines() -> None:
    assert mails_of((SERVER, b"220-mail.test\r\n220 ESMTP\r\n"), EHLO, CAN, *ENVELOPE, SENT, OK) == [WHOLE]


@pytest.mark.parametrize("command", [b"USER anonymous\r\n", b"AUTH TLS\r\n", b"FEAT\r\n", b"GET / HTTP/1.1\r\n"])
def test_a_server_of_ftp_greets_in_the_same_way(command: bytes) -> None:
    heard = dialogue(GREETING, (CLIENT, command))
    heard.close()
    assert not heard.messages
    assert heard.rejected
    assert heard.counts.rejected == 1


def test_refused_recipients_have_their_codes() -> None:
    said = [MAIL, OK]
    for to, code in ((b"b@y.test", 250), (b"c@y.test", 550), (b"d@y.test", 251)):
        said += [(CLIENT, b"RCPT TO:<" + to + b">\r\n"), (SERVER, b"%d text\r\n" % code)]
    (mail,) = mails_of(*OPENING, *said, DATA, GO_ON, SENT, OK)
    assert mail["rcpt"] == [
        {"to": "b@y.test", "code": 250},
        {"to": "c@y.test", "code": 550},
        {"to": "d@y.test", "code": 251},
    ]


def test_pipelined_commands() -> None:
    """The replies come together, in the order of the commands (RFC 2920)."""
    said = [
        (CLIENT, MAIL[1] + RCPT[1] + b"RCPT TO:<no@y.test>\r\n" + DATA[1]),
        (SERVER, b"250 1\r\n250 2\r\n550 3\r\n354 4\r\n"),
        (CLIENT, TEXT + b".\r\n" + b"RSET\r\n" + MAIL[1] + RCPT[1] + DATA[1]),
        (SERVER, b"250 2.0.0 OK\r\n250 reset\r\n250 5\r\n451 6\r\n503 7\r\n"),
        QUIT,
    ]
    first, second = mails_of(*OPENING, *said)
    assert first == WHOLE | {"rcpt": [{"to": "b@y.test", "code": 250}, {"to": "no@y.test", "code": 550}]}
    assert second["rcpt"] == [{"to": "b@y.test", "code": 451}]
    assert second["reply"] == {"code": 503, "text": "7"}
    assert "size" not in second
    assert_cut_anywhere([*OPENING, *said])


def test_a_reply_of_several_lines() -> None:
    (mail,) = mails_of(*OPENING, *ENVELOPE, SENT, (SERVER, b"554-no\r\n554-never\r\n554 go away\r\n"))
    assert mail["reply"] == {"code": 554, "text": "no\nnever\ngo away"}


@pytest.mark.parametrize("command", [b"RSET\r\n", b"EHLO again.test\r\n", b"QUIT\r\n", MAIL[1]])
def test_what_ends_a_mail(command: bytes) -> None:
    heard = dialogue(*OPENING, MAIL, OK, RCPT, OK, (CLIENT, command))
    (mail,) = heard.messages
    assert dict(mail.fields) == {name: WHOLE[name] for name in ("helo", "mail_from", "rcpt")}
    assert mail.problems == ()


def test_the_connection_ends_within_a_mail() -> None:
    heard = dialogue(*OPENING, *ENVELOPE, (CLIENT, TEXT))
    heard.close(Problem.RESET)
    (mail,) = heard.messages
    assert mail.problems == (Problem.RESET,)
    assert "size" not in mail.fields
    assert mail.fields["subject"] == "hello"


def test_the_connection_ends_before_the_reply() -> None:
    heard = dialogue(*OPENING, *ENVELOPE, SENT)
    heard.close()
    (mail,) = heard.messages
    assert mail.problems == (Problem.NO_RESPONSE,)
    assert mail.fields["size"] == WHOLE["size"]
    assert "reply" not in mail.fields


def test_a_refused_sender_and_refused_data() -> None:
    (mail,) = mails_of(*OPENING, MAIL, (SERVER, b"550 no\r\n"), QUIT)
    assert mail["reply"] == {"code": 550, "text": "no"}
    refused = [MAIL, OK, RCPT, OK, DATA, (SERVER, b"451 later\r\n"), (CLIENT, b"RSET\r\n"), OK]
    first, second = mails_of(*OPENING, *refused, *ENVELOPE, SENT, OK)
    assert first["reply"] == {"code": 451, "text": "later"}
    assert second == WHOLE


def test_chunks_are_read_by_their_count() -> None:
    """RFC 3030: dots are as they are, and what looks like a command is content."""
    first, last = b"Subject: hello\r\n\r\nMAIL FROM:<no@x>\r\n.\r\n", b"..QUIT\r\n\0\xff"
    said = [
        (CLIENT, MAIL[1] + RCPT[1] + b"BDAT %d\r\n" % len(first) + first + b"BDAT %d LAST\r\n" % len(last) + last),
        (SERVER, b"250 1\r\n250 2\r\n250 3\r\n250 2.0.0 OK\r\n"),
        QUIT,
    ]
    heard = dialogue(*OPENING, *said)
    assert mails(heard) == [WHOLE | {"size": len(first + last)}]
    assert heard.messages[0].body == first + last
    assert_cut_anywhere([*OPENING, *said])


def test_an_empty_last_chunk() -> None:
    said = [MAIL, OK, RCPT, OK, (CLIENT, b"BDAT 4\r\nabcd"), OK, (CLIENT, b"bdat 0 last\r\n"), OK]
    (mail,) = mails_of(*OPENING, *said)
    assert (mail["size"], mail["reply"]["code"]) == (4, 250)


@pytest.mark.parametrize("count", [b"-1 LAST", b"15555555557777777777 LAST", b"5 X", b"x", b""])
def test_a_malformed_chunk_has_no_content(count: bytes) -> None:
    first, second = mails_of(
        *OPENING, MAIL, OK, RCPT, OK, (CLIENT, b"BDAT " + count + b"\r\n"), (SERVER, b"501 what\r\n"),
        (CLIENT, b"RSET\r\n"), OK, *ENVELOPE, SENT, OK,
    )  # fmt: skip
    assert first["reply"] == {"code": 501, "text": "what"}
    assert second == WHOLE


def test_content_that_is_not_kept() -> None:
    heard = dialogue(*OPENING, *ENVELOPE, SENT, OK, policy=BodyPolicy(0))
    assert mails(heard) == [WHOLE]
    assert heard.messages[0].body == b""
    chunk = b"Subject: hello\r\n\r\n" + bytes(500_000)
    heard = dialogue(*OPENING, MAIL, OK, RCPT, OK, policy=BodyPolicy(0))
    heard.say(CLIENT, b"BDAT %d LAST\r\n" % len(chunk) + chunk[:100])
    assert heard.announced == [(CLIENT, len(chunk) - 100)]
    heard.say(CLIENT, chunk[100:]).say(*OK)
    assert mails(heard) == [WHOLE | {"size": len(chunk)}]


@pytest.mark.parametrize(
    ("path", "address"),
    [
        (b"<a@x.test> SIZE=100 BODY=8BITMIME", "a@x.test"),
        (b"<>", ""),
        (b" <a@x.test>", "a@x.test"),
        (b'<"a>b"@x.test>', '"a>b"@x.test'),
        (b"a@x.test", "a@x.test"),
        ("<ä@x.test> SMTPUTF8".encode(), "ä@x.test"),
        (b"<\xe4@x.test>", "\\xe4@x.test"),
    ],
)
def test_addresses(path: bytes, address: str) -> None:
    (mail,) = mails_of(*OPENING, (CLIENT, b"mail FROM:" + path + b"\r\n"), OK, QUIT)
    assert mail["mail_from"] == address


@pytest.mark.parametrize(
    ("field", "subject"),
    [
        (b"Subject: plain", "plain"),
        (b"SUBJECT:\t folded\r\n\ttwice\r\n again ", "folded\ttwice again"),
        (b"X-Subject: no\r\nSubject: =?utf-8?Q?=C3=A4_b?=", "ä b"),
        (b"Subject: =?iso-8859-1?B?5A==?= =?utf-8?B?w7Y=?=", "äö"),
        (b"Subject: =?no-such-set?Q?=E4?=", "=?no-such-set?Q?=E4?="),
        ("Subject: grün".encode(), "grün"),
        (b"Subject: \x92", "\\x92"),
        (b"Subject:", ""),
        (b"From: x", None),
    ],
)
def test_subjects(field: bytes, subject: str | None) -> None:
    text = field + b"\r\n\r\nSubject: of the body\r\n.\r\n"
    (mail,) = mails_of(*OPENING, *ENVELOPE, (CLIENT, text), OK)
    assert mail.get("subject") == subject


def test_an_authentication_is_no_command_and_is_not_kept() -> None:
    """A response in base64 may be a word that is a command. Credentials are in no record."""
    said = [
        (CLIENT, b"AUTH LOGIN\r\n"), (SERVER, b"334 VXNlcm5hbWU6\r\n"), (CLIENT, b"RSET\r\n"),
        (SERVER, b"334 UGFzc3dvcmQ6\r\n"), (CLIENT, b"c2VjcmV0\r\n"), (SERVER, b"235 welcome\r\n"),
    ]  # fmt: skip
    heard = dialogue(*OPENING, MAIL, OK, *said, RCPT, OK, DATA, GO_ON, SENT, OK)
    assert mails(heard) == [WHOLE]
    assert "c2VjcmV0" not in repr(heard.messages[0].fields)


def test_lmtp_has_a_reply_for_each_recipient() -> None:
    said = [(CLIENT, b"LHLO client.test\r\n"), CAN, MAIL, OK]
    for to in (b"b@y.test", b"c@y.test"):
        said += [(CLIENT, b"RCPT TO:<" + to + b">\r\n"), OK]
    (mail,) = mails_of(*said, DATA, GO_ON, SENT, OK, (SERVER, b"452 full\r\n"))
    assert mail["rcpt"] == [{"to": "b@y.test", "code": 250}, {"to": "c@y.test", "code": 452}]


def test_after_starttls_nothing_is_read() -> None:
    heard = dialogue(
        *OPENING, (CLIENT, b"STARTTLS\r\n"), (SERVER, b"220 go\r\n"), (CLIENT, b"\x16\x03\x01" + bytes(97))
    )
    heard.say(SERVER, b"\x16\x03\x03" + bytes(47)).close()
    assert not heard.messages
    assert heard.counts.opaque_bytes == 150


def test_after_starttls_of_a_client_whose_server_is_not_seen() -> None:
    heard = dialogue(EHLO, MAIL, (CLIENT, b"STARTTLS\r\n"), (CLIENT, b"\x16\x03\x01" + bytes(97)))
    heard.say(CLIENT, bytes(100)).close()
    assert [mail["mail_from"] for mail in mails(heard)] == ["a@x.test"]
    assert heard.counts.opaque_bytes == 200


def test_a_refused_starttls() -> None:
    said = [(CLIENT, b"STARTTLS\r\n"), (SERVER, b"454 not now\r\n")]
    assert mails_of(*OPENING, *said, *ENVELOPE, SENT, OK) == [WHOLE]


def test_content_before_the_reply_to_data() -> None:
    """It waits for the reply, which decides whether it is content or commands."""
    early = [*OPENING, MAIL, OK, RCPT, OK, DATA, SENT]
    assert mails_of(*early, (SERVER, b"354 go on\r\n250 2.0.0 OK\r\n")) == [WHOLE]
    refused = [*OPENING, MAIL, OK, RCPT, OK, (CLIENT, DATA[1] + b"RSET\r\n" + MAIL[1]), (SERVER, b"503 no\r\n")]
    first, second = mails_of(*refused)
    assert first["reply"]["code"] == 503
    assert second["mail_from"] == "a@x.test"
    (never,) = mails_of(*early)
    assert never["size"] == WHOLE["size"]


def test_only_the_client_is_seen() -> None:
    said = [each for each in (*OPENING, *ENVELOPE, SENT, QUIT) if each[0] == CLIENT]
    (mail,) = mails_of(*said)
    assert mail == {name: value for name, value in (WHOLE | {"rcpt": [{"to": "b@y.test"}]}).items() if name != "reply"}


def test_a_server_that_accepts_another_end() -> None:
    """Some servers accept a dot between bare line feeds. That the server replies shows it."""
    (first, second) = mails_of(*OPENING, *ENVELOPE, (CLIENT, b"Subject: hello\n\nx\n.\n"), OK, *ENVELOPE, SENT, OK)
    assert first["reply"]["code"] == 250
    assert second == WHOLE


def test_long_commands_and_rubbish() -> None:
    said = [(CLIENT, b"X" * 40_000 + b"\r\n"), OK, (CLIENT, b"\xff\xfe\r\n"), OK, (CLIENT, b"\r\n"), OK]
    assert mails_of(*OPENING, *said, *ENVELOPE, SENT, OK) == [WHOLE]
    assert mails_of(*OPENING, *byte_by_byte(said), *ENVELOPE, SENT, OK) == [WHOLE]

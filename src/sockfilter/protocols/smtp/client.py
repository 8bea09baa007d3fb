"""Reads the commands and the mails of a client (RFC 5321, RFC 2920, RFC 3030)."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING

from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK, distance
from sockfilter.protocols.reading import Reader
from sockfilter.protocols.smtp.content import END_OF_CONTENT, Dots
from sockfilter.protocols.smtp.session import RECIPIENTS_MAX, Command

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.protocols.interface import Context, Transport
    from sockfilter.protocols.smtp.session import Mail, MailSession

# Bytes of a command: RFC 4954, 4 asks for 12 288, and more than that is not a command.
LINE_BYTES_MAX = 16 << 10
# Bytes after DATA that wait for the server's reply. A client sends none before it, except in a test.
UNANSWERED_BYTES_MAX = 64 << 10
# what a client may send after the greeting; a client of FTP begins with USER, AUTH or FEAT
OPENING_VERBS = frozenset("EHLO HELO LHLO MAIL NOOP RSET QUIT HELP XCLIENT STARTTLS".split())
GREETINGS = frozenset(("EHLO", "HELO", "LHLO"))
# RFC 2920, 3.1: no command follows one of these before its reply
LAST_IN_GROUP = frozenset((*GREETINGS, "DATA", "VRFY", "EXPN", "QUIT", "NOOP", "STARTTLS", "AUTH"))
# a command that may follow DATA if the server has refused that
VERBS = OPENING_VERBS | frozenset("RCPT DATA BDAT VRFY EXPN AUTH".split())
VERB = re.compile(rb"[A-Za-z]{1,16}(?=[ \t\r\n]|$)")
# RFC 5321, 4.1.2: a path may have a local part in quotes; some clients leave the brackets out
PATH = rb"[ \t]*(?:<((?:\"(?:\\.|[^\"\\])*\"|[^>\"])*)>|([^ \t<>]*))"
MAIL_FROM = re.compile(rb"mail[ \t]+from:" + PATH, re.IGNORECASE | re.DOTALL)
RCPT_TO = re.compile(rb"rcpt[ \t]+to:" + PATH, re.IGNORECASE | re.DOTALL)
BDAT = re.compile(rb"bdat[ \t]+(\d{1,18})(?:[ \t]+(last))?[ \t]*", re.IGNORECASE)


class Mode(Enum):
    """What the next bytes are."""

    COMMAND = auto()
    REST_OF_LINE = auto()  # of a command that is too long
    UNANSWERED = auto()  # content or a command: the reply to DATA decides
    CONTENT = auto()
    AUTH = auto()  # an answer to the server's challenge: a secret
    LOST = auto()  # content or a command: the next reply decides, and says where something known begins
    TLS = auto()  # a command, or TLS: the reply to STARTTLS decides


class ClientReader(Reader):
    """Reads commands and mails.

    Args:
        transport: the connection.
        context: what the protocol needs from its capture.
        end: the end that sends them.
        session: shared with the server's reader.
        begin_tls: hands over to TLS, after STARTTLS.

    Attributes:
        mode: what the next bytes are.
    """

    __slots__ = (
        "_begin_tls",
        "_dots",
        "_is_damaged",
        "_is_last_chunk",
        "_known_from",
        "_last_code",
        "_last_verb",
        "_mode_then",
        "_session",
        "mode",
    )

    def __init__(
        self, transport: Transport, context: Context, end: int, session: MailSession, begin_tls: Callable[[], None]
    ) -> None:
        super().__init__(transport, context, end)
        self._begin_tls = begin_tls
        self._session = session
        self._dots = Dots()
        self._is_damaged = False  # bytes of this content are missing
        self._is_last_chunk = False
        self._last_verb = ""
        self._last_code = 0  # of the last reply after DATA
        # while lost: the sequence number from which on bytes are known, and what they are; None if that is not known
        self._known_from: int | None = None
        self._mode_then = Mode.COMMAND
        self.mode = Mode.COMMAND

    @property
    def is_idle(self) -> bool:
        """Whether the next byte begins a command."""
        return not self._buffer and not self._remaining and self.mode is Mode.COMMAND

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next bytes. Those that do not end a line are only gathered."""
        if self.mode is Mode.COMMAND and self._buffer and b"\n" not in data:
            if len(self._buffer) + len(data) <= LINE_BYTES_MAX:
                self._buffer += data
                return
            self._wanted = 0
        elif self.mode not in (Mode.UNANSWERED, Mode.TLS):
            self._wanted = 0
        if self.mode is Mode.UNANSWERED and self._last_code >= 400 and begins_command(self._buffer or data):
            self.mode = Mode.COMMAND  # the client has the reply to DATA, which was the last one or is missing
        if self._last_verb in LAST_IN_GROUP and self._session.has_lost_before(ack):
            # the client has all replies: whatever was lost before, the next reply answers the next command
            self._session.is_certain = True
        super().data(data, time_ns, seq, ack)

    def wake(self) -> None:
        """Reads the bytes that have waited for a reply."""
        if self._buffer:
            self._wanted = 0
            waiting = bytes(self._buffer)
            self._buffer.clear()
            super().data(waiting, self._now, (self._next - len(waiting)) & MASK, self._ack)

    def end(self, problem: Problem) -> None:
        """Notes that no more bytes follow."""
        if self.mode is Mode.UNANSWERED:
            self.begin_content()
            self.wake()
        super().end(problem)

    def begin_content(self) -> None:
        """Begins the content of a mail: the server has accepted DATA."""
        self.mode = Mode.CONTENT
        self._dots = Dots()
        self._is_damaged = False
        if self._session.mail is not None:
            self._session.mail.begin()

    def replied(self, code: int, text: str | None, ack: int, command: Command | None) -> None:
        """Takes a reply, how many bytes its sender has acknowledged, and the command that it answers, if known."""
        if self.mode is Mode.UNANSWERED and (command is None or command.verb == "DATA"):
            if code == 354:
                self.begin_content()
            elif command is not None:
                self.mode = Mode.COMMAND
            elif self._buffer:
                self._replied_after_lost(code, text, ack)
            self._last_code = code
            self.wake()
        elif self.mode is Mode.LOST:
            self._known_from = ack
            self._mode_then = Mode.CONTENT if code == 354 else Mode.COMMAND
        elif self.mode is Mode.CONTENT and command is None:
            self._replied_early(code, text, ack)
        elif self.mode is Mode.COMMAND and command is None and distance(self._next, ack) > 0:
            self._session.note_early(code, text, ack)  # the server has bytes that have not come here
        elif command is not None and command.verb == "AUTH" and code == 334:
            self.mode = Mode.AUTH
        elif self.mode is Mode.TLS and command is not None and command.verb == "STARTTLS":
            self.mode = Mode.COMMAND
            if code == 220:
                self._begin_tls()
            else:
                self.wake()

    def _replied_after_lost(self, code: int, text: str | None, ack: int) -> None:
        """Takes a reply after the one to DATA, which was lost: what has waited is content, or the server refused it."""
        session, waiting = self._session, b"\r\n" + self._buffer
        # the server answers content at its end, unless it refuses it; the rest may come later
        is_early = code >= 400 or distance(self._next, ack) > 0
        is_content = END_OF_CONTENT in waiting or (is_early and not begins_command(self._buffer))
        rest = waiting.partition(END_OF_CONTENT)[2] if is_content else self._buffer.partition(b"\n")[2]
        if not rest:  # there is nothing else that it may answer
            session.note_early(code, text, ack)
            if is_content:
                session.refuse(code, text)
        else:
            session.lose()
        if is_content:
            self.begin_content()
        else:
            self.mode = Mode.COMMAND

    def _replied_early(self, code: int, text: str | None, ack: int) -> None:
        """Takes a reply within content: the server has found its end, or refuses the rest."""
        session = self._session
        session.refuse(code, text)
        if self._is_damaged or self._dots.looks_ended:
            if session.mail is not None:
                session.mail.is_whole = not self._is_damaged
            session.end_mail()
            self.mode = Mode.COMMAND
            if self._is_damaged:  # the end was in the missing bytes, and commands may have been, too
                session.lose()
                session.helo = None
                self._last_verb = ""
        else:
            session.note_early(code, text, ack)

    def _read(self, data: bytes, at: int) -> int:
        if self.mode is Mode.CONTENT:
            return self._read_content(data, at)
        if self.mode is Mode.UNANSWERED:
            if len(data) - at < UNANSWERED_BYTES_MAX:
                return self._await(UNANSWERED_BYTES_MAX)
            self.begin_content()
            return self._read_content(data, at)
        if self.mode is Mode.TLS:
            if len(data) - at < UNANSWERED_BYTES_MAX and self._session.has_replied:
                return self._await(UNANSWERED_BYTES_MAX)
            self._begin_tls()
            return self._pass_on(data, at)
        if self.mode is Mode.LOST:
            return self._read_lost(data, at)
        end = data.find(b"\n", at) + 1
        if not end and len(data) - at <= LINE_BYTES_MAX:
            return self._await(0)
        line = data[at : end or len(data)]
        if self.mode is Mode.REST_OF_LINE or len(line) > LINE_BYTES_MAX:
            return self._pass_long_line(line, bool(end))
        if self.mode is Mode.AUTH:
            self.mode = Mode.COMMAND
            self._ask(Command("AUTH"))
        else:
            self._read_command(line.rstrip(b"\r\n"))
        self._take_early()
        return len(line)

    def _read_lost(self, data: bytes, at: int) -> int:
        """Passes by bytes up to where their meaning is known. Returns their number; 0 is none."""
        left = len(data) - at
        if self._known_from is None:
            return self._pass_by(left)
        unknown = distance(self._next - left, self._known_from)
        if unknown > 0:
            return self._pass_by(min(left, unknown))
        self.mode, self._known_from = self._mode_then, None
        if self.mode is Mode.CONTENT:
            self.begin_content()
        return self._read(data, at)

    def _take_early(self) -> None:
        """Takes the replies that came before the commands that they answer, because those waited for missing bytes."""
        while (early := self._session.next_early()) is not None:
            code, text, ack = early
            self.replied(code, text, ack, self._session.answer(code, text))

    def _pass_long_line(self, line: bytes, is_whole: bool) -> int:
        if self.mode is not Mode.REST_OF_LINE:
            self._ask(Command(""))
        self.mode = Mode.COMMAND if is_whole else Mode.REST_OF_LINE
        return self._pass_by(len(line))

    def _ask(self, command: Command) -> None:
        self._last_verb = command.verb
        self._session.ask(command)

    def _read_command(self, line: bytes) -> None:
        session = self._session
        found = VERB.match(line)
        verb = "" if found is None else found[0].decode().upper()
        if verb in READERS:
            READERS[verb](self, line)
            return
        if verb in GREETINGS:
            session.end_mail()
            session.helo = _text(line[4:].strip()) or None
            session.is_lmtp = verb == "LHLO"
        elif verb in ("RSET", "QUIT"):
            session.end_mail()
        elif verb == "STARTTLS":
            session.end_mail()
            self.mode = Mode.TLS
        elif not verb:
            self._context.counts.unread_bytes += len(line)
        self._ask(Command(verb))

    def _read_mail(self, line: bytes) -> None:
        found = MAIL_FROM.match(line)
        if found is None:
            self._ask(Command("MAIL"))
            return
        self._ask(Command("MAIL", self._session.begin_mail(self._start_ns, _path(found))))

    def _read_rcpt(self, line: bytes) -> None:
        found, mail = RCPT_TO.match(line), self._session.mail
        if found is None or mail is None:
            self._ask(Command("RCPT"))
        elif len(mail.recipients) >= RECIPIENTS_MAX:
            mail.message.add_problem(Problem.HEAD_TOO_LONG)
            self._ask(Command("RCPT"))
        else:
            self._ask(Command("RCPT", mail, mail.add_recipient(_path(found))))

    def _read_data(self, line: bytes) -> None:
        mail = self._session.mail
        if mail is not None:
            mail.reply = None
        self._ask(Command("DATA", mail))
        if self._session.has_replied:
            self.mode = Mode.UNANSWERED
            self._last_code = 0
        else:  # nothing of the server is seen
            self.begin_content()

    def _read_bdat(self, line: bytes) -> None:
        mail, found = self._session.mail, BDAT.fullmatch(line)
        if mail is not None:
            mail.reply = None
        if found is None:
            self._ask(Command("BDAT", mail))
            return
        self._remaining = int(found[1])
        self._is_last_chunk = found[2] is not None
        if mail is not None:
            mail.begin()
        if not self._is_last_chunk:
            self._ask(Command("BDAT", mail))
        if not self._remaining:
            self._end_content()

    @property
    def _wants_content(self) -> bool:
        mail = self._session.mail
        return mail is not None and mail.wants_content

    def _note_missing(self, problem: Problem) -> None:
        if self._session.mail is not None:
            self._session.mail.message.add_problem(problem)

    def _take_content(self, data: bytes) -> None:
        if self._session.mail is not None:
            self._session.mail.add(data)
        if not self._remaining:
            self._end_content()

    def _pass_content(self, size: int) -> None:
        if self._session.mail is not None:
            self._session.mail.skip(size)
        if not self._remaining:
            self._end_content()

    def _end_content(self) -> None:
        """Notes the end of a chunk."""
        if self._is_last_chunk:
            self._is_last_chunk = False
            self._end_mail(self._session.mail)

    def _read_content(self, data: bytes, at: int) -> int:
        content, end, has_ended = self._dots.read(data, at)
        mail = self._session.mail
        if mail is not None:
            mail.add(content)
        else:
            self._context.counts.unread_bytes += len(content)
        if has_ended:
            self._end_mail(mail)
        return end - at

    def _end_mail(self, mail: Mail | None) -> None:
        """Notes the end of a mail's content, which has a reply of its own."""
        self.mode = Mode.COMMAND
        self._last_verb = "."
        if mail is not None:
            mail.is_whole = True
        self._session.ask_for_end(mail)
        self._session.end_mail()
        self._take_early()

    def _give_up(self, problem: Problem) -> None:
        super()._give_up(problem)
        mail = self._session.mail
        if mail is not None and mail.has_content:
            if self.mode is Mode.CONTENT:
                mail.add(self._dots.rest())
            mail.message.add_problem(problem)

    def _lose(self, problem: Problem) -> None:
        """Notes missing bytes: within content, it goes on; else the mail may have ended in them."""
        mail = self._session.mail
        if self.mode is Mode.CONTENT:
            if mail is not None:
                mail.lose(problem)
            self._dots = Dots(is_at_start=False)
            self._is_damaged = True
            return
        if mail is not None:
            mail.message.add_problem(problem)
        self._session.end_mail()
        self._session.lose()
        self._session.helo = None  # the client may have introduced itself again
        self._known_from = None
        self._is_last_chunk = False
        self._remaining = 0
        self._last_verb = ""
        self.mode = Mode.LOST


def begins_command(data: bytes | bytearray) -> bool:
    """Whether bytes begin with a command. Content begins with a field, as a rule."""
    found = VERB.match(data)
    return found is not None and found[0].decode().upper() in VERBS


def _path(found: re.Match[bytes]) -> str:
    return _text(found[2] if found[1] is None else found[1])


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


READERS = {
    "MAIL": ClientReader._read_mail,
    "RCPT": ClientReader._read_rcpt,
    "DATA": ClientReader._read_data,
    "BDAT": ClientReader._read_bdat,
}

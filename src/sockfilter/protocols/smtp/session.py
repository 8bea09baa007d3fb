"""What both ends of a connection of SMTP know: the mails, and the commands that wait for their replies."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sockfilter.model.body import Body
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import distance
from sockfilter.model.stream_message import StreamMessage
from sockfilter.protocols.body import BodyKeeper
from sockfilter.protocols.smtp.content import FIELDS_BYTES_MAX, FIELDS_END, subject_of

if TYPE_CHECKING:
    from sockfilter.protocols.interface import Context, Transport

# Commands that wait for their replies. A client sends as many at once as it has recipients.
COMMANDS_MAX = 20_000
# recipients of a mail that are kept; servers allow 1 000 or fewer, at least 100 (RFC 5321, 4.5.3.1.8)
RECIPIENTS_MAX = 10_000
# Replies that came before their commands: those to some mails. A reply has 4 KiB at most.
EARLY_MAX = 64
# the server closes the connection, whatever the client has said (RFC 5321, 3.8)
CLOSING = 421
# bytes of memory that a recipient takes in addition to its address
RECIPIENT_BYTES = 300


class Mail:
    """A mail while it is being handed over: what a MAIL command begins.

    Attributes:
        message: its record.
        recipients: their addresses and codes, as the record shows them.
        waiting: commands of it without a reply.
        is_over: the client has ended it.
        is_whole: the end of its content has passed.
        reply: the reply to its content, or the one that refused it.
        size: bytes of its content; None if not known.
        helo: how its client has introduced itself.
        sender: whose mail it is.
    """

    def __init__(self, transport: Transport, context: Context, end: int, time_ns: int) -> None:
        self.message = StreamMessage(transport.model, "smtp", end, "mail", time_ns)
        self.recipients: list[dict[str, object]] = []
        self.waiting = 0
        self.is_over = self.is_whole = False
        self.reply: dict[str, object] | None = None
        self.size: int | None = None
        self.helo: str | None = None
        self.sender: str | None = None
        self._context = context
        self._recipients_bytes = 0
        self._fields = bytearray()
        self._has_fields = False
        self._keeper: BodyKeeper | None = None

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        kept = 0 if self._keeper is None else self._keeper.weight
        return kept + len(self._fields) + self._recipients_bytes

    def add_recipient(self, address: str) -> int:
        """Adds a recipient. Returns its place."""
        self.recipients.append({"to": address})
        self._recipients_bytes += RECIPIENT_BYTES + len(address)
        return len(self.recipients) - 1

    @property
    def wants_content(self) -> bool:
        """Whether bytes of its content are needed, and not only their number."""
        return self._keeper is not None and (self._keeper.wants or not self._has_fields)

    @property
    def has_content(self) -> bool:
        """Whether its content has begun."""
        return self._keeper is not None

    def begin(self) -> None:
        """Begins its content."""
        if self._keeper is None:
            self._keeper = BodyKeeper(self.message, (), self._context.policy, self._context.budget)
            self.size = 0

    def add(self, data: bytes) -> None:
        """Takes content."""
        if self._keeper is None:
            return
        self._keeper.add(data)
        if self.size is not None:
            self.size += len(data)
        if not self._has_fields:
            before = max(0, len(self._fields) - 3)
            self._fields += data[: FIELDS_BYTES_MAX - len(self._fields)]
            ended = FIELDS_END.search(self._fields, before) is not None
            self._has_fields = ended or len(self._fields) >= FIELDS_BYTES_MAX

    def skip(self, size: int) -> None:
        """Counts content that is missing or not needed."""
        self._has_fields = True  # what follows is somewhere else in the mail
        if self._keeper is not None:
            self._keeper.skip(size)
        if self.size is not None:
            self.size += size

    def lose(self, problem: Problem) -> None:
        """Notes missing content of unknown size."""
        self.message.add_problem(problem)
        self.skip(0)
        self.size = None

    def finished(self) -> StreamMessage:
        """Its record."""
        message, keeper = self.message, self._keeper
        fields: dict[str, object] = {"helo": self.helo, "mail_from": self.sender, "rcpt": self.recipients}
        fields["reply"] = self.reply
        if keeper is not None:
            body = keeper.body(self.is_whole)
            message.body = body if self.size is not None else Body(body.wire_len, None, body)
            fields["size"] = self.size if self.is_whole else None
            fields["subject"] = subject_of(bytes(self._fields), self.is_whole and self.size == len(self._fields))
        message.fields = {name: value for name, value in fields.items() if value is not None}
        return message


class Command:
    """A command that waits for its reply.

    Attributes:
        verb: its name, in upper case; "." is the end of a mail's content, and "" is anything else.
        mail: to which it belongs; None if to none.
        recipient: the place of the recipient that it names.
    """

    __slots__ = ("mail", "recipient", "verb")

    def __init__(self, verb: str, mail: Mail | None = None, recipient: int | None = None) -> None:
        self.verb = verb
        self.mail = mail
        self.recipient = recipient


class MailSession:
    """The state of a connection.

    Attributes:
        helo: how the client has introduced itself; None if it has not.
        mail: the mail that the client hands over at present.
        is_certain: whether the next reply answers the first command that waits.
        has_replied: whether a reply was seen.
        has_commands: whether a command was seen.
        is_lmtp: whether the client speaks LMTP.
    """

    def __init__(self, transport: Transport, context: Context, client_end: int) -> None:
        self._transport = transport
        self._context = context
        self._end = client_end
        self._commands: deque[Command] = deque()
        self._early: deque[tuple[int, str | None, int]] = deque()  # replies whose commands have not come
        self._mails: deque[Mail] = deque()  # that have not been reported, in their order
        self.helo: str | None = None
        self.mail: Mail | None = None
        self.is_lmtp = False
        self.is_certain = True
        self._lost_to: int | None = None  # the sequence number after the last lost bytes of the server
        self.has_replied = False
        self.has_commands = False

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        return sum(mail.weight for mail in self._mails) + RECIPIENT_BYTES * len(self._commands)

    @property
    def is_idle(self) -> bool:
        """Whether no mail is being handed over, and no command waits for its reply."""
        return not self._mails and not self._commands

    def begin_mail(self, time_ns: int, sender: str) -> Mail:
        """Begins a mail. It ends the one before."""
        self.end_mail()
        self.mail = mail = Mail(self._transport, self._context, self._end, time_ns)
        mail.helo, mail.sender = self.helo, sender
        self._mails.append(mail)
        return mail

    def end_mail(self) -> None:
        """Notes that the client has ended the present mail."""
        mail, self.mail = self.mail, None
        if mail is not None:
            mail.is_over = True
            self._report()

    def ask(self, command: Command) -> None:
        """Notes a command."""
        self.has_commands = True
        if not self.is_certain:
            return
        if len(self._commands) >= COMMANDS_MAX:
            self.lose()
            return
        if command.mail is not None:
            command.mail.waiting += 1
        self._commands.append(command)

    def ask_for_end(self, mail: Mail | None) -> None:
        """Notes the end of a mail's content. In LMTP, each accepted recipient has a reply (RFC 2033, 4.2)."""
        if mail is None or not self.is_lmtp:
            self.ask(Command(".", mail))
            return
        if any("code" not in recipient for recipient in mail.recipients):
            self.lose()  # it is not known how many replies there are
        for place, recipient in enumerate(mail.recipients):
            if recipient.get("code") in (250, 251):
                self.ask(Command(".", mail, place))

    def lose(self) -> None:
        """Notes that replies can no longer be matched with commands."""
        self.is_certain = False
        for command in self._commands:
            if command.mail is not None:
                command.mail.waiting -= 1
        self._commands.clear()
        self._early.clear()
        self._report()

    def lose_replies(self, seq: int) -> None:
        """Notes that replies may be missing. seq: the sequence number after the missing bytes."""
        self._lost_to = seq
        self.lose()

    def has_lost_before(self, ack: int) -> bool:
        """Whether the client has acknowledged all lost bytes of the server: none of them answers what it sends now."""
        return self._lost_to is None or distance(self._lost_to, ack) >= 0

    def answer(self, code: int, text: str | None) -> Command | None:
        """Takes a reply. Returns the command that it answers; None if there is none, or if it is not known."""
        is_first, self.has_replied = not self.has_replied, True
        if not self.is_certain or not self._commands:
            return None
        if is_first and code == 220 and self._commands[0].verb != "STARTTLS":
            return None  # the greeting, for which the client did not wait
        command = self._commands.popleft()
        mail = command.mail
        if mail is not None:
            mail.waiting -= 1
            if command.recipient is not None:
                mail.recipients[command.recipient]["code"] = code
            if command.verb == "." or (code >= 400 and command.recipient is None):
                mail.reply = _reply(code, text)
            self._report()
        return command

    def note_early(self, code: int, text: str | None, ack: int) -> None:
        """Notes a reply that came before its command: that waits for bytes before it, which may be lost."""
        is_of_command = self.is_certain and self.has_commands and not self._commands and code != CLOSING
        if is_of_command and len(self._early) < EARLY_MAX:
            self._early.append((code, text, ack))

    def next_early(self) -> tuple[int, str | None, int] | None:
        """The first reply that came before its command, if that has come now."""
        return self._early.popleft() if self._early and self._commands else None

    def refuse(self, code: int, text: str | None) -> None:
        """Takes a reply that came while the client was sending a mail."""
        if self.mail is not None and self.mail.reply is None:
            self.mail.reply = _reply(code, text)

    def close(self, problem: Problem) -> None:
        """Reports all mails, because the connection has ended."""
        if self.mail is not None:
            self.mail.message.add_problem(problem)
        self.end_mail()
        for mail in self._mails:
            if mail.waiting:
                mail.waiting = 0
                mail.message.add_problem(Problem.NO_RESPONSE)
        self._commands.clear()
        self._report()

    def _report(self) -> None:
        """Reports the mails that are over and have all their replies, in their order."""
        while self._mails and self._mails[0].is_over and not self._mails[0].waiting:
            mail = self._mails.popleft()
            self._context.take(mail.finished())


def _reply(code: int, text: str | None) -> dict[str, object]:
    """A reply as the record of a mail shows it."""
    return {"code": code} if text is None else {"code": code, "text": text}

"""How messages open: their heads, and where one may begin after bytes that are missing or are none."""

from __future__ import annotations

from sockfilter.model.body import Body
from sockfilter.model.message import Message, Request, Response
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK, distance
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.body import BodyKeeper, whole_body
from sockfilter.protocols.http1.head import BY_LENGTH, NO_BODY
from sockfilter.protocols.http1.state import (
    CHUNK_SIZE,
    CR,
    DOUBT,
    HEAD,
    IGNORE,
    LENGTH,
    LF,
    MORE,
    SEEK,
    SIMPLE,
    UNTIL_CLOSE,
    Doubted,
    State,
)

# bytes kept of what stands where a message should: as much as servers take of a head
DOUBTED_BYTES_MAX = 16 << 10
# What waits with so many bytes waits for the end of a line, or of a head. Spans without one are gathered behind it
# until they are a quarter of it: if each were joined to all before, many short ones would be copied again and again.
BULKY_BYTES = 32 << 10
GATHERED_PART = 4
# bytes that one end may send while nothing says that the connection is HTTP
UNKNOWN_BYTES_MAX = 64 << 10


class Opening(State):
    """The states in which no message has begun, or one whose head is not there yet."""

    __slots__ = ()

    peer: Opening

    def _read_head(self, data: bytes, offset: int) -> int:
        if self._is_early:
            taken = self._part_from_early(data, offset)
            if taken is not None:
                return taken
        end = data.find(b"\r\n\r\n", offset + self._scanned) + 4
        head = heads.read(data[offset:end]) if end >= 4 else None
        if head is None:
            return self._read_unusual_head(data, offset)
        self._scanned = 0
        return self._begin(head, data, offset, end)

    def _gathers(self, data: bytes) -> bool:
        """Whether a span has come that need not be looked at yet; if not, what was gathered is in the buffer."""
        size, waiting = self._gathered_bytes + len(data), len(self._buffer)
        is_due = size * GATHERED_PART > waiting or waiting + size > heads.HEAD_BYTES_MAX
        if is_due or (b"\n" in data and self._may_end(data)):
            self._join()
            return False
        self._gathered.append(data)
        self._gathered_bytes = size
        return True

    def _may_end(self, data: bytes) -> bool:
        """Whether what waits may end in a span that has an end of line."""
        if self._state != HEAD or self._is_early or b"\n" not in self._buffer:
            return True
        before = b"".join((self._buffer[-2:], *self._gathered[-2:]))[-2:]
        return heads.HEAD_END.search(before + data) is not None

    def _read_unusual_head(self, data: bytes, offset: int) -> int:
        """One that is not whole, or has bare line feeds, or is none."""
        if data[offset] in (CR, LF):  # empty lines before a message are let pass (RFC 9112, 2.2)
            return len(data) - len(data[offset:].lstrip(b"\r\n"))
        found = heads.HEAD_END.search(data, offset + self._scanned)
        if not found:
            return self._await_head(data, offset)
        self._scanned = 0
        if found.end() - offset > heads.HEAD_BYTES_MAX and self._is_head_at(data, offset, data.find(b"\n", offset)):
            return self._cut_head(data, offset)
        head = self._head_at(offset, data[offset : found.end()])
        if head is None:
            return self._not_a_message(data, offset)
        return self._begin(head, data, offset, found.end())

    def _head_at(self, start: int, raw: bytes) -> heads.HttpHead | None:
        """What begins here, read the more tolerantly where an answer is waited for, and must begin."""
        head = heads.parse(raw)
        return heads.loose_response(raw) if head is None and self._is_awaited(start) else head

    def _is_awaited(self, start: int) -> bool:
        """Whether an answer must begin here."""
        return self._kind is Response and self._is_certain(start) and self._talk.awaits(self._ack)

    def _may_begin_loosely(self, data: bytes, start: int) -> bool:
        return self._is_awaited(start) and heads.may_begin_loosely(data, start)

    def _is_head_at(self, data: bytes, start: int, line_end: int) -> bool:
        """As _is_head(), but read the more tolerantly where an answer must begin."""
        return self._is_head(data, start, line_end) or self._head_at(start, data[start : line_end + 1]) is not None

    def _await_head(self, data: bytes, offset: int) -> int:
        """The head is not whole: is it one at all, and may it still become whole?"""
        line_end = data.find(b"\n", offset)
        if line_end < 0:
            may_be = self._may_become_head(data, offset) or self._may_begin_loosely(data, offset)
        else:
            # the first line is looked at once, when it is whole
            may_be = line_end < offset + self._scanned or self._is_head_at(data, offset, line_end)
        if not may_be:
            return self._not_a_message(data, offset)
        size = len(data) - offset
        if size > heads.HEAD_BYTES_MAX:
            return self._cut_head(data, offset)
        # the end may straddle: three bytes of it may be here already
        self._scanned = max(0, size - 3)
        return MORE

    def _cut_head(self, data: bytes, offset: int) -> int:
        self._scanned = 0
        if self._is_early:
            self._end_early(data[offset:], Problem.HEAD_TOO_LONG)
            self._lose(False, Problem.HEAD_TOO_LONG)
            return len(data)
        is_told = self._begin_partial(data[offset:], (self._seq + offset) & MASK, Problem.HEAD_TOO_LONG)
        self._lose(not is_told, Problem.HEAD_TOO_LONG)
        return len(data)

    def _is_head(self, data: bytes, start: int, line_end: int) -> bool:
        """Whether a first line is one of a message that this end may send."""
        head = heads.parse(data[start : line_end + 1])
        return head is not None and self._kind in (None, Request if head.method else Response)

    def _may_become_head(self, data: bytes, start: int) -> bool:
        """The same of as much of it as there is. Where no message begins for certain, not every token is a method."""
        if self._kind is not Request and heads.may_begin_response(data, start):
            return True
        begins = heads.is_token if self._is_certain(start) else heads.may_begin_request
        return self._kind is not Response and begins(data, start)

    def _is_certain(self, start: int) -> bool:
        """Whether a message of this end must begin here."""
        is_begun = self.boundary is not None or (self._talk.is_whole and not self._talk.has_messages)
        return (is_begun and not self._is_lost) or self._is_at_boundary(start)

    def _is_at_boundary(self, start: int) -> bool:
        return self.peer.boundary == (self._seq + start) & MASK

    def _not_a_message(self, data: bytes, offset: int) -> int:
        """What stands where a message should is none."""
        self._scanned = 0
        if self._is_early:
            self._end_early(data[offset:], None)
            self._lose(False, None)
            return self._seek(data, offset)
        if not self._talk.has_messages and not self._is_lost:
            return self._not_known_as_http(data, offset)
        if self._is_certain(offset) and self._may_be_meant_for_a_message(data, offset):
            return self._doubt(data, offset)
        self._lose(False, None)
        return self._seek(data, offset)

    def _not_known_as_http(self, data: bytes, offset: int) -> int:
        """What an end says first is no message, and the other end has said nothing of HTTP."""
        simple = heads.simple_request(data, offset) if self._talk.is_whole else None
        if simple is not None:
            return self._begin_simple(simple, offset)
        if data.startswith(heads.HTTP2_PREFACE, offset):
            self._state = IGNORE
            self._talk.http2()
            return len(data)
        if self.peer._doubted is None and heads.loose_request(data, offset) is not None:
            return self._doubt(data, offset)
        is_begun = self._talk.is_whole or offset < self._joined or heads.may_begin(data, offset)
        if is_begun or self.peer._doubted is not None:
            # the kernel took it for HTTP by fewer bytes, or by later ones that came first
            return self._reject(data)
        self._lose(False, None)
        return self._seek(data, offset)

    def _reject(self, data: bytes) -> int:
        self._state = IGNORE
        self._talk.reject()
        return len(data)

    def _may_be_meant_for_a_message(self, data: bytes, offset: int) -> bool:
        """A request that speaks of HTTP, or, where one waits for its response, any answer."""
        if self._kind is Request:
            return heads.loose_request(data, offset) is not None
        return self._is_awaited(offset)

    def _doubt(self, data: bytes, offset: int) -> int:
        """It may be meant for a message: whether it is one says the other end, by answering it, or by going on."""
        self._doubted = Doubted(b"", self._start_ns, (self._seq + offset) & MASK, self._ack)
        self._state = SEEK
        return self._seek(data, offset)

    def _still_doubt(self, data: bytes) -> bool:
        """More has come of what is doubted. Returns whether the connection may be HTTP still."""
        assert self._doubted is not None  # checked by the only caller
        raw = self._doubted.raw
        if len(raw) < DOUBTED_BYTES_MAX:
            self._doubted = self._doubted._replace(raw=(raw + data)[:DOUBTED_BYTES_MAX])
        far = distance(self._doubted.seq, (self._seq + len(data)) & MASK)
        return self._talk.has_messages or far <= UNKNOWN_BYTES_MAX

    def _let_go_of_doubted(self) -> None:
        """A message begins behind it, and nothing has answered it: it was none."""
        self._doubted = None
        self._lose(False, None)

    def answer(self, received: int) -> None:
        """The other end begins an answer, and no request waits for one: what there is of a request is told as it is.

        Args:
            received: up to where the other end had received.
        """
        self._join()
        if self._doubted is not None:
            self.tell_doubted(received)
        elif self._state == HEAD and self._buffer and self._message is None and distance(self._seq, received) > 0:
            self._begin_early()

    def tell_doubted(self, received: int) -> None:
        """What is doubted is told as far as it can be read, if the other end has received it.

        Args:
            received: up to where the other end had received.
        """
        self._join()
        if self._doubted is not None and distance(self._doubted.seq, received) > 0:
            doubted, self._doubted = self._doubted, None
            self._begin_doubted(doubted, None)
        elif (
            self._state == HEAD
            and b"\n" not in self._buffer
            and not heads.may_begin_response(self._buffer, 0)
            and self._is_awaited(0)
            and distance(self._seq, received) > 0
        ):
            self._begin_unfinished(None)

    def _begin_unfinished(self, why: Problem | None) -> None:
        """An answer of which not even the first line is whole."""
        raw, self._buffer, self._scanned = self._buffer, b"", 0
        self._state = SEEK
        self._begin_doubted(Doubted(raw, self._start_ns, self._seq, self._ack), why)

    def _begin_doubted(self, doubted: Doubted, why: Problem | None) -> None:
        message: Message
        if self._kind is Request:
            head = heads.loose_request(doubted.raw, 0)
            if head is None:
                return
            message = Request(head, doubted.start_ns, doubted.seq, doubted.ack)
        else:
            message = self._unreadable_response(doubted)
        message.add_problem(Problem.BAD_HEAD)
        if why is not None:
            message.add_problem(why)
        self._tell(message)

    def _tell(self, message: Message) -> None:
        """A message of which no more will be read than there is."""
        self.boundary = message.ack
        self._talk.begin(message, self._end)
        message.end_ns = self._now
        self._talk.finish(message)

    def _unreadable_response(self, doubted: Doubted) -> Response:
        """Its first lines are its head, and what follows is its body."""
        raw = doubted.raw
        found = heads.HEAD_END.search(raw)
        end = found.end() if found else len(raw)
        # of a first line that is cut off, no number is whole
        head = heads.loose_response(raw[:end]) if b"\r" in raw[:end] else None
        message = Response(head or heads.unreadable(raw[:end]), doubted.start_ns, doubted.seq, doubted.ack)
        content = raw[end:][: self._talk.policy.limit]
        message.body = Body(len(raw) - end, None, content)
        return message

    def _begin_early(self) -> None:
        """A request that is answered before its head has ended."""
        raw = self._buffer
        head = heads.parse(raw[: raw.rfind(b"\n") + 1]) or heads.loose_request(raw, 0)
        if head is None or not head.method:
            return
        self._message = message = Request(head, self._start_ns, self._seq, self._ack)
        self._is_early = True
        self._note_oddities(message, head)
        self.boundary = self._ack
        self._talk.begin(message, self._end)

    def _part_from_early(self, data: bytes, offset: int) -> int | None:
        """Where the next request begins, if the one that was answered early does not go on; None: it does."""
        if self.peer.boundary is None:
            return None
        at = distance(self._seq, self.peer.boundary)
        if not offset < at < len(data):
            return None
        line_end = data.find(b"\n", at)
        if line_end < 0:
            return MORE if heads.may_begin_request(data, at) else None
        if not self._is_head(data, at, line_end):
            return None
        self._end_early(data[offset:at], None)
        return at

    def _end_early(self, raw: bytes, problem: Problem | None) -> None:
        """The rest of its head does not come."""
        message = self._message
        assert message is not None  # told early
        self._is_early, self._scanned = False, 0
        head = heads.parse(raw[: raw.rfind(b"\n") + 1])
        if head is None or not head.method:
            message.add_problem(Problem.BAD_HEAD)
        else:
            message.head = head
        if problem is not None:
            message.add_problem(problem)
        self._finish(is_whole=False)

    def _begin_unframed(self, message: Message, problem: Problem) -> None:
        """All that comes is its body, until a message is known to begin."""
        self._message = message
        if self._keeper is None:
            self._keeper = BodyKeeper(message, (), self._talk.policy)
        self._is_cut = True
        self._lose(False, problem)

    def end_unframed(self) -> None:
        """The other end goes on: what has no end of its own has ended by then."""
        if self._state == SEEK and self._message is not None:
            self._finish(is_whole=False)
            self._state = SEEK

    def _begin(self, head: heads.HttpHead, data: bytes, offset: int, end: int) -> int:
        """A message whose head stands in data from offset to end. Its body too, where all of it is there."""
        kind = Request if head.method else Response
        if kind is not self._kind and not self._may_send(kind):
            return self._not_a_message(data, offset)
        if self._is_early:
            assert self._message is not None
            message, request, self._is_early = self._message, None, False
            message.head, self._message = head, None
            self._note_oddities(message, head)
        else:
            message = kind(head, self._start_ns, (self._seq + offset) & MASK, self._ack)
            if self._doubted is not None:
                self._let_go_of_doubted()
            if self._is_lost or head.problems:
                self._note_oddities(message, head)
            peer = self.peer
            if peer._buffer or peer._message is not None or peer._doubted is not None:
                self._before(kind)
            self.boundary = self._ack
            request = self._talk.begin(message, self._end)
        self._is_cut = False
        framing = head.framing
        if request is not None and framing != NO_BODY and self._is_bodiless(request, head):
            framing = NO_BODY
        if request is not None and request.end_ns is None and not 100 <= head.status < 200:
            self.peer.refuse_body(request, message)
        if framing == NO_BODY:
            if kind is Response and not self._is_tunnel(request, head) and self._has_forbidden_body(data, end):
                message.add_problem(Problem.UNEXPECTED_BODY)
            message.end_ns = self._now
            message.complete = True
            self._talk.finish(message)
            if kind is Response:
                self._begin_tunnel(request, message)
                if data.startswith(head.raw, end) and 100 <= head.status < 200:
                    return self._pass_repeated(head.raw, data, end)
            elif head.problems and head.is_badly_framed:  # it may have a body nevertheless
                self._lose(False, Problem.BAD_FRAMING)
            return end
        if head.status == 205 and framing == BY_LENGTH:  # RFC 9110, 15.3.6
            message.add_problem(Problem.UNEXPECTED_BODY)
        policy = self._talk.policy
        is_certain = request is not None or kind is Request
        is_whole = framing == BY_LENGTH and end + head.length <= len(data)
        if is_whole and is_certain and (not head.codings or not policy.decodes):
            message.body = whole_body(head, head.length, data[end : end + min(head.length, policy.limit)])
            message.end_ns = self._now
            message.complete = True
            self._talk.finish(message)
            return end + head.length
        self._message = message
        self._keeper = BodyKeeper(message, head.codings, policy)
        if head.has_bad_length and kind is Response:
            self._begin_unframed(message, Problem.BAD_LENGTH)
            self._is_cut = False  # it is whole if the server closes
            return end
        self._remaining = head.length
        self._state = (LENGTH, CHUNK_SIZE, UNTIL_CLOSE)[framing - BY_LENGTH]
        if not is_certain:
            self._state, self._body_state = DOUBT, self._state
        return end

    def _before(self, kind: type[Message]) -> None:
        """What a message says of the other direction by beginning."""
        peer = self.peer
        if kind is Request:
            peer.end_unframed()
            peer.tell_doubted(self._ack)
        elif (peer._buffer or peer._doubted is not None) and not self._talk.has_open:
            peer.answer(self._ack)

    def _begin_simple(self, head: heads.HttpHead, offset: int) -> int:
        """A request of HTTP/0.9. Nothing follows it (RFC 1945, 4.1), and what answers it need not have a head."""
        self._may_send(Request)
        self._tell(Request(head, self._start_ns, (self._seq + offset) & MASK, self._ack, self._now))
        self._state = IGNORE
        if self.peer._state == HEAD:  # else it is not known where the answer begins, or it is over
            self.peer._state = SIMPLE
        return offset + len(head.raw)

    def _may_send(self, kind: type[Message]) -> bool:
        """One end asks, the other answers: the first message of either says which."""
        if self._kind is not None:
            return False
        self._kind, self.peer._kind = kind, Request if kind is Response else Response
        self._talk.has_messages = True
        return True

    def refuse_body(self, request: Request, response: Message) -> None:
        """A final response has come before the first byte of a body that waits to be asked for (RFC 9110, 10.1.1)."""
        is_waiting = self._message is request and self._keeper is not None and not self._keeper.wire_len
        if is_waiting and self._state in (LENGTH, CHUNK_SIZE) and not self._buffer and heads.expects(request.head):
            self._refused_at = response.seq
            self._state, self._body_state = DOUBT, self._state

    def _is_bodiless(self, request: Request, response: heads.HttpHead) -> bool:
        """Responses that have no body because of what was asked (RFC 9112, 6.3)."""
        method = request.head.method
        return method == "HEAD" or (method == "CONNECT" and response.status < 300)

    def _pass_repeated(self, raw: bytes, data: bytes, offset: int) -> int:
        """The same informational response, over and over: once there are more than are kept, their number is enough."""
        end = offset
        while data.startswith(raw, end):
            end += len(raw)
        return end if self._talk.pass_informational((end - offset) // len(raw)) else offset

    def _is_tunnel(self, request: Request | None, response: heads.HttpHead) -> bool:
        """Whether what follows a response is not HTTP any more, or need not be."""
        is_connect = request is None or request.head.method == "CONNECT"
        return response.status == 101 or (is_connect and 200 <= response.status < 300)

    def _has_forbidden_body(self, data: bytes, end: int) -> bool:
        """Whether bytes follow a response that may have none, and do not begin the next."""
        rest = data[end : end + heads.RESPONSE_START_BYTES].lstrip(b"\r\n")
        return bool(rest) and not heads.may_begin_response(rest, 0)

    def _begin_tunnel(self, request: Request | None, response: Message) -> None:
        """After 101, and after CONNECT, the connection is something else; in a proxy's tunnel HTTP again, perhaps."""
        status = response.head.status
        if status == 101:
            if Problem.BAD_UPGRADE not in response.problems:
                self._talk.tunnel(probe=False)
        elif request is not None and request.head.method == "CONNECT" and 200 <= status < 300:
            self._talk.tunnel(probe=True)

    def _note_oddities(self, message: Message, head: heads.HttpHead) -> None:
        if self._is_lost:
            self._is_lost = False
            message.is_resumed = True
            if message.seq != self.peer.boundary:
                message.add_problem(Problem.RESYNCHRONISED)
        for problem in head.problems:
            message.add_problem(problem)

    def _begin_partial(self, raw: bytes, seq: int, problem: Problem) -> bool:
        """A head whose rest will not come: what its start line and its whole fields say is worth telling.

        Returns whether there is that much of it.
        """
        raw = raw[: raw.rfind(b"\n", 0, heads.HEAD_BYTES_MAX) + 1]
        head = self._head_at(0, raw) if raw else None
        if head is None:
            return False
        kind = Request if head.method else Response
        if kind is not self._kind and not self._may_send(kind):
            return False
        message = kind(head, self._start_ns, seq, self._ack)
        self._note_oddities(message, head)
        message.add_problem(problem)
        self._before(kind)
        self._tell(message)
        return True

    def _give_up_message(self, problem: Problem) -> bool:
        """Ends what has begun, because no more of it will be read. Returns whether there is anything to tell of it."""
        self._join()
        buffer, self._buffer, self._scanned = self._buffer, b"", 0
        if self._is_early:
            self._end_early(buffer, problem)
            return True
        if self._message is not None:
            self._message.add_problem(problem)
            self._finish(is_whole=False)
            return True
        is_told = bool(buffer) and self._state == HEAD and self._begin_partial(buffer, self._seq, problem)
        if not is_told:
            self._talk.pass_by(len(buffer), is_opaque=False)
        return is_told

    def _seek(self, data: bytes, offset: int) -> int:
        """Reading goes on at the next message that can be proven.

        It must begin where a segment does, with a method that is registered, or where the other
        direction says that one begins; and have the start line of one.
        """
        boundary = self.peer.boundary
        at_boundary = distance(self._seq, boundary) if boundary is not None else 0
        for start in sorted({0, self._joined, at_boundary}):
            if offset <= start < len(data) and self._resumes(data, start):
                self._pass(data, offset, start)
                if self._message is not None:
                    self._finish(is_whole=False)
                self._state = HEAD
                return start if start > offset else self._read_head(data, start)
        if self._doubted is not None and not self._still_doubt(data[offset:]):
            return self._reject(data)
        self._pass(data, offset, len(data))
        return len(data)

    def _pass(self, data: bytes, start: int, end: int) -> None:
        """Bytes of which nothing is known: of the message that has no framing, or of none."""
        if self._keeper is not None:
            self._keeper.add(data[start:end])
        else:
            self._talk.pass_by(end - start, is_opaque=False)

    def _resumes(self, data: bytes, start: int) -> bool:
        line_end = data.find(b"\n", start)
        if line_end < 0:
            return self._may_become_head(data, start)
        is_likely = heads.may_begin(data, start) or self._is_at_boundary(start)
        return is_likely and self._is_head(data, start, line_end)

    def _probe(self, data: bytes, offset: int) -> int:
        """In a tunnel: HTTP, or nothing of ours."""
        start = len(data) - len(data[offset:].lstrip(b"\r\n"))
        if start > offset:  # an empty line too many behind the proxy's answer
            self._talk.pass_by(start - offset, is_opaque=True)
            return start
        if not heads.may_begin(data, offset):
            self._state = IGNORE
            return self._ignore(data, offset)
        if heads.is_short_start(data, offset):
            return MORE
        self._state = HEAD
        return self._read_head(data, offset)

    def _ignore(self, data: bytes, offset: int) -> int:
        self._talk.pass_by(len(data) - offset, is_opaque=True)
        return len(data)

"""The states of one direction of HTTP/1, and the table of the events that change them.

docs/http1.md shows the table. A state is a number. An event is a tuple: the next state, indexed by the present state,
as in `self._state = CHUNK_READ[self._state]`. In a state that the event does not name, it changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Event(NamedTuple):
    """A row of the table.

    Attributes:
        meaning: what has happened.
        moves: the next state, by the present state, for each state that the event changes.
    """

    meaning: str
    moves: Mapping[int, int]


STATES = {
    "HEAD": "reads a head, or waits for one",
    "LENGTH": "reads a body of known length",
    "CHUNK_SIZE": "reads the size line of a chunk",
    "CHUNK": "reads a chunk",
    "CHUNK_END": "reads the end of line behind a chunk",
    "TRAILER": "reads the fields behind the last chunk",
    "UNTIL_CLOSE": "reads a body that ends with the connection",
    "MAYBE_LENGTH": "looks whether a body of known length comes at all",
    "MAYBE_CHUNKS": "looks whether a chunked body comes at all",
    "MAYBE_UNTIL_CLOSE": "looks whether a body comes that ends with the connection",
    "SEEK": "does not know what the bytes mean, and looks for the next message",
    "PROBE": "looks whether HTTP is spoken in a tunnel",
    "SIMPLE": "reads the answer to a request of HTTP/0.9",
    "IGNORE": "reads nothing any more",
    "HANDED_OVER": "passes all bytes on to another protocol",
}
(
    HEAD,
    LENGTH,
    CHUNK_SIZE,
    CHUNK,
    CHUNK_END,
    TRAILER,
    UNTIL_CLOSE,
    MAYBE_LENGTH,
    MAYBE_CHUNKS,
    MAYBE_UNTIL_CLOSE,
    SEEK,
    PROBE,
    SIMPLE,
    IGNORE,
    HANDED_OVER,
) = range(len(STATES))

# the states in which it is not known whether a body comes
MAYBE = frozenset((MAYBE_LENGTH, MAYBE_CHUNKS, MAYBE_UNTIL_CLOSE))

EVENTS: dict[str, Event] = {}


def _event(name: str, meaning: str, moves: Mapping[int, int]) -> tuple[int, ...]:
    EVENTS[name] = Event(meaning, moves)
    return tuple(moves.get(state, state) for state in range(len(STATES)))


# heads
BODY_BY_LENGTH = _event("BODY_BY_LENGTH", "a head ends; its body has a length", {HEAD: LENGTH, SEEK: LENGTH})
BODY_IN_CHUNKS = _event("BODY_IN_CHUNKS", "a head ends; its body is chunked", {HEAD: CHUNK_SIZE, SEEK: CHUNK_SIZE})
BODY_UNTIL_CLOSE = _event(
    "BODY_UNTIL_CLOSE",
    "a response's head ends; nothing says how long its body is",
    {HEAD: UNTIL_CLOSE, SEEK: UNTIL_CLOSE},
)
FINISHED = _event(
    "FINISHED",
    "the message is over, whole or not",
    dict.fromkeys((LENGTH, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, UNTIL_CLOSE, *MAYBE, SEEK), HEAD),
)

# chunks
CHUNK_BEGINS = _event("CHUNK_BEGINS", "a size line ends", {CHUNK_SIZE: CHUNK})
CHUNK_READ = _event("CHUNK_READ", "the chunk's last byte passes", {CHUNK: CHUNK_END})
CHUNK_CLOSED = _event("CHUNK_CLOSED", "the end of line passes, or is left out", {CHUNK_END: CHUNK_SIZE})
LAST_CHUNK = _event("LAST_CHUNK", "a size line of 0 ends", {CHUNK_SIZE: TRAILER})

# bodies that may not come
BODY_IN_DOUBT = _event(
    "BODY_IN_DOUBT",
    "the request that a response answers is not known, or a response refuses the body that its request announces",
    {LENGTH: MAYBE_LENGTH, CHUNK_SIZE: MAYBE_CHUNKS, UNTIL_CLOSE: MAYBE_UNTIL_CLOSE},
)
BODY_COMES = _event(
    "BODY_COMES",
    "what comes is no other message",
    {MAYBE_LENGTH: LENGTH, MAYBE_CHUNKS: CHUNK_SIZE, MAYBE_UNTIL_CLOSE: UNTIL_CLOSE},
)

# losing the meaning of the bytes, and finding it again
LOST = _event("LOST", "bytes are missing, or are no message", dict.fromkeys((HEAD, CHUNK_SIZE, SIMPLE), SEEK))
DOUBTED = _event("DOUBTED", "what is no message may be meant for one: the other end will show it", {HEAD: SEEK})
FOUND = _event("FOUND", "a message begins", {SEEK: HEAD, PROBE: HEAD, SIMPLE: HEAD})

# HTTP/0.9
ASKED_SIMPLY = _event("ASKED_SIMPLY", "the other end asks in HTTP/0.9", {HEAD: SIMPLE})
ANSWERED_SIMPLY = _event("ANSWERED_SIMPLY", "the answer has no head", {SIMPLE: UNTIL_CLOSE})

# other protocols, and the end
TUNNELLED = _event("TUNNELLED", "CONNECT is answered with 2xx", dict.fromkeys((HEAD, SEEK, IGNORE), PROBE))
OVER = _event(
    "OVER",
    "the direction ends; a request of HTTP/0.9 is over; the connection is not HTTP; in a tunnel, something else comes",
    dict.fromkeys((HEAD, SEEK, PROBE, SIMPLE), IGNORE),
)
REPLACED = _event(
    "REPLACED",
    "another protocol goes on: by its first bytes, or after 101",
    dict.fromkeys((HEAD, SEEK, PROBE, IGNORE), HANDED_OVER),
)

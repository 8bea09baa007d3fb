"""The named oddities of messages and exchanges: the one list of them."""

from __future__ import annotations

from enum import Enum


class Problem(str, Enum):
    """What is odd about a message or an exchange. The value is its name in every output."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Problem:
        """Keeps the sentence that documents the name beside it."""
        self = str.__new__(cls, name)
        self._value_ = name
        self.meaning = meaning
        return self

    def __str__(self) -> str:
        return str(self.value)

    # a half is missing
    NO_RESPONSE = "no-response", "no final response to this request was seen"
    NO_REQUEST = "no-request", "no request was seen that this response answers"

    # why a message, or the wait for one, ended early
    CLOSED = "closed", "the sender closed the connection before the end"
    RESET = "reset", "the connection was reset"
    REPLACED = "replaced", "a new connection began with the same addresses and ports"
    IDLE = "idle", "the connection was silent for so long that it counts as gone"
    EVICTED = "evicted", "there was no more room or memory for its connection, or for more requests on it"
    CAPTURE_ENDED = "capture-ended", "the capture ended first"

    # bytes that are not there
    MID_STREAM = (
        "mid-stream",
        "the connection was open before the capture began, or, at system calls, had carried something else",
    )
    GAP = "gap", "bytes never came: lost on the way here, or for want of room in the ring"
    TRUNCATED = "truncated", "bytes were seen and not kept: the snap length, or a ring that was filling"
    RESYNCHRONISED = "resynchronised", "reading resumed here, after bytes whose meaning was lost"

    # what the sender did
    BAD_HEAD = "bad-head", "the head is malformed: what can be read of it is shown, and raw has its bytes"
    HEAD_TOO_LONG = "head-too-long", "the head has more bytes than are kept of one"
    BAD_LENGTH = "bad-length", "Content-Length is malformed, or says two things"
    BAD_FRAMING = (
        "bad-framing",
        "the fields that frame the body contradict one another: one of them was chosen",
    )
    BAD_CHUNK = "bad-chunk", "the chunked coding is broken, or there is none: the body was read up to there"
    BAD_CODING = "bad-coding", "the content does not decode as its Content-Encoding says"
    DECODED_LIMIT = "decoded-limit", "the content decodes to more bytes than are looked at"
    BODY_LIMIT = "body-limit", "there was no memory to keep more of the body"
    UNKNOWN_CODING = "unknown-coding", "Content-Encoding names a coding that is not known here: the body is as sent"
    UNEXPECTED_BODY = "unexpected-body", "bytes follow a response that has no body"
    BAD_UPGRADE = "bad-upgrade", "101 was sent, and neither side had named another protocol"
    BODY_NOT_SENT = "body-not-sent", "the server refused Expect: 100-continue, and the body was not sent"
    INTERIM_LIMIT = "interim-limit", "more informational responses came than are kept"
    EARLY_RESPONSE = "early-response", "the response began before the request had ended"
    CLIENT_CLOSED = "client-closed", "the client closed its end and had no response by then"
    LATE_RESPONSE = "late-response", "the response came after the client had closed its end"

"""The problems: named peculiarities of messages and exchanges."""

from __future__ import annotations

from enum import Enum


class Problem(str, Enum):
    """A peculiarity of a message or an exchange. The value is its name in every output."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Problem:
        """Stores the sentence that documents the name."""
        self = str.__new__(cls, name)
        self._value_ = name
        self.meaning = meaning
        return self

    def __str__(self) -> str:
        return str(self.value)

    # a half is missing
    NO_RESPONSE = "no-response", "no final response to this request was seen"
    NO_REQUEST = "no-request", "no request for this response was seen"

    # why a message, or the wait for one, ended early
    CLOSED = "closed", "the sender closed the connection before the end of the message"
    RESET = "reset", "the connection was reset"
    REPLACED = "replaced", "a new connection began with the same addresses and ports"
    IDLE = "idle", "the connection was silent for so long that it is treated as gone"
    EVICTED = "evicted", "there was no more memory for the connection, or there were too many requests on it"
    CAPTURE_ENDED = "capture-ended", "the capture ended first"

    # bytes that are not there
    MID_STREAM = (
        "mid-stream",
        "the connection was open before the capture began, or (at system calls) carried something else before",
    )
    INFLATE_LOST = (
        "inflate-lost",
        "the content cannot be decompressed, because it refers to messages that were missed",
    )
    GAP = "gap", "bytes never arrived: they were lost on the way, or the ring was full"
    TRUNCATED = (
        "truncated",
        "bytes were seen but not kept: because of the snap length, or because the ring was nearly full",
    )
    HEADERS_LOST = (
        "headers-lost",
        "fields of the head are not known, because bytes that they refer to were missed",
    )
    NO_SECRET = (
        "no-secret",
        "the TLS records that carry these bytes cannot be opened, because their secret is not known",
    )
    UNDECRYPTABLE = (
        "undecryptable",
        "the TLS records that carry these bytes do not open with the secret of the connection",
    )
    RESYNCHRONISED = "resynchronised", "parsing resumed here, after bytes that could not be understood"

    # how a stream ended
    STREAM_RESET = "stream-reset", "one end reset the stream"
    GOING_AWAY = "going-away", "the other end closes the connection and does not process this stream"

    # what the sender did
    BAD_FRAME = "bad-frame", "a frame or packet is malformed, or not allowed at its place"
    BAD_HEAD = "bad-head", "the head is malformed: what can be read is shown, and raw has all bytes"
    HEAD_TOO_LONG = "head-too-long", "the head is longer than the limit"
    BAD_LENGTH = "bad-length", "Content-Length is malformed, or has two different values"
    BAD_FRAMING = (
        "bad-framing",
        "the fields that frame the body contradict each other: one of them was chosen",
    )
    BAD_CHUNK = "bad-chunk", "the chunked coding is broken or absent: the body was read up to that point"
    BAD_CODING = "bad-coding", "the content is not encoded as Content-Encoding says"
    DECODED_LIMIT = "decoded-limit", "the decoded content is larger than the limit"
    BODY_LIMIT = "body-limit", "no memory was left to keep more of the body"
    UNKNOWN_CODING = "unknown-coding", "the Content-Encoding is unknown: the body is as sent"
    UNEXPECTED_BODY = "unexpected-body", "bytes follow a response that cannot have a body"
    BAD_UPGRADE = "bad-upgrade", "the server sent 101, but neither side named another protocol"
    BODY_NOT_SENT = "body-not-sent", "the server refused Expect: 100-continue, and the client did not send the body"
    INTERIM_LIMIT = "interim-limit", "there were more informational responses than the limit"
    EARLY_RESPONSE = "early-response", "the response began before the request had ended"
    CLIENT_CLOSED = "client-closed", "the client closed its end before a response came"
    LATE_RESPONSE = "late-response", "the response came after the client had closed its end"

"""The problems: named peculiarities of messages and exchanges."""

from __future__ import annotations

from enum import Enum


class Problem(str, Enum):
    """A peculiarity of a message or an exchange. The value is its name in every output."""

    meaning: str
    remedy: str

    def __new__(cls, name: str, meaning: str, remedy: str) -> Problem:
        """Stores the sentences that document the name: what it means, and what to do."""
        self = str.__new__(cls, name)
        self._value_ = name
        self.meaning = meaning
        self.remedy = remedy
        return self

    def __str__(self) -> str:
        return str(self.value)

    # a half is missing
    NO_RESPONSE = (
        "no-response",
        "no final response to this request was seen",
        "look at the server's log and at the next problem; a client with a short timeout gives up first",
    )
    NO_REQUEST = (
        "no-request",
        "no request for this response was seen",
        "begin the capture before the traffic; look at the ledger for losses",
    )

    # why a message, or the wait for one, ended early
    CLOSED = (
        "closed",
        "the sender closed the connection before the end of the message",
        "look at the sender's log: it ended early or crashed",
    )
    RESET = (
        "reset",
        "the connection was reset",
        "look at the log of the end that sent the reset; a proxy or a firewall between may have sent it",
    )
    REPLACED = (
        "replaced",
        "a new connection began with the same addresses and ports",
        "nothing, if clients reuse ports quickly; the end of the earlier connection was not seen",
    )
    IDLE = (
        "idle",
        "the connection was silent for so long that it is treated as gone",
        "nothing, unless the peers still talk: then the packets in between were not seen",
    )
    EVICTED = (
        "evicted",
        "there was no more memory for the connection, or there were too many requests on it",
        "raise --memory",
    )
    CAPTURE_ENDED = (
        "capture-ended",
        "the capture ended first",
        "capture for longer",
    )

    # bytes that are not there
    MID_STREAM = (
        "mid-stream",
        "the connection was open before the capture began, or (at system calls) carried something else before",
        "begin the capture before the connection, or restart one of its ends",
    )
    INFLATE_LOST = (
        "inflate-lost",
        "the content cannot be decompressed, because it refers to messages that were missed",
        "begin the capture before the connection",
    )
    GAP = (
        "gap",
        "bytes never arrived: they were lost on the way, or the ring was full",
        "look at the ledger: if the ring was full, raise -B or narrow the capture; else the network lost packets",
    )
    TRUNCATED = (
        "truncated",
        "bytes were seen but not kept: because of the snap length, or because the ring was nearly full",
        "raise -s or -B, or narrow the capture",
    )
    HEADERS_LOST = (
        "headers-lost",
        "fields of the head are not known, because bytes that they refer to were missed",
        "begin the capture before the connection",
    )
    NO_SECRET = (
        "no-secret",
        "the TLS records that carry these bytes cannot be opened, because their secret is not known",
        "use --tls or --keylog before the connection begins",
    )
    UNDECRYPTABLE = (
        "undecryptable",
        "the TLS records that carry these bytes do not open with the secret of the connection",
        "check that the key log belongs to this traffic, and look at the ledger for losses",
    )
    RESYNCHRONISED = (
        "resynchronised",
        "parsing resumed here, after bytes that could not be understood",
        "look at the problems before it on this connection",
    )

    # how a stream ended
    STREAM_RESET = (
        "stream-reset",
        "one end reset the stream",
        "look at the error code: the end that reset the stream says why",
    )
    GOING_AWAY = (
        "going-away",
        "the other end closes the connection and does not process this stream",
        "repeat the request on a new connection",
    )

    # what the sender did
    BAD_FRAME = (
        "bad-frame",
        "a frame or packet is malformed, or not allowed at its place",
        "correct the sender",
    )
    BAD_HEAD = (
        "bad-head",
        "the head is malformed: what can be read is shown, and raw has all bytes",
        "correct the sender; save the head and compare it with RFC 9112",
    )
    HEAD_TOO_LONG = (
        "head-too-long",
        "the head is longer than the limit",
        "send fewer or shorter fields, such as cookies",
    )
    BAD_LENGTH = (
        "bad-length",
        "Content-Length is malformed, or has two different values",
        "correct the sender: servers and proxies may read such a message in different ways",
    )
    BAD_FRAMING = (
        "bad-framing",
        "the fields that frame the body contradict each other: one of them was chosen",
        "correct the sender: servers and proxies may read such a message in different ways",
    )
    BAD_CHUNK = (
        "bad-chunk",
        "the chunked coding is broken or absent: the body was read up to that point",
        "correct the sender, or look for a connection that ended early",
    )
    BAD_CODING = (
        "bad-coding",
        "the content is not encoded as Content-Encoding says",
        "correct the sender: its Content-Encoding or its compression is wrong",
    )
    DECODED_LIMIT = (
        "decoded-limit",
        "the decoded content is larger than the limit",
        "nothing: the sizes are right, and the first bytes are kept",
    )
    BODY_LIMIT = (
        "body-limit",
        "no memory was left to keep more of the body",
        "raise --memory, or keep less of each body: --body",
    )
    UNKNOWN_CODING = (
        "unknown-coding",
        "the Content-Encoding is unknown: the body is as sent",
        "let the client not ask for this coding: Accept-Encoding",
    )
    UNEXPECTED_BODY = (
        "unexpected-body",
        "bytes follow a response that cannot have a body",
        "correct the server: clients may read these bytes as the next response",
    )
    BAD_UPGRADE = (
        "bad-upgrade",
        "the server sent 101, but neither side named another protocol",
        "correct the server: 101 is the answer to a request with Upgrade",
    )
    BODY_NOT_SENT = (
        "body-not-sent",
        "the server refused Expect: 100-continue, and the client did not send the body",
        "nothing: this is what Expect is for; the status says why the server refused",
    )
    INTERIM_LIMIT = (
        "interim-limit",
        "there were more informational responses than the limit",
        "look at why the server sends so many",
    )
    EARLY_RESPONSE = (
        "early-response",
        "the response began before the request had ended",
        "nothing, if the status is an error: servers refuse uploads in this way",
    )
    CLIENT_CLOSED = (
        "client-closed",
        "the client closed its end before a response came",
        "look for a timeout or a cancellation in the client",
    )
    LATE_RESPONSE = (
        "late-response",
        "the response came after the client had closed its end",
        "look at why the server took longer than the client waited",
    )

"""Recognises a protocol by first bytes that are not always the same."""

from __future__ import annotations

import re
from functools import cached_property

from sockfilter.protocols.interface import TooFewBytes


class FirstForm:
    """The form in which an end begins. Few captures need it, so that it is compiled when it is first used.

    Args:
        pieces: regular expressions, each of which matches one byte or a number of bytes of the same kind.
    """

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    @cached_property
    def _whole(self) -> re.Pattern[bytes]:
        return re.compile(b"".join(self._pieces), re.DOTALL)

    @cached_property
    def _part(self) -> re.Pattern[bytes]:
        """The whole form, or its beginning."""
        part = b""
        for piece in reversed(self._pieces):
            part = b"(?:" + piece + part + b")?"
        return re.compile(part, re.DOTALL)

    def match(self, data: bytes) -> bool:
        """Whether bytes begin in this form.

        Raises:
            TooFewBytes: more bytes are needed.
        """
        if self._whole.match(data):
            return True
        if self._part.fullmatch(data):
            raise TooFewBytes
        return False


def letters(text: str) -> tuple[bytes, ...]:
    """The pieces for a text in this case."""
    return tuple(re.escape(char).encode() for char in text)


def any_case(text: str) -> tuple[bytes, ...]:
    """The pieces for a text in any case."""
    return tuple(f"[{char.upper()}{char.lower()}]".encode() for char in text)


# MQTT 5.0, 3.1.1 and 3.1.2.1: the type, the length, and the name of the protocol with its own length
_MQTT = (rb"\x10", rb"[\x80-\xff]{0,3}", rb"[\x00-\x7f]", rb"\x00")
MQTT_CONNECT = (
    FirstForm(*_MQTT, rb"\x04", *letters("MQTT")),
    FirstForm(*_MQTT, rb"\x06", *letters("MQIsdp")),  # MQTT 3.1, 3.1
)
# MQTT 5.0, 3.12 and 3.13: PINGREQ or PINGRESP, and nothing else. It shows a connection that was open before.
MQTT_PING = FirstForm(rb"[\xc0\xd0]", rb"\x00", rb"\Z")
MQTT = (*MQTT_CONNECT, MQTT_PING)
# RFC 5321, 4.1.1.1 and 4.2; RFC 2033, 4.1 (LMTP). A server of FTP begins as a server of SMTP does.
SMTP = (
    FirstForm(*any_case("EHLO"), b" "),
    FirstForm(*any_case("HELO"), b" "),
    FirstForm(*any_case("LHLO"), b" "),
    FirstForm(*letters("220"), b"[ -]"),
)
# https://www.rabbitmq.com/amqp-0-9-1-reference.html; 0-9 differs from it in what nobody uses any more
AMQP = b"AMQP\0\0\x09\x01"
# RFC 8446, 4 and 5.1: a ClientHello, or a ServerHello if that was missed; application data, of a connection that was
# open before
_TLS_LENGTH = (rb"[\x00-\x48]", rb"[\x00-\xff]")
TLS = (
    FirstForm(rb"\x16", rb"\x03", rb"[\x00-\x04]", *_TLS_LENGTH, rb"[\x01\x02]", rb"\x00"),
    FirstForm(rb"\x17", rb"\x03", rb"[\x01-\x04]", *_TLS_LENGTH),
)

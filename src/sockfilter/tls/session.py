"""What both directions of a TLS connection share: what the hellos agreed on, and the secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.secret import CLIENT_RANDOM
from sockfilter.model.tls import Tls
from sockfilter.tls import hellos
from sockfilter.tls.opening import can_open, openers_of_master, traffic_opener
from sockfilter.tls.schedule import TLS13
from sockfilter.tls.suites import suite_of

if TYPE_CHECKING:
    from sockfilter.tls.opening import Opener
    from sockfilter.tls.store import Handshake
    from sockfilter.tls.suites import Suite

VERSION_NAMES = {0x0301: "1.0", 0x0302: "1.1", 0x0303: "1.2", 0x0304: "1.3"}
# versions of the drafts of TLS 1.3 (RFC 8446, 4.2.1.3 of draft 28)
DRAFTS = 0x7F


class TlsSession:
    """The state of the handshake.

    Attributes:
        client_end: the end that sent the ClientHello; None until it is known.
        client, server: the hellos; None until they came.
        version, suite: what the server chose; None until it is known.
        alpn: the protocol that the server chose.
        is_early_taken: whether the server took the early data; None if not known.
        is_full: whether the server has sent what a resumed handshake of TLS 1.2 does not have.
        handshake: the secrets, once they are known.
        is_suite_named: whether the suite is this one for sure, and not another that protects records in the same way.
        is_proven: whether a tag has shown that the secrets belong to the connection.
        was_opened_by: where the secrets of the first handshake come from.
    """

    __slots__ = (
        "alpn",
        "client",
        "client_end",
        "handshake",
        "is_early_taken",
        "is_full",
        "is_proven",
        "is_suite_named",
        "server",
        "suite",
        "version",
    )

    def __init__(self) -> None:
        self.client_end: int | None = None
        self.client: hellos.ClientHello | None = None
        self.server: hellos.ServerHello | None = None
        self.version: int | None = None
        self.suite: Suite | None = None
        self.alpn: str | None = None
        self.is_early_taken: bool | None = None
        self.is_full = False
        self.handshake: Handshake | None = None
        self.is_proven = False
        self.is_suite_named = True

    @property
    def is_tls13(self) -> bool:
        """Whether the server chose TLS 1.3."""
        return self.version is not None and self.version >= TLS13

    @property
    def has_early_data(self) -> bool:
        """Whether the client has announced early data."""
        return self.client is not None and self.client.has_early_data

    def note(self, end: int, kind: int, content: bytes) -> None:
        """Takes a handshake message of an end."""
        if kind == hellos.CLIENT_HELLO:
            hello = hellos.client_hello(content)
            if hello is not None and self.client_end in (None, end):
                self._begin(end, hello)
        elif kind == hellos.SERVER_HELLO:
            answer = hellos.server_hello(content)
            if answer is not None and self.client_end in (None, 1 - end):
                self.client_end = 1 - end
                self._answer(answer)
        elif kind == hellos.ENCRYPTED_EXTENSIONS and self.is_tls13:
            extensions = hellos.encrypted_extensions(content)
            self.alpn = hellos.chosen_protocol(extensions)
            if self.is_early_taken is None:
                self.is_early_taken = hellos.EARLY_DATA in extensions
        elif kind == hellos.SERVER_HELLO_DONE:
            self.is_full = True

    def _begin(self, end: int, hello: hellos.ClientHello) -> None:
        self.client_end = end
        if self.client is None or self.client.random != hello.random:  # the same after a HelloRetryRequest
            self.handshake = None
            self.server = None
            self.is_full = False
            self.client = hello
            self.is_early_taken = None if hello.has_early_data else False

    def _answer(self, hello: hellos.ServerHello) -> None:
        if hello.is_retry:
            self.is_early_taken = False  # RFC 8446, 4.2.10
            return
        self.server = hello
        self.version = TLS13 if hello.version >> 8 == DRAFTS else hello.version
        self.suite = suite_of(hello.suite)
        if not self.is_tls13:
            self.alpn = hellos.chosen_protocol(hello.extensions)
        if hellos.PRE_SHARED_KEY not in hello.extensions:
            self.is_early_taken = False

    def join(self, version: int, suite: Suite, is_named: bool) -> None:
        """Notes what has opened a record of a connection whose hellos were not seen.

        Args:
            version: the version.
            suite: the suite.
            is_named: whether it is this suite, and not another one that protects records in the same way.
        """
        self.version, self.suite, self.is_suite_named = version, suite, is_named

    @property
    def resumed(self) -> bool | None:
        """Whether an earlier session was resumed; None if not known."""
        if self.server is None:
            return None
        if self.is_tls13:
            return hellos.PRE_SHARED_KEY in self.server.extensions
        return not self.is_full

    def secret(self, label: str) -> bytes | None:
        """The secret with a label; None if it is not known."""
        return None if self.handshake is None else self.handshake.secrets.get(label)

    def opener(self, label: str, end: int, handshake: Handshake | None = None) -> Opener | None:
        """The opener of the records that an end protects with a secret. None if the secret or the suite is not known.

        Args:
            label: the label of the secret.
            end: the end.
            handshake: the secrets to use. None: those of the session.
        """
        known = handshake or self.handshake
        secret, suite = None if known is None else known.secrets.get(label), self.suite
        if known is None or secret is None or suite is None or not can_open(suite):
            return None
        if label != CLIENT_RANDOM:
            return _traffic_opener(known, label, suite, secret) if suite.is_tls13 else None
        if self.client is None or self.server is None or self.version is None or suite.is_tls13:
            return None
        is_mac_last = hellos.ENCRYPT_THEN_MAC in self.server.extensions
        randoms = self.client.random, self.server.random
        return openers_of_master(suite, self.version, secret, randoms, is_mac_last)[end != self.client_end]

    def tls(self) -> Tls:
        """What is known, for the user."""
        version = None if self.version is None else VERSION_NAMES.get(self.version, f"0x{self.version:04x}")
        if not self.is_suite_named:
            suite = None
        elif self.suite is not None:
            suite = self.suite.name
        else:
            suite = None if self.server is None else f"0x{self.server.suite:04X}"
        return Tls(
            version,
            suite,
            self.alpn,
            None if self.client is None else self.client.sni,
            self.resumed,
            "" if self.handshake is None else self.handshake.origin,
        )


def _traffic_opener(handshake: Handshake, label: str, suite: Suite, secret: bytes) -> Opener:
    """The opener for a secret. It is kept while the handshake may be tried on further connections."""
    if handshake.is_linked:
        return traffic_opener(suite, secret)
    made = handshake.openers.get((label, suite.number))
    if made is None:
        made = handshake.openers[label, suite.number] = traffic_opener(suite, secret)
    return made

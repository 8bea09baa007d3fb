"""Opens records: decrypts them, and checks their tag or MAC. Each opener has the keys of one direction.

It is done in C with the system's libcrypto. Where that is missing or has no such cipher, the same openers in Python
take its place, which use the package cryptography. It takes 0.1 s to import, so it is imported only then.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from sockfilter.errors import LibbpfMissing
from sockfilter.tls.records import HEADER_BYTES
from sockfilter.tls.schedule import TLS10, key_block
from sockfilter.tls.suites import BLOCK_BYTES, Cipher

if TYPE_CHECKING:
    from types import ModuleType

    from sockfilter.tls.suites import Suite

native: ModuleType | None
try:
    from sockfilter.tls import openers_native as native
except LibbpfMissing:
    native = None
if native is not None and not native.is_possible():
    native = None
if native is None:
    with suppress(ImportError):
        import sockfilter.tls.openers  # noqa: F401  # now, because its files may not be readable later

# bytes of the part of a nonce that the key block has (RFC 5288, 3)
SALT_BYTES = 4
# the content, without types; how many records were opened; how many bytes they have; their type
Run = tuple[bytes, int, int, int]


class Opener(Protocol):
    """Opens the records of one direction.

    Attributes:
        overhead: bytes of a record beside its content, with its header, and with the least padding.
        is_exact: whether the overhead is the same for all records that are not padded on purpose.
        is_sized: whether the header of each record tells how much it carries: with an AEAD before TLS 1.3.
    """

    overhead: int
    is_exact: bool
    is_sized: bool

    def open(self, header: bytes, body: bytes, number: int) -> bytes | None:
        """Returns the content; None if the tag is wrong.

        Args:
            header: the header of the record.
            body: what follows it.
            number: the number of the record under these keys, from 0.
        """

    def open_run(self, data: bytes, number: int) -> Run:
        """Opens the records at the beginning of bytes whose header has the type of application data, as long as
        nothing is unusual: they are complete, open in their order, are not padded, and have the same type.

        Args:
            data: the bytes.
            number: the number of the first record.
        """


def is_possible() -> bool:
    """Whether records can be opened here."""
    from importlib.util import find_spec

    return native is not None or find_spec("cryptography") is not None


def can_open(suite: Suite | None) -> bool:
    """Whether records of a suite can be opened."""
    return suite is not None and suite.cipher is not Cipher.UNREAD


class ClosedOpener:
    """Opens nothing: neither libcrypto nor the package cryptography has the cipher."""

    overhead, is_exact, is_sized = HEADER_BYTES, False, False

    def open(self, header: bytes, body: bytes, number: int) -> bytes | None:
        """See Opener.open()."""
        return None

    def open_run(self, data: bytes, number: int) -> Run:
        """See Opener.open_run()."""
        return b"", 0, 0, 0


def traffic_opener(suite: Suite, secret: bytes) -> Opener:
    """The opener of records of TLS 1.3 that a traffic secret protects."""
    return _made("tls13_opener", suite, secret)


def openers_of_master(
    suite: Suite, version: int, master: bytes, randoms: tuple[bytes, bytes], is_mac_last: bool
) -> tuple[Opener, Opener]:
    """The openers of the client's and the server's records in TLS 1.2 and before.

    Args:
        suite: the suite.
        version: of the ServerHello.
        master: the master secret.
        randoms: those of the client and of the server.
        is_mac_last: whether both ends agreed on RFC 7366.
    """
    is_cbc = suite.cipher is Cipher.CBC
    mac_bytes = suite.tag_bytes if is_cbc else 0
    if is_cbc:
        iv_bytes = BLOCK_BYTES[suite.block]
    else:
        iv_bytes = 12 if suite.cipher is Cipher.CHACHA20 else SALT_BYTES
    sizes = (mac_bytes, mac_bytes, suite.key_bytes, suite.key_bytes, iv_bytes, iv_bytes)
    block = key_block(version, suite.hash, master, randoms[1] + randoms[0], sum(sizes))
    parts, at = [], 0
    for size in sizes:
        parts.append(block[at : at + size])
        at += size
    if is_cbc:
        made = [
            _made("cbc_opener", suite, version == TLS10, (parts[i], parts[i + 2], parts[i + 4]), is_mac_last)
            for i in (0, 1)
        ]
    else:
        made = [_made("tls12_opener", suite, parts[i + 2], parts[i + 4]) for i in (0, 1)]
    return made[0], made[1]


def _made(name: str, *arguments: Any) -> Opener:
    """Makes an opener with a function that both modules have."""
    made: Opener | None = None if native is None else getattr(native, name)(*arguments)
    if made is not None:
        return made
    try:
        from sockfilter.tls import openers
    except ImportError:
        return ClosedOpener()
    made = getattr(openers, name)(*arguments)
    assert made is not None  # the package has all ciphers
    return made

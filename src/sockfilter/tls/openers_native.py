"""Opens records in C, with libcrypto: see opening.py."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sockfilter.libbpf import binding
from sockfilter.tls.records import HEADER_BYTES
from sockfilter.tls.suites import BLOCK_BYTES, Cipher

if TYPE_CHECKING:
    from sockfilter.tls.suites import Suite

# measured: bytes of memory that an opener takes in libcrypto
OPENER_BYTES = 2048
# bytes of a nonce in front of a record of TLS 1.2 (RFC 5288, 3)
EXPLICIT_BYTES = 8

# raises LibbpfMissing
_ffi, _lib = binding.load()
_open, _open_run, _unpack = _lib.sf_opener_open, _lib.sf_opener_open_run, _ffi.unpack


@cache
def is_possible() -> bool:
    """Whether the system has a libcrypto that opens records. This also loads what it needs."""
    return bool(_lib.sf_opener_new(_lib.SF_OPENER_AEAD, 0, b"aes-128-gcm", bytes(16), b"", 0, 16, 0, b"", b""))


@cache
def _names(suite: Suite) -> tuple[int, bytes, bytes]:
    """How an AEAD is used, and libcrypto's names of a suite's cipher, and of the hash of its key schedule."""
    mode = _lib.SF_OPENER_CCM if suite.cipher is Cipher.CCM else _lib.SF_OPENER_AEAD
    name = f"{suite.block}-{suite.key_bytes * 8}-{suite.cipher.name}".lower()
    if suite.cipher is Cipher.CHACHA20:
        name = "chacha20-poly1305"
    elif suite.block == "3DES":
        name = "des-ede3-cbc"
    return mode, name.encode(), suite.hash.encode()


class NativeOpener:
    """See Opener.

    Args:
        opener: of C.
        overhead: bytes of a record beside its content.
        is_exact: whether the overhead is the same for all records that are not padded on purpose.
        is_sized: whether no record is padded.
    """

    __slots__ = ("_opener", "is_exact", "is_sized", "overhead")

    def __init__(self, opener: object, overhead: int, is_exact: bool, is_sized: bool) -> None:
        self._opener = _ffi.gc(opener, _lib.sf_opener_free, OPENER_BYTES)
        self.overhead, self.is_exact, self.is_sized = HEADER_BYTES + overhead, is_exact, is_sized

    def open(self, header: bytes, body: bytes, number: int) -> bytes | None:
        """See Opener.open()."""
        opened = _open(self._opener, header, body, len(body), number)
        return _unpack(opened.content, opened.content_len) if opened else None

    def open_run(self, data: bytes, number: int) -> tuple[bytes, int, int, int]:
        """See Opener.open_run()."""
        opened = _open_run(self._opener, data, len(data), number)
        if not opened:
            raise MemoryError
        return _unpack(opened.content, opened.content_len), opened.records, opened.taken, opened.kind


def tls13_opener(suite: Suite, secret: bytes) -> NativeOpener | None:
    """The opener of records of TLS 1.3 that a traffic secret protects. None: libcrypto has no such cipher."""
    mode, name, digest = _names(suite)
    made = _lib.sf_opener_new_tls13(mode, name, suite.key_bytes, suite.tag_bytes, digest, secret, len(secret))
    return NativeOpener(made, suite.tag_bytes + 1, True, False) if made else None


def tls12_opener(suite: Suite, key: bytes, iv: bytes) -> NativeOpener | None:
    """The opener of records of TLS 1.2 with an AEAD. None: libcrypto has no such cipher."""
    if suite.cipher is Cipher.CHACHA20:
        return _of_aead(suite, key, iv, 0, 0)
    return _of_aead(suite, key, iv, _lib.SF_OPENER_EXPLICIT, EXPLICIT_BYTES)


def _of_aead(suite: Suite, key: bytes, iv: bytes, flags: int, more: int) -> NativeOpener | None:
    mode, name, _ = _names(suite)
    made = _lib.sf_opener_new(mode, flags, name, key, iv, len(iv), suite.tag_bytes, 0, b"", b"")
    return NativeOpener(made, suite.tag_bytes + more, True, True) if made else None


def cbc_opener(
    suite: Suite, is_chained: bool, keys: tuple[bytes, bytes, bytes], is_mac_last: bool
) -> NativeOpener | None:
    """The opener of records with CBC. None: libcrypto has no such cipher.

    Args:
        suite: the suite.
        is_chained: whether the last block of a record is the IV of the next, as in TLS 1.0.
        keys: of the MAC, of the cipher, and the first IV.
        is_mac_last: whether the MAC is that of the encrypted content (RFC 7366).
    """
    mac_key, key, iv = keys
    block_bytes = BLOCK_BYTES[suite.block]
    flags = _lib.SF_OPENER_CHAINED * is_chained | _lib.SF_OPENER_MAC_LAST * is_mac_last
    made = _lib.sf_opener_new(
        *(_lib.SF_OPENER_CBC, flags, _names(suite)[1], key, iv, len(iv), suite.tag_bytes, block_bytes),
        *(suite.mac.encode(), mac_key),
    )
    explicit_bytes = 0 if is_chained else block_bytes
    return NativeOpener(made, explicit_bytes + suite.tag_bytes + 1, False, False) if made else None

"""Opens the records of all suites in Python, with the package cryptography: see opening.py."""

from __future__ import annotations

import hmac
from struct import Struct
from typing import TYPE_CHECKING, Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher as Ciphering
from cryptography.hazmat.primitives.ciphers import aead, algorithms, modes

from sockfilter.tls.records import APPLICATION_DATA, HEADER_BYTES, USUAL_HEADER
from sockfilter.tls.schedule import traffic_keys
from sockfilter.tls.suites import BLOCK_BYTES, Cipher

try:
    from cryptography.hazmat.decrepit.ciphers import algorithms as old
except ImportError:  # before version 43
    old = algorithms  # type: ignore[misc]  # a module in place of another

if TYPE_CHECKING:
    from sockfilter.tls.suites import Suite

# record number, type, version and length of the content (RFC 5246, 6.2.3.3)
_ASSOCIATED = Struct(">Q3sH")
# bytes of a nonce in front of a record of TLS 1.2 (RFC 5288, 3)
EXPLICIT_BYTES = 8


class Aead(Protocol):
    """A cipher of the package cryptography."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Raises InvalidTag."""


def _aead(suite: Suite, key: bytes) -> Aead:
    if suite.cipher is Cipher.CHACHA20:
        return aead.ChaCha20Poly1305(key)
    if suite.cipher is Cipher.CCM:
        return aead.AESCCM(key, tag_length=suite.tag_bytes)
    if suite.block == "CAMELLIA":
        return _CamelliaGcm(key)
    return aead.AESGCM(key)


class _CamelliaGcm:
    """GCM with a block cipher for which the package has no class of its own."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Raises InvalidTag."""
        decryptor: Any = Ciphering(_block_cipher("CAMELLIA", self._key), modes.GCM(nonce, data[-16:])).decryptor()
        decryptor.authenticate_additional_data(associated_data or b"")
        return bytes(decryptor.update(data[:-16]) + decryptor.finalize())


class PythonOpener:
    """What the openers have in common: see Opener."""

    __slots__ = ()

    is_tls13 = is_sized = False

    def open(self, header: bytes, body: bytes, number: int) -> bytes | None:
        """See Opener.open()."""
        raise NotImplementedError

    def open_run(self, data: bytes, number: int) -> tuple[bytes, int, int, int]:
        """See Opener.open_run()."""
        at, size, records, kind = 0, len(data), 0, APPLICATION_DATA
        parts = []
        while data[at : at + 3] == USUAL_HEADER and at + HEADER_BYTES <= size:
            start = at + HEADER_BYTES
            end = start + (data[at + 3] << 8 | data[at + 4])
            if end > size:
                break
            content = self.open(data[at:start], data[start:end], number + records)
            if content is None:
                break
            if self.is_tls13:
                its = content[-1] if content else 0
                if not its or (records and its != kind):
                    break
                kind, content = its, content[:-1]
            parts.append(content)
            records, at = records + 1, end
        return b"".join(parts), records, at, kind


class Tls13Opener(PythonOpener):
    """Records of TLS 1.3 (RFC 8446, 5.2). The content is followed by its type, and by zeros.

    Args:
        suite: the suite.
        secret: the traffic secret.
    """

    __slots__ = ("_decrypt", "_iv", "overhead")

    is_exact = is_tls13 = True

    def __init__(self, suite: Suite, secret: bytes) -> None:
        key, iv = traffic_keys(suite.hash, secret, suite.key_bytes)
        self._decrypt = _aead(suite, key).decrypt
        self._iv = int.from_bytes(iv, "big")
        self.overhead = HEADER_BYTES + 1 + suite.tag_bytes

    def open(self, header: bytes, body: bytes, number: int) -> bytes | None:
        """See Opener.open()."""
        try:
            return self._decrypt((self._iv ^ number).to_bytes(12, "big"), body, header)
        except (InvalidTag, ValueError):  # ValueError: fewer bytes than a tag has
            return None


class Tls12Opener(PythonOpener):
    """Records of TLS 1.2 with GCM (RFC 5288), CCM (RFC 6655) or ChaCha20-Poly1305 (RFC 7905)."""

    __slots__ = ("_decrypt", "_explicit", "_iv", "_salt", "_tag_bytes", "overhead")

    is_exact = is_sized = True

    def __init__(self, suite: Suite, key: bytes, iv: bytes) -> None:
        self._decrypt = _aead(suite, key).decrypt
        self._salt = iv
        self._iv = int.from_bytes(iv, "big")
        self._explicit = 0 if suite.cipher is Cipher.CHACHA20 else EXPLICIT_BYTES
        self._tag_bytes = suite.tag_bytes
        self.overhead = HEADER_BYTES + self._explicit + suite.tag_bytes

    def open(self, header: bytes, body: bytes, number: int) -> bytes | None:
        """See Opener.open()."""
        size = len(body) - self._explicit - self._tag_bytes
        if size < 0:
            return None
        nonce = self._salt + body[:EXPLICIT_BYTES] if self._explicit else (self._iv ^ number).to_bytes(12, "big")
        try:
            return self._decrypt(nonce, body[self._explicit :], _ASSOCIATED.pack(number, header[:3], size))
        except (InvalidTag, ValueError):
            return None


def _block_cipher(block: str, key: bytes) -> Any:
    if block == "AES":
        return algorithms.AES(key)
    name = {"CAMELLIA": "Camellia", "3DES": "TripleDES"}[block]
    # they were moved one after the other, from version 43 on, and the old place warns
    return getattr(old if hasattr(old, name) else algorithms, name)(key)


class CbcOpener(PythonOpener):
    """Records with CBC and a MAC before or after encryption (RFC 5246, 6.2.3.2; RFC 7366).

    In TLS 1.0 the last block of a record is the IV of the next: such records open in their order alone.

    Args:
        suite: the suite.
        is_chained: whether the last block of a record is the IV of the next, as in TLS 1.0.
        keys: of the MAC, of the cipher, and the first IV.
        is_mac_last: whether the MAC is that of the encrypted content (RFC 7366).
    """

    __slots__ = ("_block_bytes", "_iv", "_key", "_mac", "_mac_bytes", "_mac_key", "_mac_last", "overhead")

    is_exact = False

    def __init__(self, suite: Suite, is_chained: bool, keys: tuple[bytes, bytes, bytes], is_mac_last: bool) -> None:
        self._mac_key, key, iv = keys
        self._key = _block_cipher(suite.block, key)
        self._mac, self._mac_bytes, self._mac_last = suite.mac, suite.tag_bytes, is_mac_last
        self._block_bytes = BLOCK_BYTES[suite.block]
        self._iv = iv if is_chained else b""
        explicit = 0 if self._iv else self._block_bytes
        self.overhead = HEADER_BYTES + explicit + suite.tag_bytes + 1

    def open(self, header: bytes, body: bytes, number: int) -> bytes | None:
        """See Opener.open()."""
        sealed, mac = (body[: -self._mac_bytes], body[-self._mac_bytes :]) if self._mac_last else (body, b"")
        if self._mac_last and not self._is_mac(mac, number, header, sealed):
            return None
        iv, content = (self._iv, sealed) if self._iv else (sealed[: self._block_bytes], sealed[self._block_bytes :])
        if not content or len(content) % self._block_bytes:
            return None
        plain = self._decrypted(iv, content)
        if self._iv:
            self._iv = content[-self._block_bytes :]
        padding = plain[-1] + 1
        size = len(plain) - padding - (0 if self._mac_last else self._mac_bytes)
        if size < 0 or plain[-padding:].count(padding - 1) != padding:
            return None
        if not self._mac_last and not self._is_mac(plain[size : size + self._mac_bytes], number, header, plain[:size]):
            return None
        return plain[:size]

    def _is_mac(self, mac: bytes, number: int, header: bytes, data: bytes) -> bool:
        made = hmac.digest(self._mac_key, _ASSOCIATED.pack(number, header[:3], len(data)) + data, self._mac)
        return hmac.compare_digest(made, mac)

    def _decrypted(self, iv: bytes, data: bytes) -> bytes:
        decryptor = Ciphering(self._key, modes.CBC(iv)).decryptor()
        return bytes(decryptor.update(data) + decryptor.finalize())


# as openers_native.py names them
tls13_opener, tls12_opener, cbc_opener = Tls13Opener, Tls12Opener, CbcOpener

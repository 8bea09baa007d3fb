"""TLS 1.3 record by record, with secrets that are made up: what OpenSSL says only rarely can be said at will."""

from __future__ import annotations

from random import Random
from struct import pack
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import aead

from sockfilter.model import secret as secrets
from sockfilter.model.secret import Secret
from sockfilter.tls.schedule import next_secret, traffic_keys
from sockfilter.tls.suites import HASH_BYTES, Cipher, suite_of
from tests.support.talk import CLIENT, SERVER

if TYPE_CHECKING:
    from sockfilter.tls.store import SecretStore
    from tests.support.talk import Said

HANDSHAKE, DATA, ALERT = 22, 23, 21
FINISHED = b"\x14\0\0\x20" + bytes(32)
END_OF_EARLY_DATA = b"\x05\0\0\0"
KEY_UPDATE = b"\x18\0\0\1\0"
TICKET = b"\x04\0\0\x0a" + bytes(10)
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
HANDSHAKE_LABELS = (secrets.CLIENT_HANDSHAKE, secrets.SERVER_HANDSHAKE)
TRAFFIC_LABELS = (secrets.CLIENT_TRAFFIC, secrets.SERVER_TRAFFIC)
# in an order in which a library reports them
LABELS = (secrets.CLIENT_EARLY, *HANDSHAKE_LABELS, *TRAFFIC_LABELS)


def record(kind: int, content: bytes, version: int = 0x0303) -> bytes:
    return pack(">BHH", kind, version, len(content)) + content


def message(kind: int, content: bytes) -> bytes:
    return bytes((kind,)) + len(content).to_bytes(3, "big") + content


def extension(kind: int, content: bytes) -> bytes:
    return pack(">HH", kind, len(content)) + content


class Scripted:
    """A connection under construction: what its ends say is in said.

    suite: the number of the suite.
    seed: of all random bytes.
    """

    def __init__(self, suite: int = 0x1301, seed: int = 1) -> None:
        found = suite_of(suite)
        assert found is not None
        self.suite = found
        random = Random(seed)
        self.random = random.randbytes(32)
        size = HASH_BYTES[found.hash]
        self.secrets = {label: random.randbytes(size) for label in LABELS}
        self.said: list[Said] = []
        self._labels = ["", ""]
        self._current = [b"", b""]
        self._numbers = [0, 0]

    def add_to(self, store: SecretStore, *labels: str, **more: object) -> SecretStore:
        """Gives the secrets to a store: those with these labels, or all."""
        for label in labels or self.secrets:
            random = b"" if more else self.random
            store.add(Secret(label, self.secrets[label], random, **more))  # type: ignore[arg-type]  # passed on
        return store

    def say(self, end: int, data: bytes) -> Scripted:
        self.said.append((end, data))
        return self

    def hello(self, *, early: bool = False, name: bytes = b"shop.test") -> Scripted:
        """A ClientHello. early: it announces early data."""
        names = extension(0, pack(">HBH", len(name) + 3, 0, len(name)) + name)
        extensions = names + extension(43, b"\x02\x03\x04") + (extension(42, b"") if early else b"")
        content = b"\x03\x03" + self.random + b"\0" + pack(">HH", 2, self.suite.number) + b"\1\0"
        content += pack(">H", len(extensions)) + extensions
        return self.say(CLIENT, record(HANDSHAKE, message(1, content), 0x0301))

    def answer(self, *, psk: bool = False, random: bytes = bytes(32)) -> Scripted:
        """A ServerHello. psk: it resumes a session. random: of a HelloRetryRequest."""
        extensions = extension(43, b"\x03\x04") + (extension(41, b"\0\0") if psk else b"")
        content = b"\x03\x03" + random + b"\0" + pack(">H", self.suite.number) + b"\0"
        content += pack(">H", len(extensions)) + extensions
        return self.say(SERVER, record(HANDSHAKE, message(2, content)))

    def use(self, end: int, label: str) -> Scripted:
        """Protects the records of an end with another secret."""
        self._current[end], self._numbers[end] = self.secrets[label], 0
        return self

    def seal(self, end: int, content: bytes, kind: int = DATA, padding: int = 0) -> bytes:
        """A protected record."""
        key, iv = traffic_keys(self.suite.hash, self._current[end], self.suite.key_bytes)
        cipher: object
        if self.suite.cipher is Cipher.CHACHA20:
            cipher = aead.ChaCha20Poly1305(key)
        elif self.suite.cipher is Cipher.CCM:
            cipher = aead.AESCCM(key, tag_length=self.suite.tag_bytes)
        else:
            cipher = aead.AESGCM(key)
        inner = content + bytes((kind,)) + bytes(padding)
        header = pack(">BHH", DATA, 0x0303, len(inner) + self.suite.tag_bytes)
        nonce = (int.from_bytes(iv, "big") ^ self._numbers[end]).to_bytes(12, "big")
        self._numbers[end] += 1
        return header + cipher.encrypt(nonce, inner, header)  # type: ignore[attr-defined,no-any-return]  # of each

    def send(self, end: int, content: bytes, kind: int = DATA, padding: int = 0) -> Scripted:
        return self.say(end, self.seal(end, content, kind, padding))

    def update(self, end: int) -> Scripted:
        """A key update of an end."""
        self.send(end, KEY_UPDATE, HANDSHAKE)
        self._current[end], self._numbers[end] = next_secret(self.suite.hash, self._current[end]), 0
        return self

    def extensions(self, *, alpn: bytes = b"", early: bool = False) -> Scripted:
        """EncryptedExtensions and what follows up to the server's Finished."""
        listed = extension(16, pack(">HB", len(alpn) + 1, len(alpn)) + alpn) if alpn else b""
        listed += extension(42, b"") if early else b""
        self.use(SERVER, secrets.SERVER_HANDSHAKE)
        self.send(SERVER, message(8, pack(">H", len(listed)) + listed), HANDSHAKE)
        return self.send(SERVER, FINISHED, HANDSHAKE).use(SERVER, secrets.SERVER_TRAFFIC)

    def finish(self) -> Scripted:
        """The client's Finished."""
        self.use(CLIENT, secrets.CLIENT_HANDSHAKE)
        return self.send(CLIENT, FINISHED, HANDSHAKE).use(CLIENT, secrets.CLIENT_TRAFFIC)

    def connect(self, alpn: bytes = b"") -> Scripted:
        """A whole handshake."""
        return self.hello().answer().extensions(alpn=alpn).finish()

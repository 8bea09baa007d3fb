"""The key schedules: HKDF of TLS 1.3 (RFC 8446, 7.1), and the PRF of the versions before (RFC 5246, 5)."""

from __future__ import annotations

import hmac

from sockfilter.tls.suites import HASH_BYTES

# the versions of a ServerHello (RFC 8446, 4.1.3 and 4.2.1)
TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304
IV_BYTES = 12


def expand_label(digest: str, secret: bytes, label: str, context: bytes, size: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446, 7.1).

    Args:
        digest: the hash, as hashlib names it.
        secret: the secret.
        label: the label without its prefix "tls13 ".
        context: the context.
        size: the number of bytes to make.
    """
    name = b"tls13 " + label.encode()
    info = size.to_bytes(2, "big") + bytes((len(name),)) + name + bytes((len(context),)) + context
    made, block = b"", b""
    for count in range(1, -(-size // HASH_BYTES[digest]) + 1):
        block = hmac.digest(secret, block + info + bytes((count,)), digest)
        made += block
    return made[:size]


def traffic_keys(digest: str, secret: bytes, key_bytes: int) -> tuple[bytes, bytes]:
    """Key and IV of a traffic secret (RFC 8446, 7.3)."""
    return expand_label(digest, secret, "key", b"", key_bytes), expand_label(digest, secret, "iv", b"", IV_BYTES)


def next_secret(digest: str, secret: bytes) -> bytes:
    """The traffic secret after a key update (RFC 8446, 7.2)."""
    return expand_label(digest, secret, "traffic upd", b"", HASH_BYTES[digest])


def key_block(version: int, digest: str, master: bytes, randoms: bytes, size: int) -> bytes:
    """The key block of TLS 1.2 and before (RFC 5246, 6.3).

    Args:
        version: of the ServerHello.
        digest: the hash of the suite's PRF; TLS 1.0 and 1.1 use MD5 and SHA-1 instead.
        master: the master secret.
        randoms: the server's random, followed by the client's.
        size: the number of bytes to make.
    """
    seed = b"key expansion" + randoms
    if version >= TLS12:
        return _p_hash(digest, master, seed, size)
    half = (len(master) + 1) // 2
    first, second = _p_hash("md5", master[:half], seed, size), _p_hash("sha1", master[-half:], seed, size)
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


def _p_hash(digest: str, secret: bytes, seed: bytes, size: int) -> bytes:
    made, block = b"", seed
    while len(made) < size:
        block = hmac.digest(secret, block, digest)
        made += hmac.digest(secret, block + seed, digest)
    return made[:size]

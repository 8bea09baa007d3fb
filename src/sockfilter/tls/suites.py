"""The cipher suites by their numbers in IANA's registry "TLS Cipher Suites"."""

from __future__ import annotations

from enum import Enum, auto
from functools import cache
from typing import NamedTuple


class Cipher(Enum):
    """How a suite protects records."""

    GCM = auto()
    CCM = auto()
    CHACHA20 = auto()
    CBC = auto()
    UNREAD = auto()


class Suite(NamedTuple):
    """A cipher suite.

    Attributes:
        number: its number.
        name: its name in the registry.
        cipher: how it protects records; UNREAD: such records cannot be opened.
        block: the block cipher of GCM, CCM and CBC: AES, CAMELLIA, ARIA or 3DES.
        key_bytes: the length of a key.
        hash: the hash of the key schedule, as hashlib names it.
        mac: the hash of the MAC with CBC; empty with the other ciphers.
        tag_bytes: the length of the tag, or of the MAC.
    """

    number: int
    name: str
    cipher: Cipher
    block: str
    key_bytes: int
    hash: str
    mac: str
    tag_bytes: int

    @property
    def is_tls13(self) -> bool:
        """Whether it is a suite of TLS 1.3 (RFC 8446, B.4)."""
        return self.number >> 8 == 0x13


# bytes of a block of CBC, by its block cipher
BLOCK_BYTES = {"AES": 16, "CAMELLIA": 16, "3DES": 8}
# bytes of a hash, by its name
HASH_BYTES = {"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48}
_TLS13 = (
    "1301 AES_128_GCM_SHA256 1302 AES_256_GCM_SHA384 1303 CHACHA20_POLY1305_SHA256 "
    "1304 AES_128_CCM_SHA256 1305 AES_128_CCM_8_SHA256"
)
# by the key exchange
_TLS12 = {
    "ECDHE_ECDSA": (
        "C008 3DES_EDE_CBC_SHA C009 AES_128_CBC_SHA C00A AES_256_CBC_SHA C023 AES_128_CBC_SHA256 "
        "C024 AES_256_CBC_SHA384 C02B AES_128_GCM_SHA256 C02C AES_256_GCM_SHA384 C05C ARIA_128_GCM_SHA256 "
        "C05D ARIA_256_GCM_SHA384 C072 CAMELLIA_128_CBC_SHA256 C073 CAMELLIA_256_CBC_SHA384 C0AC AES_128_CCM "
        "C0AD AES_256_CCM C0AE AES_128_CCM_8 C0AF AES_256_CCM_8 CCA9 CHACHA20_POLY1305_SHA256"
    ),
    "ECDHE_RSA": (
        "C012 3DES_EDE_CBC_SHA C013 AES_128_CBC_SHA C014 AES_256_CBC_SHA C027 AES_128_CBC_SHA256 "
        "C028 AES_256_CBC_SHA384 C02F AES_128_GCM_SHA256 C030 AES_256_GCM_SHA384 C060 ARIA_128_GCM_SHA256 "
        "C061 ARIA_256_GCM_SHA384 C076 CAMELLIA_128_CBC_SHA256 C077 CAMELLIA_256_CBC_SHA384 "
        "CCA8 CHACHA20_POLY1305_SHA256"
    ),
    "DHE_DSS": (
        "0032 AES_128_CBC_SHA 0038 AES_256_CBC_SHA 0040 AES_128_CBC_SHA256 0044 CAMELLIA_128_CBC_SHA "
        "006A AES_256_CBC_SHA256 0087 CAMELLIA_256_CBC_SHA 00A2 AES_128_GCM_SHA256 00A3 AES_256_GCM_SHA384 "
        "00BD CAMELLIA_128_CBC_SHA256 00C3 CAMELLIA_256_CBC_SHA256 C056 ARIA_128_GCM_SHA256 "
        "C057 ARIA_256_GCM_SHA384"
    ),
    "DHE_RSA": (
        "0016 3DES_EDE_CBC_SHA 0033 AES_128_CBC_SHA 0039 AES_256_CBC_SHA 0045 CAMELLIA_128_CBC_SHA "
        "0067 AES_128_CBC_SHA256 006B AES_256_CBC_SHA256 0088 CAMELLIA_256_CBC_SHA 009E AES_128_GCM_SHA256 "
        "009F AES_256_GCM_SHA384 00BE CAMELLIA_128_CBC_SHA256 00C4 CAMELLIA_256_CBC_SHA256 "
        "C052 ARIA_128_GCM_SHA256 C053 ARIA_256_GCM_SHA384 C09E AES_128_CCM C09F AES_256_CCM C0A2 AES_128_CCM_8 "
        "C0A3 AES_256_CCM_8 CCAA CHACHA20_POLY1305_SHA256"
    ),
    "DH_anon": (
        "0034 AES_128_CBC_SHA 003A AES_256_CBC_SHA 0046 CAMELLIA_128_CBC_SHA 006C AES_128_CBC_SHA256 "
        "006D AES_256_CBC_SHA256 0089 CAMELLIA_256_CBC_SHA 00A6 AES_128_GCM_SHA256 00A7 AES_256_GCM_SHA384 "
        "00BF CAMELLIA_128_CBC_SHA256 00C5 CAMELLIA_256_CBC_SHA256"
    ),
    "ECDH_anon": "C018 AES_128_CBC_SHA C019 AES_256_CBC_SHA",
    "RSA_PSK": (
        "0094 AES_128_CBC_SHA 0095 AES_256_CBC_SHA 00AC AES_128_GCM_SHA256 00AD AES_256_GCM_SHA384 "
        "00B6 AES_128_CBC_SHA256 00B7 AES_256_CBC_SHA384 C06E ARIA_128_GCM_SHA256 C06F ARIA_256_GCM_SHA384 "
        "C098 CAMELLIA_128_CBC_SHA256 C099 CAMELLIA_256_CBC_SHA384 CCAE CHACHA20_POLY1305_SHA256"
    ),
    "DHE_PSK": (
        "0090 AES_128_CBC_SHA 0091 AES_256_CBC_SHA 00AA AES_128_GCM_SHA256 00AB AES_256_GCM_SHA384 "
        "00B2 AES_128_CBC_SHA256 00B3 AES_256_CBC_SHA384 C06C ARIA_128_GCM_SHA256 C06D ARIA_256_GCM_SHA384 "
        "C096 CAMELLIA_128_CBC_SHA256 C097 CAMELLIA_256_CBC_SHA384 C0A6 AES_128_CCM C0A7 AES_256_CCM "
        "CCAD CHACHA20_POLY1305_SHA256"
    ),
    "ECDHE_PSK": (
        "C035 AES_128_CBC_SHA C036 AES_256_CBC_SHA C037 AES_128_CBC_SHA256 C038 AES_256_CBC_SHA384 "
        "C09A CAMELLIA_128_CBC_SHA256 C09B CAMELLIA_256_CBC_SHA384 CCAC CHACHA20_POLY1305_SHA256"
    ),
    "PSK_DHE": "C0AA AES_128_CCM_8 C0AB AES_256_CCM_8",
    "RSA": (
        "000A 3DES_EDE_CBC_SHA 002F AES_128_CBC_SHA 0035 AES_256_CBC_SHA 003C AES_128_CBC_SHA256 "
        "003D AES_256_CBC_SHA256 0041 CAMELLIA_128_CBC_SHA 0084 CAMELLIA_256_CBC_SHA 009C AES_128_GCM_SHA256 "
        "009D AES_256_GCM_SHA384 00BA CAMELLIA_128_CBC_SHA256 00C0 CAMELLIA_256_CBC_SHA256 "
        "C050 ARIA_128_GCM_SHA256 C051 ARIA_256_GCM_SHA384 C09C AES_128_CCM C09D AES_256_CCM C0A0 AES_128_CCM_8 "
        "C0A1 AES_256_CCM_8"
    ),
    "PSK": (
        "008C AES_128_CBC_SHA 008D AES_256_CBC_SHA 00A8 AES_128_GCM_SHA256 00A9 AES_256_GCM_SHA384 "
        "00AE AES_128_CBC_SHA256 00AF AES_256_CBC_SHA384 C06A ARIA_128_GCM_SHA256 C06B ARIA_256_GCM_SHA384 "
        "C094 CAMELLIA_128_CBC_SHA256 C095 CAMELLIA_256_CBC_SHA384 C0A4 AES_128_CCM C0A5 AES_256_CCM "
        "C0A8 AES_128_CCM_8 C0A9 AES_256_CCM_8 CCAB CHACHA20_POLY1305_SHA256"
    ),
    "SRP_SHA_DSS": "C01F AES_128_CBC_SHA C022 AES_256_CBC_SHA",
    "SRP_SHA_RSA": "C01E AES_128_CBC_SHA C021 AES_256_CBC_SHA",
    "SRP_SHA": "C01D AES_128_CBC_SHA C020 AES_256_CBC_SHA",
}


@cache
def suite_of(number: int) -> Suite | None:
    """The suite with a number; None if it is not in the table."""
    name = _names().get(number)
    return None if name is None else _parsed(number, name)


def tls13_suites(secret_bytes: int) -> list[Suite]:
    """The suites of TLS 1.3 whose traffic secrets have a length, the most frequent first."""
    found = [suite_of(number) for number in range(0x1301, 0x1306)]
    return [suite for suite in found if suite is not None and HASH_BYTES[suite.hash] == secret_bytes]


@cache
def _names() -> dict[int, str]:
    words = _TLS13.split()
    names = {int(number, 16): f"TLS_{name}" for number, name in zip(words[::2], words[1::2], strict=True)}
    for exchange, suites in _TLS12.items():
        words = suites.split()
        for number, name in zip(words[::2], words[1::2], strict=True):
            names[int(number, 16)] = f"TLS_{exchange}_WITH_{name}"
    return names


def _parsed(number: int, name: str) -> Suite:
    """Reads the properties from a name, such as TLS_RSA_WITH_AES_128_CBC_SHA."""
    words = name.rpartition("_WITH_")[2].removeprefix("TLS_").split("_")
    last = words[-1].lower()
    digest = {"sha": "sha1"}.get(last, last)
    if digest not in HASH_BYTES:
        digest = "sha256"  # CCM: the name has no hash (RFC 6655, 3)
    if words[0] == "CHACHA20":
        return Suite(number, name, Cipher.CHACHA20, "", 32, digest, "", 16)
    if words[0] == "3DES":
        return Suite(number, name, Cipher.CBC, "3DES", 24, "sha256", digest, HASH_BYTES[digest])
    key_bytes = int(words[1]) // 8
    if words[2] == "CBC":
        # the key schedule uses SHA-256 unless the suite has a longer hash (RFC 5246, 5)
        schedule = digest if digest == "sha384" else "sha256"
        cipher = Cipher.UNREAD if words[0] == "ARIA" else Cipher.CBC
        return Suite(number, name, cipher, words[0], key_bytes, schedule, digest, HASH_BYTES[digest])
    cipher = Cipher.GCM if words[2] == "GCM" else Cipher.CCM
    if words[0] == "ARIA":
        cipher = Cipher.UNREAD
    tag_bytes = 8 if "8" in words[3:] else 16
    return Suite(number, name, cipher, words[0], key_bytes, digest, "", tag_bytes)

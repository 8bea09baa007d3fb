"""The key schedules, by the values that RFC 8448 publishes, and by what OpenSSL makes."""

from __future__ import annotations

import pytest

from sockfilter.tls.opening import traffic_opener
from sockfilter.tls.schedule import traffic_keys
from sockfilter.tls.suites import Cipher, suite_of, tls13_suites

# RFC 8448, 3: secret, key, IV
SERVER_HANDSHAKE = (
    "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
    "3fce516009c21727d0f2e4e86ee403bc",
    "5d313eb2671276ee13000b30",
)
SERVER_TRAFFIC = (
    "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
    "9f02283b6c9c07efc26bb9f2ac92e356",
    "cf782b88dd83549aadf1e984",
)
CLIENT_TRAFFIC = (
    "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
    "17422dda596ed5d9acd890e3c63f5051",
    "5b78923dee08579033e523d9",
)
# the client's first record of application data there: 50 bytes from 0 to 49
RECORD = bytes.fromhex(
    "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a62"
    "92a2977014bd1e3deae63aeebb21694915e4"
)


@pytest.mark.parametrize(("secret", "key", "iv"), [SERVER_HANDSHAKE, SERVER_TRAFFIC, CLIENT_TRAFFIC])
def test_keys_of_rfc_8448(secret: str, key: str, iv: str) -> None:
    assert traffic_keys("sha256", bytes.fromhex(secret), 16) == (bytes.fromhex(key), bytes.fromhex(iv))


def test_record_of_rfc_8448() -> None:
    suite = suite_of(0x1301)
    assert suite is not None
    opener = traffic_opener(suite, bytes.fromhex(CLIENT_TRAFFIC[0]))
    assert opener.open(RECORD[:5], RECORD[5:], 0) == bytes(range(50)) + b"\x17"
    assert opener.open(RECORD[:5], RECORD[5:], 1) is None
    assert opener.open(RECORD[:5], RECORD[5:-1], 0) is None
    assert opener.open(RECORD[:5], b"", 0) is None


def test_suites_are_read_from_their_names() -> None:
    facts = {
        0x1302: ("TLS_AES_256_GCM_SHA384", Cipher.GCM, 32, "sha384", 16),
        0x1305: ("TLS_AES_128_CCM_8_SHA256", Cipher.CCM, 16, "sha256", 8),
        0xC0AE: ("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", Cipher.CCM, 16, "sha256", 8),
        0xCCA8: ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", Cipher.CHACHA20, 32, "sha256", 16),
        0xC014: ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", Cipher.CBC, 32, "sha256", 20),
        0xC028: ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", Cipher.CBC, 32, "sha384", 48),
        0xC060: ("TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256", Cipher.UNREAD, 16, "sha256", 16),
    }
    for number, (name, cipher, key_bytes, digest, tag_bytes) in facts.items():
        suite = suite_of(number)
        assert suite is not None
        assert (suite.name, suite.cipher, suite.key_bytes, suite.hash, suite.tag_bytes) == (
            name,
            cipher,
            key_bytes,
            digest,
            tag_bytes,
        )
    assert suite_of(0xFFFF) is None
    assert [suite.number for suite in tls13_suites(48)] == [0x1302]

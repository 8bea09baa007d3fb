"""TLS without a network: two ends of OpenSSL that talk through memory, what they say, and its key log."""

from __future__ import annotations

import datetime
import os
import ssl
import tempfile
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from sockfilter.sources.secrets.keylog import KeyLog
from sockfilter.tls.store import SecretStore
from tests.support.talk import CLIENT, SERVER

if TYPE_CHECKING:
    from tests.support.talk import Said

# OpenSSL's SSL_OP_NO_ENCRYPT_THEN_MAC
NO_ENCRYPT_THEN_MAC = 1 << 19
NAME = "shop.test"


@lru_cache
def certificate(kind: str = "ec") -> str:
    """A file with a key and its certificate; it lies in a folder that goes with the process."""
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = os.path.join(_folder().name, f"{kind}.pem")
    with open(path, "wb") as file:
        file.write(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@lru_cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


class Ends:
    """A client and a server. Everything they send is in said, in its order.

    version: of TLS, both the least and the most.
    ciphers: of OpenSSL's names.
    alpn: what the client offers and the server takes.
    curve: the only group of the server; another one than the client's first makes it ask again.
    key: of the certificate.
    options: of both contexts.
    client_certificate: the server asks for one.
    """

    def __init__(
        self,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        *,
        ciphers: str = "",
        alpn: tuple[str, ...] = (),
        curve: str = "",
        key: str = "ec",
        options: int = 0,
        client_certificate: bool = False,
    ) -> None:
        self._client, self._server = (
            ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER)
        )
        for context in (self._client, self._server):
            context.minimum_version = context.maximum_version = version
            context.options |= options
            context.load_cert_chain(certificate(key))
            context.load_verify_locations(certificate(key))
            if ciphers:
                context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
            if alpn:
                context.set_alpn_protocols(list(alpn))
        if client_certificate:
            self._server.verify_mode = ssl.CERT_REQUIRED
        if curve:
            self._server.set_ecdh_curve(curve)
        self._log = os.path.join(_folder().name, f"log-{id(self)}")
        self._client.keylog_filename = self._log
        self.said: list[Said] = []
        self.session: ssl.SSLSession | None = None

    def connect(self, session: ssl.SSLSession | None = None) -> Ends:
        """Begins a connection and shakes hands."""
        self._bios = tuple((ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in range(2))
        self._ends = (
            self._client.wrap_bio(*self._bios[CLIENT], server_hostname=NAME, session=session),
            self._server.wrap_bio(*self._bios[SERVER], server_side=True),
        )
        for _ in range(4):
            for end in (CLIENT, SERVER):
                with suppress(ssl.SSLWantReadError):
                    self._ends[end].do_handshake()
                self._carry(end)
        return self

    def send(self, end: int, data: bytes) -> Ends:
        """One write of an end, which the other reads."""
        self._ends[end].write(data)
        self._carry(end)
        got = b""
        while len(got) < len(data):
            got += self._ends[1 - end].read(1 << 16)
        assert got == data
        self.session = self._ends[CLIENT].session
        return self

    def close(self) -> Ends:
        """Both ends say that they close."""
        for end in (CLIENT, SERVER):
            with suppress(ssl.SSLError):  # the other end has not answered yet
                self._ends[end].unwrap()
            self._carry(end)
        return self

    @property
    def suite(self) -> str:
        """OpenSSL's name of the suite."""
        return str(self._ends[CLIENT].cipher()[0])

    @property
    def keys(self) -> bytes:
        """The key log so far."""
        with open(self._log, "rb") as file:
            return file.read()

    def _carry(self, end: int) -> None:
        data = self._bios[end][1].read()
        if data:
            self._bios[1 - end][0].write(data)
            self.said.append((end, data))


def store_of(keys: bytes, *, is_complete: bool = True) -> SecretStore:
    """A store with the secrets of a key log."""
    store = SecretStore()
    log = KeyLog(store.add)
    log.feed(keys)
    log.end()
    store.is_complete = is_complete
    return store

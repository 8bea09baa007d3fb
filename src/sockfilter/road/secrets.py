"""The secrets of TLS for the road: those of a key log, and those that a capture file carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.errors import InvalidArgument, installing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sockfilter.tls.store import SecretStore

MISSING = (
    "opening TLS needs libcrypto (OpenSSL 1.1.1 or newer) or the package cryptography;"
    f" {installing('tls')} installs the latter"
)


class FileSecrets(NamedTuple):
    """The secrets for a capture file.

    Attributes:
        store: the secrets. None: TLS is not read.
        searched: bytes of the file whose secrets are in the store.
        problem: why the file's own secrets are not used. Empty: they are, or there are none.
    """

    store: SecretStore | None = None
    searched: int = 0
    problem: str = ""


def new_store() -> SecretStore:
    """Returns an empty store.

    Raises:
        InvalidArgument: nothing that opens TLS is installed.
    """
    if not is_installed():
        raise InvalidArgument(MISSING)
    from sockfilter.tls.store import SecretStore  # imported late: few captures read TLS

    return SecretStore()


def is_installed() -> bool:
    """Whether what opens TLS is installed."""
    from sockfilter.tls.opening import is_possible

    return is_possible()


def file_secrets(
    path: str, keylog: str | None, others: Sequence[str] = (), is_ended: Callable[[], bool] = lambda: False
) -> FileSecrets:
    """Reads the secrets for a capture file, before its packets: the file may carry them behind the packets.

    Args:
        path: the capture file.
        keylog: a key log; None: the secrets in the capture files alone are used.
        others: capture files that are read after it.
        is_ended: whether to stop waiting for a key log that is a pipe.

    Raises:
        InvalidArgument: the key log cannot be read, or is none; or a package is missing that it needs.
    """
    from sockfilter.sources.files.secrets import secrets_in
    from sockfilter.sources.secrets.keylog import read_keylog
    from sockfilter.tls.store import SecretStore

    if keylog is not None:
        store = new_store()
        read_keylog(keylog, store.add, is_ended)
    else:
        store = SecretStore()
    searched = secrets_in(path, store.add)
    for other in others:
        secrets_in(other, store.add)
    if not store.counts.seen and searched is not None and keylog is None:
        return FileSecrets()
    if not is_installed():
        return FileSecrets(problem="" if searched is None else f"the file carries secrets of TLS; {MISSING}")
    store.is_complete = searched is not None
    return FileSecrets(store, searched or 0)

"""The key log of a test session: a file of its own, which the tests' clients and servers write."""

from __future__ import annotations

import os

import pytest

VARIABLE = "SSLKEYLOGFILE"
AUTO = "auto"
NAME = "keys.log"


class SessionKeyLog:
    """Makes a key log, and tells programs by SSLKEYLOGFILE to write it, until close().

    Programs read the variable when they make the settings of their connections: Python with
    ssl.create_default_context(), curl, and browsers do.

    Attributes:
        path: the path of the key log.
    """

    def __init__(self) -> None:
        import tempfile  # only if a key log is made

        self._folder = tempfile.mkdtemp(prefix="wire-")  # readable for this user alone
        self.path = os.path.join(self._folder, NAME)
        self._changes = pytest.MonkeyPatch()
        self._changes.setenv(VARIABLE, self.path)

    def close(self) -> None:
        """Removes the key log, and sets the variable as it was; may be repeated."""
        import shutil

        self._changes.undo()
        shutil.rmtree(self._folder, ignore_errors=True)


KEYLOG = pytest.StashKey[SessionKeyLog]()

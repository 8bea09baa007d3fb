"""The key log of a test session: a file of its own, which the tests' clients and servers write."""

from __future__ import annotations

import os

VARIABLE = "SSLKEYLOGFILE"
AUTO = "auto"
NAME = "keys.log"


class SessionKeyLog:
    """Makes a key log, and tells programs by SSLKEYLOGFILE to write it, until close().

    If the variable is set already, its file is used. Programs read the variable when they make the settings of their
    connections: Python with ssl.create_default_context(), curl, and browsers do.

    Attributes:
        path: the path of the key log.
    """

    def __init__(self) -> None:
        self._folder = ""
        self.path = os.environ.get(VARIABLE, "")
        if not self.path:
            import tempfile  # only if a key log is made

            self._folder = tempfile.mkdtemp(prefix="wire-")  # readable for this user alone
            self.path = os.environ[VARIABLE] = os.path.join(self._folder, NAME)

    def close(self) -> None:
        """Removes the key log and the variable; may be repeated."""
        folder, self._folder = self._folder, ""
        if folder:
            import shutil

            os.environ.pop(VARIABLE, None)
            shutil.rmtree(folder, ignore_errors=True)

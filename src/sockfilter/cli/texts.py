"""Reading small text files of the kernel."""

from __future__ import annotations


def text_of(path: str) -> str | None:
    """Returns a file's text without surrounding white space. None: the file does not exist or cannot be read."""
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return None

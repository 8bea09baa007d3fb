"""What the kernel says in small files."""

from __future__ import annotations


def text_of(path: str) -> str | None:
    """A file's text without the white space around it; None: it is not there, or may not be read."""
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return None

"""The document of the page: one HTML file for the server, and one with everything in it for a report."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ASSETS = os.path.join(os.path.dirname(__file__), "assets")
# What the page may do: show pictures of its own making. Nothing is loaded from anywhere, and nothing that came from the
# wire can become a script, even by a mistake of the page: Trusted Types refuse text where the browser expects code.
COMMON = (
    "default-src 'none'; img-src blob:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script';"
    " trusted-types 'none'"
)
LIVE_POLICY = f"{COMMON}; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'"
# characters that could end an element of HTML, or a line of JavaScript
ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
"""


def asset(name: str) -> str:
    """Returns the text of a file of the front end."""
    with open(os.path.join(ASSETS, name), encoding="utf-8") as file:
        return file.read()


def live() -> str:
    """Returns the document that the server sends. Its script asks the server for everything else."""
    return f"""{HEAD}<title>sockfilter</title>
<link rel="stylesheet" href="page.css">
</head>
<body>
<script src="page.js"></script>
</body>
</html>
"""


class ReportDocument:
    """The parts of a report: a beginning, chunks, and an end.

    The files of the front end are read now, because a process that has given up its rights may not read them.

    Args:
        about: what the front end must know; about.ts has its type.
    """

    def __init__(self, about: dict[str, Any]) -> None:
        style, self._script = asset("page.css"), asset("page.js")
        policy = f"{COMMON}; script-src '{_digest(self._script)}'; style-src '{_digest(style)}'"
        self.start = f"""{HEAD}<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>sockfilter report</title>
<style>{style}</style>
</head>
<body>
<noscript>This report needs JavaScript.</noscript>
<script type="application/json" id="about">{embedded(about)}</script>
"""

    def chunk(self, content: bytes) -> Iterator[bytes]:
        """Returns the element with one chunk, in pieces. Its letters, of base64, cannot end the element."""
        yield b'<script type="text/plain" class="chunk">'
        yield b64encode(content)
        yield b"</script>\n"

    def end(self, counts: dict[str, Any]) -> str:
        """Returns the end of the document.

        Args:
            counts: what is known after the last exchange.
        """
        return f"""<script type="application/json" id="counts">{embedded(counts)}</script>
<script>{self._script}</script>
</body>
</html>
"""


def embedded(value: Any) -> str:
    """Returns a value as JSON that cannot end the element in which it stands."""
    import json

    return json.dumps(value, separators=(",", ":")).translate(ESCAPES)


def _digest(text: str) -> str:
    """Returns the source expression of CSP that permits an element with this text alone."""
    import hashlib

    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"

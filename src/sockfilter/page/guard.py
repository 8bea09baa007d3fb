"""Who may read the page: a browser that knows the token, and no other site in that browser."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sockfilter.page.addresses import WebAddress

# The header field in which the page sends the token. Another site cannot send it without being asked first (CORS).
TOKEN_FIELD = "Sockfilter-Token"
# an address with its port, in Host; names are refused, because their owner decides where they lead (DNS rebinding)
ADDRESS = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
# a browser leaves it out
USUAL_PORT = 80
SAME_SITE = ("same-origin", "none")


class Refusal(NamedTuple):
    """Why a request is refused.

    Attributes:
        status: the status code of HTTP.
        words: what to do.
    """

    status: int
    words: str


class RequestGuard:
    """Decides on requests.

    Args:
        at: where the server listens.
        token: what the address of the page has, and nobody else knows.
    """

    def __init__(self, at: WebAddress, token: str) -> None:
        self._at = at
        self._token = token.encode()

    def refusal(self, fields: Mapping[str, str]) -> Refusal | None:
        """Returns why a request is refused that this server was not meant to get. None: it was meant to."""
        host = fields.get("Host", "")
        if not self._is_ours(host):
            return Refusal(421, f"use the address that sockfilter printed, which begins with http://{self._at}/")
        origin = fields.get("Origin")
        if (origin is not None and origin != f"http://{host}") or (
            fields.get("Sec-Fetch-Site", "none") not in SAME_SITE and fields.get("Sec-Fetch-Mode") != "navigate"
        ):
            return Refusal(403, "another site asks for this: it may not read what sockfilter has captured")
        return None

    def knows(self, token: str) -> bool:
        """Whether a token is the right one. Takes the same time for any wrong one."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self._token)

    def _is_ours(self, host: str) -> bool:
        at = self._at
        host = f"{host}:{USUAL_PORT}" if at.port == USUAL_PORT and not host.endswith(f":{USUAL_PORT}") else host
        if host == str(at) or (at.is_loopback and host == f"localhost:{at.port}"):
            return True
        found = ADDRESS.fullmatch(host)
        return at.is_everywhere and found is not None and int(found[2]) == at.port

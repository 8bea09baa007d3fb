"""An ASGI application that answers with what it has heard, for servers that speak HTTP/2."""

from __future__ import annotations

import json
from typing import Any


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers any request; other kinds of conversations end."""
    if scope["type"] != "http":
        return
    body = b""
    more = True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    query = scope["query_string"].decode()
    heard = {
        "method": scope["method"],
        "target": scope["path"] + (f"?{query}" if query else ""),
        "version": scope["http_version"],
        "fields": [[name.decode(), value.decode()] for name, value in scope["headers"]],
        "body": body.decode(),
    }
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-app", b"asgi")]})
    await send({"type": "http.response.body", "body": json.dumps(heard).encode()})

"""libbpf's log, and the few lines of it that say why."""

from __future__ import annotations

from typing import Any

# bytes; the shim keeps no more of one load
LOG_BYTES = 65536
# lines of the verifier before its verdict that are worth showing
VERIFIER_LINES = 3


def take(ffi: Any, lib: Any) -> str:
    """All that libbpf said on this thread since the last call."""
    text = ffi.new("char[]", LOG_BYTES)
    size = lib.sf_log_take(text, LOG_BYTES)
    return str(ffi.buffer(text, size)[:].decode(errors="replace"))


def summary(log: str) -> str:
    """The reason in a log: the verifier's last lines if it spoke, else the first complaint."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    verdict = next((i for i, line in enumerate(lines) if line.startswith("processed ")), None)
    if verdict is not None:
        return " | ".join(lines[max(0, verdict - VERIFIER_LINES) : verdict])
    return lines[0].removeprefix("libbpf: ") if lines else "libbpf gave no reason"

"""Reads libbpf's log, and finds the lines that give the reason for an error."""

from __future__ import annotations

from typing import Any

# bytes; log.h keeps no more of one load
LOG_BYTES = 65536
# lines that are shown before the verifier's verdict
VERIFIER_LINES = 3


def take(ffi: Any, lib: Any) -> str:
    """Returns everything that libbpf has logged on this thread since the last call."""
    text = ffi.new("char[]", LOG_BYTES)
    size = lib.sf_log_take(text, LOG_BYTES)
    return str(ffi.buffer(text, size)[:].decode(errors="replace"))


def summary(log: str) -> str:
    """Returns the reason in a log: the verifier's last lines, or the first line if the verifier logged nothing."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    verdict = next((i for i, line in enumerate(lines) if line.startswith("processed ")), None)
    if verdict is not None:
        return " | ".join(lines[max(0, verdict - VERIFIER_LINES) : verdict])
    return lines[0].removeprefix("libbpf: ") if lines else "libbpf gave no reason"

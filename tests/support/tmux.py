"""A real terminal without a window: tmux, with a server of its own for each test."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from tests.support.command import WAIT_S, environment
from tests.support.skips import need_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

LOOK_S = 0.05


class Tmux:
    """A terminal in which sockfilter runs.

    Args:
        words: the words behind sockfilter.
        size: columns and rows.
        env: variables to set.
        folder: where it runs.
    """

    def __init__(
        self, *words: str, size: tuple[int, int] = (80, 24), env: Mapping[str, str] | None = None, folder: Path
    ) -> None:
        self._tmux = need_tool("tmux")
        self._words, self._size, self._env, self._folder = words, size, env or {}, folder

    def __enter__(self) -> Tmux:
        self._socket = tempfile.mkdtemp(prefix="tmux-")
        self._status = os.path.join(self._socket, "status")
        columns, rows = self._size
        command = f'"$@"; echo $? > {self._status}; exec cat'
        self._do(
            *("-f", os.devnull, "new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(self._folder)),
            *("sh", "-c", command, "sh", sys.executable, "-m", "sockfilter", *self._words),
            env=environment({**self._env, "TERM": "xterm-256color"}),
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do("kill-server")
        subprocess.run(["rm", "-r", self._socket], check=True)

    def press(self, *keys: str) -> None:
        """Presses keys, by tmux's names of them."""
        self._do("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        """Gives the terminal another size."""
        self._do("resize-window", "-x", str(columns), "-y", str(rows))

    def text(self, *options: str) -> str:
        """What is on the terminal."""
        return self._do("capture-pane", "-p", *options)

    def until(self, condition: Callable[[str], bool]) -> str:
        """Waits until the text meets a condition, and returns it."""
        end_s = time.monotonic() + WAIT_S
        while not condition(text := self.text()):
            assert time.monotonic() < end_s, text
            time.sleep(LOOK_S)
        return text

    def shows(self, wanted: str) -> str:
        """Waits until a text is there."""
        return self.until(lambda text: wanted in " ".join(text.split()))

    def status(self) -> int:
        """The exit status of sockfilter; waits for its end."""
        end_s = time.monotonic() + WAIT_S
        while not os.path.exists(self._status) or not os.path.getsize(self._status):
            assert time.monotonic() < end_s, self.text()
            time.sleep(LOOK_S)
        with open(self._status) as file:
            return int(file.read())

    def _do(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        command = [self._tmux, "-S", os.path.join(self._socket, "socket"), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout

"""The parts of the page's front end that need no browser, in node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sockfilter.page.language import description
from tests.support.skips import need_tool

HERE = Path(__file__).parent


class Refused(Exception):
    """The front end refuses it, and says why."""


class FrontEnd:
    """Answers questions: the names are those of page_driver.js."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, name: str, value: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"ask": name, "value": value}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "crash" not in answer, answer["crash"]
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["value"]

    def matches(self, text: str, *lines: dict[str, Any], opener: dict[str, Any] | None = None) -> list[bool]:
        return self.ask("matches", {"text": text, "lines": lines, "opener": opener})


@contextmanager
def front_end() -> Iterator[FrontEnd]:
    words = [need_tool("node"), str(HERE / "page_driver.js"), str(HERE / "page_parts.js")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as process:
        made = FrontEnd(process)
        made.ask("describe", description())
        yield made
        assert process.stdin is not None
        process.stdin.close()
        process.wait()

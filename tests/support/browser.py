"""Chromium without a screen, driven through chromedriver (W3C WebDriver)."""

from __future__ import annotations

import json
import re
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.support.skips import need_tool

# the key of an element in WebDriver's JSON
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
# Seconds: only a failure reaches it.
LIMIT_S = 60.0
STEP_S = 0.05
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "Down": "\ue015", "Backspace": "\ue003"}


class Browser:
    """One window."""

    def __init__(self, port: int, options: dict[str, Any]) -> None:
        self._port = port
        self._path = "/session"
        wanted = {
            "capabilities": {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        }
        self._path += f"/{self._ask('POST', '', wanted)['sessionId']}"

    def _ask(self, method: str, path: str, value: Any = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=LIMIT_S)
        try:
            body = None if value is None else json.dumps(value)
            connection.request(method, self._path + path, body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"{answer['error']}: {answer['message']}")
        return answer

    def open(self, address: str) -> None:
        """Opens a page, also if only the fragment differs."""
        self._ask("POST", "/url", {"url": "about:blank"})
        self._ask("POST", "/url", {"url": address})

    def run(self, script: str, *arguments: Any) -> Any:
        return self._ask("POST", "/execute/sync", {"script": script, "args": arguments})

    def text(self, selector: str) -> str:
        found: str = self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)
        return found

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])]"
        script += ".filter(e => e.checkVisibility()).map(e => e.textContent)"
        found: list[str] = self.run(script, selector)
        return found

    def click(self, selector: str, text: str = "") -> None:
        """Clicks the first element that a selector finds and that has this text."""
        script = "return [...document.querySelectorAll(arguments[0])].find(e => e.textContent.includes(arguments[1]))"
        element = self.until(lambda: self.run(script, selector, text), f"{selector} with {text!r}")
        self._ask("POST", f"/element/{element[ELEMENT]}/click", {})

    def type(self, selector: str, text: str) -> None:
        element = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        self._ask("POST", f"/element/{element[ELEMENT]}/value", {"text": text})

    def press(self, *keys: str) -> None:
        """Presses keys where the focus is."""
        letters = [KEYS.get(key, key) for key in keys]
        actions = [{"type": kind, "value": letter} for letter in letters for kind in ("keyDown", "keyUp")]
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def until(self, found: Callable[[], Any], what: str) -> Any:
        """Waits until a function returns something."""
        end_s = time.monotonic() + LIMIT_S
        while not (value := found()):
            assert time.monotonic() < end_s, f"waited for {what}: {self.text('body')[:2000]}"
            time.sleep(STEP_S)
        return value

    def shot(self) -> bytes:
        """The window as PNG."""
        return b64decode(self._ask("GET", "/screenshot"))

    def said(self) -> list[str]:
        """What the page has said on the console since the last call, its errors among it."""
        return [str(entry["message"]) for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def close(self) -> None:
        self._ask("DELETE", "")


@contextmanager
def browser(folder: Path, *arguments: str, size: tuple[int, int] = (1400, 900)) -> Iterator[Browser]:
    """A window of Chromium, whose profile is in a folder.

    Args:
        folder: an empty folder.
        arguments: further arguments of Chromium.
        size: of the window, in pixels.
    """
    program, driver = need_tool("chromium"), need_tool("chromedriver")
    options = {
        "binary": program,
        "args": [
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
            *(f"--user-data-dir={folder}", f"--window-size={size[0]},{size[1]}", *arguments),
        ],
    }
    with subprocess.Popen(
        [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = next(int(found[1]) for line in process.stdout if (found := re.search(r"on port (\d+)\.", line)))
            window = Browser(port, options)
            try:
                yield window
            finally:
                window.close()
        finally:
            process.terminate()

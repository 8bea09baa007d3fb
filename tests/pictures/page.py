"""Pictures of the page: python -m tests.pictures.page [FOLDER]

Without a folder: those in docs/pictures. With one: all, to look at.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.support.browser import Browser, browser
from tests.support.command import run
from tests.support.page_captures import hostile, shop

SIZE = (1280, 860)
# seconds for the last frame to be drawn: nothing tells a program of it
DRAWN_S = 0.7
DOCUMENTED = Path(__file__).resolve().parents[2] / "docs/pictures"


def report(folder: Path, name: str, capture: bytes) -> str:
    """The address of a report."""
    (folder / f"{name}.pcap").write_bytes(capture)
    done = run("report", "-q", "-r", str(folder / f"{name}.pcap"), "-o", str(folder / f"{name}.html"))
    assert done.status == 0, done.said
    return (folder / f"{name}.html").as_uri()


def take(window: Browser, address: str, path: Path, *keys: str, dark: bool = False) -> None:
    """Takes a picture of a page, after some keys."""
    window.open(address)
    window.until(lambda: window.run("return document.documentElement.dataset.state === 'ready'"), "the page")
    window.run("document.documentElement.dataset.theme = arguments[0]", "dark" if dark else "light")
    for key in keys:
        window.press(key)
    time.sleep(DRAWN_S)
    path.write_bytes(window.shot())
    print(path)


def main(target: Path) -> None:
    """Takes all pictures."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place, attack = report(folder, "shop", shop(120)), report(folder, "hostile", hostile())
        with browser(folder / "chromium", size=SIZE) as window:
            take(window, f"{place}#exchange=5&tab=overview", target / "page-light.png")
            take(window, f"{place}#view=statistics", target / "page-statistics.png")
            if target != DOCUMENTED:
                more(window, place, attack, target)


def more(window: Browser, place: str, attack: str, target: Path) -> None:
    """Takes those that are only looked at."""
    take(window, f"{place}#exchange=5&tab=overview", target / "page-dark.png", dark=True)
    take(window, f"{place}#exchange=1&tab=response", target / "page-details.png")
    take(window, f"{place}#filter=duration+>+10ms", target / "page-waterfall.png")
    take(window, f"{place}#view=map", target / "page-map.png", dark=True)
    take(window, place, target / "page-compare.png", "j", "c", "j", "j", "j", "j", "j", "c", "Escape")
    take(window, f"{attack}#exchange=5&tab=request", target / "page-hostile.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTED)

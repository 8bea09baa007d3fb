# SPDX-License-Identifier: BSD-3-Clause
"""Makes the pictures of the documentation, of a capture of demonstration traffic on loopback. It needs root.

python -m tools.pictures
"""

from __future__ import annotations

from pathlib import Path

from tools.screen_picture import screen_picture

DOCS = Path(__file__).resolve().parents[1] / "docs"


def main() -> None:
    """Writes the pictures and prints their names."""
    for name, make in (("screen.svg", screen_picture),):
        (DOCS / name).write_text(make())
        print(f"docs/{name}")


if __name__ == "__main__":
    main()

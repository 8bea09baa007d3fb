# SPDX-License-Identifier: BSD-3-Clause
"""Writes the manual page and the completions to their places below a share folder.

PYTHONPATH=src python -m tools.share FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools import completions
from tools.manual import manual

FILES = {
    "man/man1/sockfilter.1": manual,
    "bash-completion/completions/sockfilter": completions.bash,
    "zsh/site-functions/_sockfilter": completions.zsh,
    "fish/vendor_completions.d/sockfilter.fish": completions.fish,
}


def write(folder: Path) -> None:
    """Writes all FILES below folder."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content())


if __name__ == "__main__":
    write(Path(sys.argv[1]))

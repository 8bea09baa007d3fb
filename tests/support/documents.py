"""The pages of the documentation: their blocks of code, commands, links and headings."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

FENCED = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
# the comment behind a command
COMMENT = re.compile(r"\s+# .*$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class NotRun(Enum):
    """Why a command of the documentation is run by no test of the documentation."""

    PLACEHOLDER = "has a placeholder for a name"
    INSTALLS = "installs packages, or builds one"
    ELSEWHERE = "has a test of its own"
    LONG = "is a whole run of tests or measurements"


# by the beginning of a command
NOT_RUN = {
    "git clone": NotRun.PLACEHOLDER,
    "sudo make setup": NotRun.INSTALLS,
    "pip install": NotRun.INSTALLS,  # tests/e2e/test_install.py
    "podman run": NotRun.INSTALLS,  # tests/e2e/test_containerfile.py
    "make check": NotRun.LONG,
    "make lock": NotRun.INSTALLS,
    "make audit": NotRun.INSTALLS,
    "make wheel": NotRun.INSTALLS,
    "make deb": NotRun.INSTALLS,
    "make profile": NotRun.LONG,
    "sudo make": NotRun.LONG,
    "make fuzz": NotRun.LONG,
    ".venv/bin/python -m pytest": NotRun.LONG,
    "sudo setpriv": NotRun.ELSEWHERE,  # tests/e2e/test_rights.py, this and the next two
    "python3 -m venv": NotRun.ELSEWHERE,
    "sudo setcap": NotRun.ELSEWHERE,
    "sudo $(command -v sockfilter) broker": NotRun.ELSEWHERE,  # tests/e2e/plugin/test_rights.py, this and the next
    "pytest": NotRun.ELSEWHERE,
    "sudo sockfilter -i lo --web": NotRun.ELSEWHERE,  # tests/e2e/test_web.py, this and the next two
    "sudo sockfilter -i any --ports 80,8000-8100 --web": NotRun.ELSEWHERE,
    "sockfilter -r web.pcapng --web": NotRun.ELSEWHERE,
    "sockfilter report": NotRun.ELSEWHERE,  # the same, this and the next
    "sudo sockfilter report": NotRun.ELSEWHERE,
    "sudo sockfilter -i any --otlp": NotRun.ELSEWHERE,  # tests/e2e/test_otlp.py, this and the next
    "sockfilter -r web.pcapng --otlp": NotRun.ELSEWHERE,
    "sockfilter batch": NotRun.ELSEWHERE,  # tests/e2e/test_batch.py, this and the next
    "dask": NotRun.ELSEWHERE,
    "sudo cp deploy": NotRun.INSTALLS,  # tests/e2e/test_deploying.py, this and the next five
    "sudo systemctl": NotRun.INSTALLS,
    "curl http://127.0.0.1:9464/healthz": NotRun.ELSEWHERE,
    "kubectl": NotRun.INSTALLS,
    "clickhouse-client": NotRun.INSTALLS,
    "otelcol-contrib": NotRun.INSTALLS,
    "protoc": NotRun.PLACEHOLDER,
    "sudo sockfilter --tls -- curl https://example.org/": NotRun.ELSEWHERE,  # tests/e2e/test_tls_probes.py
    "sudo sockfilter --tls --pid 812": NotRun.PLACEHOLDER,
    "SSLKEYLOGFILE=": NotRun.ELSEWHERE,  # tests/e2e/test_tls.py, this and the next
    "sockfilter -r web.pcap --keylog": NotRun.ELSEWHERE,
    "sudo sockfilter -i lo --ports 8082 -vv --proto": NotRun.PLACEHOLDER,
    "sockfilter -r captures": NotRun.ELSEWHERE,  # tests/e2e/test_archives.py, this and the next two
    "sockfilter -r 'captures": NotRun.ELSEWHERE,
    "sudo sockfilter -i lo -c 5 --format parquet": NotRun.ELSEWHERE,
    # they need a terminal: tests/e2e/test_screen.py
    "sudo sockfilter top": NotRun.ELSEWHERE,
    "sockfilter top": NotRun.ELSEWHERE,
}


class Block(NamedTuple):
    """A fenced block: its page, the word behind its first fence, and its text."""

    page: Path
    kind: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(page, kind, text) for kind, text in FENCED.findall(page.read_text())]


def commands(page: Path) -> list[str]:
    """The commands of a page, each on one line and without its comment."""
    found = []
    for block in blocks(page):
        lines = block.text.replace("\\\n", " ").splitlines()
        if block.kind == "console":
            found += [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        elif block.kind == "sh":
            found += [line for line in lines if line]
    return [COMMENT.sub("", line) for line in found]


def reason(command: str) -> NotRun | None:
    """Why a command is not run; None: it is."""
    return next((why for beginning, why in NOT_RUN.items() if command.startswith(beginning)), None)


def links(page: Path) -> list[str]:
    """The targets of a page's links, those to other places in the world left out."""
    text = FENCED.sub("", page.read_text())
    return [target for target in LINK.findall(text) if "://" not in target]


def anchors(page: Path) -> set[str]:
    """What a link to a heading of the page says behind its #."""
    text = FENCED.sub("", page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}

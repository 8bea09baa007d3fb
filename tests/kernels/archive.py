"""Debian's packages of other releases, by the machine's own mirror, without touching its package management."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

ARCHITECTURE = "amd64"
RELEASES = ("bullseye", "bookworm", "trixie", "trixie-backports")
# where the machine's apt names no mirror of Debian
MIRRORS = {"Debian": "http://deb.debian.org/debian/", "Debian-Security": "http://deb.debian.org/debian-security/"}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# seconds that lists of packages are good for
LISTS_S_MAX = 24 * 3600
# seconds for one call of apt; the largest package has 50 MB
APT_S_MAX = 300.0


class NotThere(Exception):
    """The archive does not have it, or cannot be asked."""


class Archive:
    """apt with sources, lists and status of its own.

    Args:
        folder: where it keeps them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._options = {
            "APT::Architecture": ARCHITECTURE,
            "APT::Architectures": ARCHITECTURE,
            "APT::Sandbox::User": "root",  # the folder may be where another user cannot go
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "Dir::Cache": folder / "cache",
            "Dir::Cache::pkgcache": "packages.bin",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": "/dev/null",
        }

    def refresh(self) -> None:
        """Fetches the lists, where there are none or they are old."""
        stamp = self._folder / "refreshed"
        if stamp.exists() and time.time() - stamp.stat().st_mtime < LISTS_S_MAX:
            return
        for name in ("lists/partial", "cache/archives/partial"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        (self._folder / "sources.list").write_text("\n".join(sources()) + "\n")
        self._run("apt-get", "update", "-qq")
        stamp.touch()

    def packages(self, pattern: re.Pattern[str]) -> list[str]:
        """Names of packages that match, the newest first by the numbers in them."""
        names = self._run("apt-cache", "pkgnames").split()
        return sorted(filter(pattern.fullmatch, names), key=numbers, reverse=True)

    def versions(self, package: str) -> list[str]:
        """Versions of a package, the newest first."""
        rows = self._run("apt-cache", "madison", package).splitlines()
        return sorted({row.split("|")[1].strip() for row in rows}, key=numbers, reverse=True)

    def download(self, package: str, into: Path) -> Path:
        """Fetches a package ("name" or "name=version"). A list may name what the mirror has no longer."""
        into.mkdir(parents=True)
        self._run("apt-get", "download", "-qq", package, cwd=into)
        return next(into.glob("*.deb"))

    def _run(self, *words: str, cwd: Path | None = None) -> str:
        options = [word for name, value in self._options.items() for word in ("-o", f"{name}={value}")]
        command = [words[0], *options, *words[1:]]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=APT_S_MAX, cwd=cwd)
        if done.returncode:
            raise NotThere(f"{' '.join(words)}: {done.stderr.strip() or 'failed'}")
        return done.stdout


def numbers(text: str) -> list[int]:
    """What versions are compared by: enough for those of one package's names."""
    return [int(number) for number in re.findall(r"\d+", text)]


def sources() -> list[str]:
    """The lines of a sources.list for all releases."""
    mirrors = dict(MIRRORS)
    asked = ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"]
    for line in subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines():
        label, _, address = line.partition(" ")
        if label in mirrors:
            mirrors[label] = address
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    plain = [f"deb {signed}{mirrors['Debian']} {release} main" for release in RELEASES]
    secure = [f"{name}-security" for name in RELEASES if "-" not in name]
    return plain + [f"deb {signed}{mirrors['Debian-Security']} {release} main" for release in secure]

# SPDX-License-Identifier: BSD-3-Clause
"""Writes a bill of materials (CycloneDX 1.6, JSON) from the locked dependencies: what a package contains or installs.

python -m tools.sbom [NAME==VERSION ...]    to standard output; the arguments are libraries linked in or bundled
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter import __version__

if TYPE_CHECKING:
    from collections.abc import Collection

LOCKED = Path(__file__).resolve().parent / "locked"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\]+?))?\s*\\?$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
LICENCE = "BSD-3-Clause"


class Pinned(NamedTuple):
    """A requirement in a locked file: its version, the condition for installing it, and the hashes of its files."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def pinned(path: Path) -> list[Pinned]:
    """Returns the requirements in a locked file. Raises ValueError if one has no hash."""
    found: list[tuple[str, str, str, list[str]]] = []
    for line in path.read_text().splitlines():
        requirement = PINNED.match(line)
        if requirement:
            found.append((requirement[1], requirement[2], requirement[3] or "", []))
        found[-1][3].extend(HASH.findall(line))
    for name, *_, hashes in found:
        if not hashes:
            raise ValueError(f"{path}: {name} has no hash; make lock writes the file anew")
    return [Pinned(name, version, marker, tuple(hashes)) for name, version, marker, hashes in found]


def requirements(path: Path, names: Collection[str]) -> str:
    """Returns the lines of a locked file for some of its requirements."""
    lines = []
    for each in pinned(path):
        if each.name in names:
            hashes = " ".join(f"--hash=sha256:{digits}" for digits in each.hashes)
            lines.append(f"{each.name}=={each.version} {hashes}\n")
    return "".join(lines)


def bill(libraries: dict[str, str] | None = None) -> str:
    """Returns the bill of materials as JSON. The same versions give the same bytes.

    Args:
        libraries: versions of the C libraries in the package, by name.
    """
    own = {
        "type": "application",
        "bom-ref": f"pkg:pypi/sockfilter@{__version__}",
        "name": "sockfilter",
        "version": __version__,
        "licenses": [{"license": {"id": LICENCE}}],
        "purl": f"pkg:pypi/sockfilter@{__version__}",
    }
    components = [_component(each) for each in pinned(LOCKED / "run.txt") if "win32" not in each.marker]
    for name, version in (libraries or {}).items():
        reference = f"pkg:generic/{name}@{version}"
        components.append(
            {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference}
        )
    made = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own},
        "components": components,
        "dependencies": [{"ref": own["bom-ref"], "dependsOn": [each["bom-ref"] for each in components]}],
    }
    return json.dumps(made, indent=1) + "\n"


def _component(each: Pinned) -> dict[str, Any]:
    reference = f"pkg:pypi/{each.name}@{each.version}"
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": reference,
        "name": each.name,
        "version": each.version,
        "purl": reference,
    }
    if each.marker:
        made["properties"] = [{"name": "sockfilter:marker", "value": each.marker}]
    return made


if __name__ == "__main__":
    print(bill(dict(word.split("==", 1) for word in sys.argv[1:])), end="")

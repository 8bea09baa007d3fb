# SPDX-License-Identifier: BSD-3-Clause
"""Checks the locked dependencies against a database of known vulnerabilities.

python -m tools.audit    exit status: 0 none is known; 1 there are some; 2 the check could not be made
"""

from __future__ import annotations

import json
import subprocess
import sys

from tools.sbom import LOCKED

FILES = ("run.txt", "image.txt", "package.txt")
NONE, SOME, UNKNOWN = 0, 1, 2


def audit(name: str) -> int:
    """Checks the dependencies of one locked file and prints the result. Returns the exit status."""
    words = ("--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json", "-r", LOCKED / name)
    done = subprocess.run([sys.executable, "-m", "pip_audit", *words], capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        print(f"{name}: not audited, the database of vulnerabilities cannot be reached: {reason}")
        return UNKNOWN
    bad = [(each["name"], each["version"], one["id"]) for each in found for one in each.get("vulns", ())]
    for package, version, number in bad:
        print(f"{name}: {package} {version}: {number}")
    if not bad:
        print(f"{name}: {len(found)} packages, no vulnerability is known")
    return SOME if bad else NONE


if __name__ == "__main__":
    sys.exit(max(map(audit, FILES)))

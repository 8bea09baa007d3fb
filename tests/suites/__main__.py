"""The test suites of HTTP projects under sockfilter: python -m tests.suites [PROJECT...]. Needs root.

Exit status: 0 everything was seen and every difference has a reason, 1 not so, 2 the command line cannot be meant.
"""

from __future__ import annotations

import argparse
import os
import sys

from tests.suites.fetching import NotFetched, fetch
from tests.suites.projects import PROJECTS
from tests.suites.running import load, run
from tests.suites.table import HEAD, Row, judge


def main() -> int:
    """Runs the suites, and prints each difference and then the table. Returns the exit status."""
    arguments = _arguments()
    if os.geteuid() != 0:
        print("test-suites: needs root, to capture in network namespaces of its own; run it with sudo", file=sys.stderr)
        return 2
    rows = []
    for project in (each for each in PROJECTS if each.name in (arguments.projects or _names())):
        print(f"{project.name} {project.version}", flush=True)
        try:
            tree = fetch(project)
            rows.append(judge(project.name, load(tree) if arguments.judge_only else run(project, tree)))
        except NotFetched as error:
            print(f"  {error}")
            rows.append(Row(project.name, trouble="not fetched"))
        for line in rows[-1].told:
            print(f"  {line}", flush=True)
    print("\n".join(["", HEAD, *map(str, rows)]))
    return 0 if all(row.is_good for row in rows) else 1


def _names() -> list[str]:
    return [project.name for project in PROJECTS]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make test-suites", description=__doc__)
    parser.add_argument("projects", nargs="*", metavar="PROJECT", help=f"of {', '.join(_names())}")
    parser.add_argument("--judge-only", action="store_true", help="judge what the last run left, without another")
    arguments = parser.parse_args()
    if unknown := {*arguments.projects} - {*_names()}:
        parser.error(f"{', '.join(sorted(unknown))}: no such project; there are {', '.join(_names())}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())

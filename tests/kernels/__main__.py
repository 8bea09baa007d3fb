"""The tests that depend on the kernel, on several: python -m tests.kernels [KERNEL...] [-- pytest's arguments].

Each kernel is one of Debian's, booted over this machine's own files. What has run on the same sources is not run
again. Exit status: 0 all passed, 1 not all did, 2 the command line cannot be meant.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from tests.kernels.archive import NotThere
from tests.kernels.choice import USUAL, Choice, UnknownName, choose
from tests.kernels.images import image
from tests.kernels.machines import Run, Unable, run
from tests.kernels.results import Results, begin, load, mark, remarks, table

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build/kernels"
# what the kernel itself decides; emulation takes 3 to 8 seconds for a test
EMULATED_TESTS = (
    *("tests/kernel/test_loading.py", "tests/e2e/test_refusals.py", "tests/kernel/test_interfaces.py"),
    *("tests/kernel/test_offload.py", "tests/kernel/test_waiting.py", "tests/kernel/test_quiet.py"),
    *("tests/kernel/test_leftovers.py", "tests/kernel/test_types.py", "tests/kernel/test_tcp.py"),
    "tests/e2e/test_tcp_lives.py",
)
# as a process it takes one or two
PROCESS_TESTS = (
    "tests/kernel",
    "tests/e2e/test_loopback.py",
    "tests/e2e/test_refusals.py",
    "tests/e2e/test_devices.py",
)
# seconds for one kernel
SECONDS_MAX = 1800.0
# how many times as long as usual a test waits for the command in an emulator
PATIENCE = 10
# between two words on how far it is
LOOK_S = 60.0


def main(words: list[str]) -> int:
    """Runs what the words ask for. Returns the exit status."""
    options = _options(words)
    try:
        choices = [choose(name) for name in options.kernels or USUAL]
    except UnknownName as error:
        print(f"test-kernels: {error}", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("test-kernels: needs root, for mounts of its own; run it with sudo", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _end)
    _compile(options.tests or list(PROCESS_TESTS))
    done = []
    for choice in choices:
        results = _on(choice, options)
        done.append(results)
        for line in remarks(results):
            print(line, flush=True)
    print(f"\n{table(done)}")
    return 0 if all(results.is_good for results in done) else 1


def _options(words: list[str]) -> argparse.Namespace:
    cut = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(prog="make test-kernels", description=__doc__)
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help=f"such as {', '.join(USUAL)}")
    parser.add_argument("--again", action="store_true", help="run what has run on the same sources, too")
    parser.add_argument("--seconds", type=float, default=SECONDS_MAX, help="for each kernel (%(default).0f)")
    options = parser.parse_args(words[:cut])
    options.tests = words[cut + 1 :]
    return options


def _compile(tests: list[str]) -> None:
    """Leaves byte code of everything: the guests cannot write it, and take long to make it."""
    # pytest has byte code of its own, of the files that it collects
    modules = (
        ["compileall", "-q", "src", "tests", sys.prefix],
        ["pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *tests],
    )
    for words in modules:
        subprocess.run([sys.executable, "-m", *words], stdout=subprocess.DEVNULL, check=False, cwd=ROOT)


def _on(choice: Choice, options: argparse.Namespace) -> Results:
    """One kernel, from its package to its results."""
    folder = FOLDER / "results" / choice.name
    path = folder / "outcomes"
    tests = options.tests or list(PROCESS_TESTS if choice.is_process else EMULATED_TESTS)
    try:
        found = image(choice, FOLDER)
        if options.again:
            path.unlink(missing_ok=True)
        begin(path, mark(choice.name, found.release, *tests))
        results = load(path, choice.name)
        if results.complete:
            print(f"{choice.name}: has run on these sources", flush=True)
            return results
        print(f"{choice.name}: {found.release}", flush=True)
        trouble = _run(Run(choice, found, _script(path, tests), folder, options.seconds), path)
    except (NotThere, Unable) as error:
        trouble = str(error)
    results = load(path, choice.name)
    results.trouble = trouble
    return results


def _run(this: Run, path: Path) -> str | None:
    """Runs it, says now and then how far it is. Returns what was in the way of an end."""
    began = said = time.monotonic()

    def look() -> None:
        nonlocal said
        if time.monotonic() - said >= LOOK_S:
            said = time.monotonic()
            results = load(path, this.choice.name)
            all_tests = results.facts.get("tests", "?")
            print(f"{this.choice.name}: {len(results.outcomes)} of {all_tests}", flush=True)

    stopped = True
    try:
        status = run(this, look)
        stopped = status is None
    except Unable:
        stopped = False
        raise
    finally:
        with path.open("a") as file:
            file.write(json.dumps({"seconds": round(time.monotonic() - began, 1), "stopped": stopped}) + "\n")
    if status is None:
        return f"was ended after {this.seconds:.0f} seconds; the same command goes on from there"
    if not load(path, this.choice.name).facts.get("finished"):
        return f"pytest ended with {status}: see {(this.results / 'output').relative_to(ROOT)}"
    return None


def _script(path: Path, tests: list[str]) -> str:
    """What the guest runs."""
    environment = {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis",
        "SOCKFILTER_PATIENCE": str(PATIENCE),
        "SOCKFILTER_RESULTS": str(path),
    }
    python = [sys.executable, "-m", "pytest", "-p", "tests.kernels.guest.report", "-p", "no:cacheprovider"]
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    return "\n".join([*lines, f"cd {shlex.quote(str(ROOT))}", shlex.join([*python, *tests]), ""])


def _end(number: int, frame: object) -> NoReturn:
    """A request to end is an error on the way, so that nothing is left running."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

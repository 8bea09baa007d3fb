"""Builds the extension with AddressSanitizer and UBSan, and runs everything that reaches the C code.

    python -m tools.sanitize [pytest's options]

This covers the unit tests of TESTS and all inputs of the fuzz targets: their seeds, and the corpora and findings in
build/fuzz. The run fails if a sanitizer reports an error, even in a process whose exit status is not checked. All files
are in build/sanitize; the installed extension is not changed. It takes about twelve minutes of processor time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import build_bpf

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src/sockfilter"
FOLDER = ROOT / "build/sanitize"
FLAGS = ("-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-g", "-O1")
# what is preloaded goes to every process, and Wireshark's programs come to no end with it
NOT = "not tshark and not capinfos"
TARGETS = ("packets", "streams", "http1", "http2", "files", "broker", "hpack")
# and those of no folder; what is tested in the other folders is Python alone
TESTS = ("road", "captures", "packets", "protocols/http2", "sources", "outputs")
# to end at the first error of memory, and to go on behind undefined behaviour, which says all there is
OPTIONS = {
    # Python frees little of what it has at its end
    "ASAN_OPTIONS": f"detect_leaks=0:log_path={FOLDER}/report",
    "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={FOLDER}/report",
    # each object in a block of its own, so that what lies beyond it is watched
    "PYTHONMALLOC": "malloc",
}


def build() -> None:
    """Creates a copy of the package with its own extension. Everything else in it is a link to the source."""
    package = FOLDER / "sockfilter"
    shutil.rmtree(package, ignore_errors=True)
    binding = package / "libbpf"
    binding.mkdir(parents=True)
    for folder, made in ((SOURCE, package), (SOURCE / "libbpf", binding)):
        for path in folder.iterdir():
            if path.suffix != ".so" and path.name not in ("libbpf", "__pycache__"):
                (made / path.name).symlink_to(path)
    built = build_bpf.build_binding(FOLDER, FLAGS)
    (binding / built.name).symlink_to(built)


def environment() -> dict[str, str]:
    """Returns the environment for a process to be watched."""
    compiler = os.environ.get("CC", "cc").split()
    query = [*compiler, "-print-file-name=libasan.so"]
    # Python itself is not built with it: it has to be there first
    library = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(library).is_absolute():
        sys.exit(f"sanitize: {compiler[0]} has no libasan.so; with CC=gcc there is one")
    return {**os.environ, **OPTIONS, "LD_PRELOAD": library, "PYTHONPATH": str(FOLDER)}


def is_in_use(env: dict[str, str]) -> bool:
    """Returns whether Python imports this build."""
    program = "from sockfilter.libbpf import _libbpf; print(_libbpf.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", program], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    return str(FOLDER) in found.stdout


def reports() -> list[Path]:
    """Returns the reports of the sanitizers, one file for each process."""
    return sorted(FOLDER.glob("report.*"))


def has_failed(words: list[str], env: dict[str, str]) -> bool:
    """Runs a module with arguments. Returns whether it failed."""
    return subprocess.run([sys.executable, "-m", *words], env=env, cwd=ROOT, check=False).returncode != 0


def main(arguments: list[str]) -> None:
    """Builds the extension, runs everything, and prints the reports."""
    for path in reports():
        path.unlink()
    build()
    env = environment()
    if not is_in_use(env):
        sys.exit("sanitize: another extension than that of build/sanitize is imported")
    units = ROOT / "tests/unit"
    tests = [*(str(units / name) for name in TESTS), *map(str, sorted(units.glob("test_*.py")))]
    runs = [["pytest", "-q", "-p", "no:cacheprovider", "-k", NOT, *tests, *arguments]]
    runs += [["tests.fuzz.replay", name] for name in TARGETS]
    failed = [run[:2] for run in runs if has_failed(run, env)]
    for path in reports():
        print(path.read_text(errors="replace"), file=sys.stderr)
    if failed or reports():
        what = ", ".join(run[0] if run[0] == "pytest" else run[1] for run in failed) or "none"
        sys.exit(f"sanitize: {len(reports())} reports, in {FOLDER}; failed: {what}")
    print("sanitize: no report")


if __name__ == "__main__":
    main(sys.argv[1:])

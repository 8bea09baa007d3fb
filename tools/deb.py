# SPDX-License-Identifier: BSD-3-Clause
"""Builds a Debian package: sockfilter in /usr/bin, and everything else in a folder of its own.

    python -m tools.deb [FOLDER]    writes to FOLDER, by default dist/

The package depends on Debian's libbpf, cffi backend, pyroute2 and lark. It contains brotli and backports.zstd, which
Debian 12 lacks or has only in old versions, built for each Python of PYTHONS. So one package installs on all releases
with these versions.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
import zipfile
from email.utils import formatdate
from pathlib import Path
from tempfile import TemporaryDirectory

from sockfilter import __version__
from tools import sbom

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = Path(__file__).resolve().parent / "debian"
# Debian 12, Ubuntu 24.04, Debian 13
PYTHONS = ("3.11", "3.12", "3.13")
BUNDLED = ("brotli", "backports-zstd")
DEPENDS = [
    "python3 (>= 3.11), python3 (<< 3.14)",
    # 0x2601, what cffi writes into a binding without callbacks (VERSION_BASE of its recompiler)
    "python3-cffi-backend-api-min (<= 9729), python3-cffi-backend-api-max (>= 9729)",
    # the oldest that was tried
    "python3-pyroute2 (>= 0.7.2)",
    # Debian 12's
    "python3-lark (>= 1.1.5)",
    # LIBBPF_MINIMUM of build_bpf.py
    "libbpf1 (>= 1:1.1)",
]
# as Debian's tools take them from the environment
MAINTAINER = {"DEBFULLNAME": "the sockfilter authors", "DEBEMAIL": "sockfilter@localhost"}
HOME = "usr/lib/sockfilter"
# where a wheel's share folder has it, and Debian: the others agree
PLACES = {"zsh/site-functions": "zsh/vendor-completions"}


def output_of(*command: str | Path, cwd: Path = ROOT) -> str:
    """Returns the output of a command. Raises CalledProcessError if it fails."""
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def flags() -> dict[str, str]:
    """Returns Debian's compiler flags."""
    query = ("env", "DEB_BUILD_MAINT_OPTIONS=hardening=+bindnow", "dpkg-buildflags", "--get")
    names = {"CFLAGS": ("CFLAGS", "CPPFLAGS"), "LDFLAGS": ("LDFLAGS",)}
    return {name: " ".join(output_of(*query, part).strip() for part in parts) for name, parts in names.items()}


def unpack_wheel(stage: Path, folder: Path) -> None:
    """Builds a wheel with the system's libbpf and moves its files to their places in a Debian system."""
    environment = {**os.environ, "LDSHARED": os.environ.get("CC", "cc") + " -shared", **flags()}
    # by way of a source distribution: nothing that was built before, with other flags
    words = ("-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    subprocess.run([sys.executable, *words], env=environment, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        for name in content.namelist():
            if name.startswith("sockfilter/"):
                content.extract(name, stage / HOME)
        content.extractall(folder)
    (share,) = folder.glob("*.data/data/share")
    shutil.copytree(share, stage / "usr/share")
    for here, there in PLACES.items():
        (stage / "usr/share" / here).rename(stage / "usr/share" / there)


def bundle(stage: Path, folder: Path) -> str:
    """Adds the packages of BUNDLED for each of PYTHONS. Returns the texts of their licences."""
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary", ":all:")
    locked = folder / "bundled.txt"
    locked.write_text(sbom.requirements(sbom.LOCKED / "run.txt", BUNDLED))
    for version in PYTHONS:
        target = folder / version
        words = ("--target", target, "--python-version", version, "--require-hashes", "-r", locked)
        subprocess.run([*pip, *words], check=True)
        unwanted = shutil.ignore_patterns("bin", "*.dist-info", "*.pyi", "py.typed", "__pycache__")
        shutil.copytree(target, stage / HOME, ignore=unwanted, dirs_exist_ok=True)
    # not a namespace: another backports on the system does not stand in front of it
    (stage / HOME / "backports/__init__.py").touch()
    licences = sorted(target.glob("*.dist-info/licenses/*"))
    return "".join(f"\n{_of(path)}\n{'-' * len(_of(path))}\n\n{path.read_text()}" for path in licences)


def _of(licence: Path) -> str:
    return f"{licence.parents[1].name.removesuffix('.dist-info')}: {licence.name}"


def add_documents(stage: Path, licences: str, maintainer: str) -> None:
    """Adds the launcher, the licences, the changelog, and the manual page, compressed as Debian requires."""
    launcher = stage / "usr/bin/sockfilter"
    launcher.parent.mkdir()
    shutil.copy(TEMPLATES / "sockfilter", launcher)
    documents = stage / "usr/share/doc/sockfilter"
    documents.mkdir(parents=True)
    (documents / "sbom.cdx.json").write_text(sbom.bill())
    (documents / "copyright").write_text((ROOT / "LICENSE").read_text() + licences)
    page = stage / "usr/share/man/man1/sockfilter.1"
    _compress(page.with_name("sockfilter.1.gz"), page.read_text())
    page.unlink()
    date = formatdate(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    _compress(documents / "changelog.gz", changelog() + f"\n -- {maintainer}  {date}\n")
    overrides = stage / "usr/share/lintian/overrides"
    overrides.mkdir(parents=True)
    shutil.copy(TEMPLATES / "overrides", overrides / "sockfilter")


def changelog() -> str:
    """Returns the entry of CHANGELOG.md for this version, in Debian's form."""
    changes = (ROOT / "CHANGELOG.md").read_text().partition(f"\n## {__version__}\n")[2].partition("\n## ")[0]
    entries = (" ".join(entry.split()) for entry in changes.split("\n- ")[1:])
    lines = (
        textwrap.fill(entry, 78, initial_indent="  * ", subsequent_indent="    ", break_on_hyphens=False)
        for entry in entries
    )
    return "\n".join((f"sockfilter ({__version__}) unstable; urgency=medium", "", *lines, ""))


def _compress(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def strip(stage: Path) -> None:
    """Strips the symbols from the extensions."""
    subprocess.run(["strip", "--strip-unneeded", "--remove-section=.comment", *stage.rglob("*.so")], check=True)


def libraries(stage: Path, folder: Path) -> str:
    """Returns the packages of the extension's libraries, except DEPENDS. The bundled files need only an older glibc."""
    (extension,) = (stage / HOME / "sockfilter").rglob("*.so")
    (folder / "debian").mkdir()
    (folder / "debian/control").write_text("Source: sockfilter\n\nPackage: sockfilter\nArchitecture: any\n")
    said = output_of("dpkg-shlibdeps", "-O", f"-e{extension}", cwd=folder)
    found = re.search("^shlibs:Depends=(.*)$", said, re.MULTILINE)
    assert found, "dpkg-shlibdeps says something else than it did"
    return ", ".join(entry for entry in found[1].split(", ") if not entry.startswith("libbpf"))


def add_control(stage: Path, depends: str, maintainer: str) -> None:
    """Writes the control files for dpkg."""
    files = sorted(path for path in stage.rglob("*") if path.is_file())
    for path in (stage, *stage.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    control = stage / "DEBIAN"
    control.mkdir()
    sums = (f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(stage)}\n" for path in files)
    (control / "md5sums").write_text("".join(sums))
    text = (TEMPLATES / "control").read_text()
    (control / "control").write_text(
        text.format(
            version=__version__,
            architecture=output_of("dpkg", "--print-architecture").strip(),
            maintainer=maintainer,
            kib=sum(path.stat().st_size for path in files) // 1024,
            depends=depends,
        )
    )
    for name in ("postinst", "prerm"):
        shutil.copy(TEMPLATES / name, control)
        (control / name).chmod(0o755)


def main(target: Path) -> None:
    """Builds the package and moves it to target."""
    name, address = (os.environ.get(word, default) for word, default in MAINTAINER.items())
    maintainer = f"{name} <{address}>"
    with TemporaryDirectory(prefix="sockfilter-deb-") as place:
        folder = Path(place)
        stage = folder / "stage"
        unpack_wheel(stage, folder)
        licences = bundle(stage, folder)
        add_documents(stage, licences, maintainer)
        strip(stage)
        depends = ", ".join([*DEPENDS, libraries(stage, folder)])
        add_control(stage, depends, maintainer)
        target.mkdir(parents=True, exist_ok=True)
        print(output_of("dpkg-deb", "--root-owner-group", "--build", stage, target).strip())


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "dist")

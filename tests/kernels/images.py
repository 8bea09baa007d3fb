"""A kernel and its modules, out of Debian's packages, in a folder that stays."""

from __future__ import annotations

import lzma
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kernels.archive import ARCHITECTURE, Archive, NotThere

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kernels.choice import Choice

# what the guest's root takes, then the devices and rules that tests make, and sock_diag; what is built in has no file
MODULES = ("virtio_pci", "virtiofs", "veth", "bridge", "tun", "vxlan", "nf_tables", "nft_counter", "tcp_diag")
UNPACK_S_MAX = 120.0


@dataclass(frozen=True)
class Image:
    """What is needed to start a kernel.

    Attributes:
        kernel: the file to boot, or of user-mode Linux to run.
        modules: files to load, in this order.
        release: what uname -r will say.
    """

    kernel: Path
    modules: tuple[Path, ...]
    release: str


def image(choice: Choice, folder: Path) -> Image:
    """The newest kernel of a choice that Debian has; once it is in folder, that one.

    Raises NotThere.
    """
    home = folder / "images" / choice.name
    if not (home / "release").exists():
        shutil.rmtree(home, ignore_errors=True)
        _fetch(choice, folder, home)
    modules = (home / line for line in (home / "modules").read_text().split())
    return Image(home / "kernel", tuple(modules), (home / "release").read_text())


def _fetch(choice: Choice, folder: Path, home: Path) -> None:
    archive = Archive(folder / f"apt-{ARCHITECTURE}")
    archive.refresh()
    missed = []
    for packages in _candidates(choice, archive):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            try:
                tree = _unpacked(archive, packages, Path(scratch))
                _keep(tree, home)
                return
            except NotThere as error:
                missed.append(str(error))
    raise NotThere("; ".join(missed) or f"Debian has no package of {choice.name}")


def _candidates(choice: Choice, archive: Archive) -> Iterator[list[str]]:
    """Packages that make up a kernel together, the newest first."""
    series = re.escape(choice.series) if choice.series else r"\d+\.\d+"
    if choice.is_process:
        form = re.compile(rf"{series}(um|\.).*")
        yield from ([f"user-mode-linux={v}"] for v in archive.versions("user-mode-linux") if form.fullmatch(v))
        return
    # since 6.19 linux-image is empty: what was in it is in linux-binary and linux-modules
    form = re.compile(rf"linux-(image|binary)-({series}[.+][^-]*(-[0-9][^-]*)?)-cloud-{ARCHITECTURE}")
    names = archive.packages(form)
    split = {name for name in names if name.startswith("linux-binary-")}
    for name in names:
        if name in split:
            yield [name, name.replace("-binary-", "-modules-", 1)]
        elif name.replace("-image-", "-binary-", 1) not in split:
            yield [name]


def _unpacked(archive: Archive, packages: list[str], scratch: Path) -> Path:
    tree = scratch / "tree"
    tree.mkdir()
    for number, package in enumerate(packages):
        file = archive.download(package, scratch / str(number))
        subprocess.run(["dpkg-deb", "--extract", file, tree], check=True, timeout=UNPACK_S_MAX)
    return tree


def _keep(tree: Path, home: Path) -> None:
    """Copies from a package's files what is needed."""
    kernels = [path for pattern in ("vmlinuz*", "linux.uml") for path in tree.rglob(pattern) if path.is_file()]
    there = {_name(path): path for path in tree.rglob("*.ko*")}
    if not kernels or not there:
        raise NotThere("the package has no kernel in it, or no modules")
    home.mkdir(parents=True)
    shutil.copy(kernels[0], home / "kernel")
    order: list[str] = []
    for name in MODULES:
        _keep_module(name, there, home, order)
    (home / "modules").write_text("\n".join(order))
    # the folder under lib/modules/; written last: with it, the image is complete
    folder = next(p for p in next(iter(there.values())).parents if p.parent.name == "modules")
    (home / "release").write_text(folder.name)


def _keep_module(name: str, there: dict[str, Path], home: Path, order: list[str]) -> None:
    """Copies a module, behind those it depends on."""
    if name not in there or f"{name}.ko" in order:
        return
    content = there[name].read_bytes()
    if there[name].suffix == ".xz":
        content = lzma.decompress(content)
    depends = re.search(rb"\0depends=([^\0]*)", content)
    for other in depends[1].decode().split(",") if depends else ():
        _keep_module(other.replace("-", "_"), there, home, order)
    (home / f"{name}.ko").write_bytes(content)
    order.append(f"{name}.ko")


def _name(path: Path) -> str:
    return path.name.partition(".")[0].replace("-", "_")

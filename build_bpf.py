# SPDX-License-Identifier: BSD-3-Clause
"""Builds the C parts of sockfilter: the BPF objects and the libbpf binding.

Hatchling calls it as a build hook, and the Makefile as a command:

    python build_bpf.py bpf        bpf/*.bpf.c -> src/sockfilter/objects/*.bpf.o      (clang, llvm-strip)
    python build_bpf.py binding    src/sockfilter/libbpf/ -> _libbpf.abi3.so          (cc, libbpf, Python's headers)
    python build_bpf.py            both

A product that is newer than its sources is not built again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:

    class BuildHookInterface:
        """The part of hatchling's interface that is used here."""

        target_name: str
else:
    try:
        from hatchling.builders.hooks.plugin.interface import BuildHookInterface
    except ImportError:  # the Makefile calls this before anything is installed
        BuildHookInterface = object

ROOT = Path(__file__).resolve().parent
BPF = ROOT / "bpf"
OBJECTS = ROOT / "src/sockfilter/objects"
BINDING = ROOT / "src/sockfilter/libbpf"
BINDING_PARTS = ("shim.c", "types.c", "loading.c", "tracepoints.c", "tcp_slots.c", "sandbox.c")
LANE = ROOT / "src/sockfilter/road/express"
LANE_PARTS = ("slots.c", "heads.c", "secret.c", "lines.c", "tally.c", "lane.c")
HTTP2 = ROOT / "src/sockfilter/protocols/http2"
HTTP2_PARTS = ("huffman.c", "hpack.c", "usual_fields.c", "usual_streams.c", "usual_json.c", "usual_lines.c", "usual.c")
SECRETS = ROOT / "src/sockfilter/sources/secrets"
SECRETS_PARTS = ("find.c", "attach.c", "watch.c")
TLS = ROOT / "src/sockfilter/tls"
TLS_PARTS = ("opening.c",)
PARTS = (*BINDING_PARTS, *LANE_PARTS, *HTTP2_PARTS, *SECRETS_PARTS, *TLS_PARTS)
REPLAY = ROOT / "src/sockfilter/replay"
LIBBPF_MINIMUM = "1.1"

# -mcpu=v3: 32-bit jumps, kernel 5.1. The last two flags keep the path of this folder out of the object, so that builds
# in different folders are identical.
CLANG_FLAGS = (
    "-g -O2 -target bpf -mcpu=v3 -std=gnu11 -Wall -Wextra -Wpadded -Werror"
    " -Ivmlinux -Ibpf -ffile-prefix-map={root}=. -fdebug-compilation-dir=."
).split()

# Without CAP_PERFMON the verifier refuses to spill a scalar into a stack slot that held a pointer ("attempt to corrupt
# spilled pointer"). The flag prevents this, but the whole call chain must still fit into 512 bytes of stack.
FLAGS_OF = {"sockfilter.bpf.c": ["-mllvm", "-no-stack-slot-sharing"]}

# replay.c includes the BPF program, which breaks strict aliasing and has pragmas for clang
CC_FLAGS = ["-O2", "-fvisibility=hidden", "-fno-strict-aliasing", "-Wno-unknown-pragmas"]


def is_current(product: Path, sources: list[Path]) -> bool:
    """Whether product exists and is not older than any of its sources."""
    return product.exists() and all(product.stat().st_mtime >= s.stat().st_mtime for s in sources)


def build_objects(out: Path = OBJECTS, root: Path = ROOT) -> list[Path]:
    """Compiles each bpf/*.bpf.c below root into out.

    Raises SystemExit if an object is missing and there is no clang to build it.
    """
    clang, strip = os.environ.get("CLANG", "clang"), os.environ.get("LLVM_STRIP", "llvm-strip")
    headers = [*root.glob("bpf/**/*.h"), root / "vmlinux/vmlinux.h", root / "vmlinux/internal.h", root / "build_bpf.py"]
    products = []
    for source in sorted(root.glob("bpf/*.bpf.c")):
        product = out / source.with_suffix(".o").name
        products.append(product)
        if is_current(product, [source, *headers]):
            continue
        if not shutil.which(clang):
            if product.exists():  # it came with the source distribution
                continue
            sys.exit(f"sockfilter: {clang} is needed to build {product.name}; on Debian: apt install clang llvm")
        out.mkdir(parents=True, exist_ok=True)
        flags = [flag.format(root=root) for flag in [*CLANG_FLAGS, *FLAGS_OF.get(source.name, [])]]
        # a path relative to root, because the BTF line info contains it
        relative = source.relative_to(root)
        subprocess.run([clang, *flags, "-c", relative, "-o", product], cwd=root, check=True)
        subprocess.run([strip, "-g", product], check=True)  # drops DWARF, keeps BTF
    return products


def declarations() -> str:
    """Returns the declarations for cffi: the shared headers without their guards, then cdef.h."""
    shared_names = (
        "config.h",
        "events.h",
        "members.h",
        "tree.h",
        "syscalls.h",
        "processes.h",
        "secrets.h",
        "tcp_events.h",
        "count.h",
        "guard.h",
        "accelerate.h",
    )
    headers = (
        *(BPF / name for name in shared_names),
        LANE / "lane.h",
        LANE / "tally.h",
        HTTP2 / "hpack.h",
        HTTP2 / "usual.h",
        SECRETS / "found.h",
        SECRETS / "mapping.h",
        TLS / "opening.h",
        REPLAY / "replay.h",
    )
    shared = "\n".join(path.read_text() for path in headers)
    # cffi accepts comments and macros for numbers, but no other directives
    shared = re.sub(r"^#(?!define \w+ \d).*$", "", shared, flags=re.MULTILINE)
    kernel = {8: "unsigned char", 16: "unsigned short", 32: "unsigned int", 64: "unsigned long long"}
    types = "".join(f"typedef {name} __u{bits};" for bits, name in kernel.items())
    return f"{types} typedef unsigned short __be16;\n{shared}\n{(BINDING / 'cdef.h').read_text()}"


def libbpf_flags() -> dict[str, list[str]]:
    """Returns compiler and linker flags for the system's libbpf, unless PKG_CONFIG or PKG_CONFIG_PATH selects another.

    Raises SystemExit if pkg-config finds no libbpf that is new enough.
    """
    pkg_config = os.environ.get("PKG_CONFIG", "pkg-config").split()
    query = subprocess.run(
        [*pkg_config, "--print-errors", "--cflags", "--libs", f"libbpf >= {LIBBPF_MINIMUM}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if query.returncode:
        sys.exit(
            f"sockfilter: libbpf {LIBBPF_MINIMUM} or newer with its headers is needed to build the binding; "
            f"on Debian: apt install libbpf-dev pkg-config\n{query.stderr}"
        )
    words = query.stdout.split()
    return {
        "include_dirs": [w[2:] for w in words if w.startswith("-I")],
        "library_dirs": [w[2:] for w in words if w.startswith("-L")],
        "libraries": [w[2:] for w in words if w.startswith("-l")],
    }


def build_binding(out: Path = BINDING, more_flags: tuple[str, ...] = ()) -> Path:
    """Compiles the C files of the binding, with the code that cffi generates, into one abi3 extension.

    Args:
        out: the folder for the extension.
        more_flags: more flags for the compiler and the linker, for a build that will not be installed.
    """
    folders = (BPF, ROOT / "vmlinux", BINDING, LANE, HTTP2, SECRETS, TLS, REPLAY)
    sources = [Path(__file__), *(path for folder in folders for path in folder.rglob("*.[ch]"))]
    suffix = ".abi3.so" if not sysconfig.get_config_var("Py_GIL_DISABLED") else sysconfig.get_config_var("EXT_SUFFIX")
    product = out / f"_libbpf{suffix}"
    if is_current(product, sources):
        return product
    import cffi  # may be missing if only the objects are built

    flags = libbpf_flags()
    # REPLAY/include comes first: its bpf_helpers.h replaces the one of libbpf in replay.c
    flags["include_dirs"][:0] = [str(p) for p in (REPLAY / "include", *folders)]
    ffi = cffi.FFI()
    ffi.cdef(declarations())
    ffi.set_source(
        "sockfilter.libbpf._libbpf",
        # cffi includes Python.h first, which defines _GNU_SOURCE
        "".join(f'#include "{name}"\n' for name in (*PARTS, "replay.h")),
        sources=[str(REPLAY / "replay.c")],
        extra_link_args=["-pthread", "-ldl", *more_flags],
        extra_compile_args=[*CC_FLAGS, f"-ffile-prefix-map={ROOT}=.", *more_flags],
        include_dirs=flags["include_dirs"],
        library_dirs=flags["library_dirs"],
        libraries=flags["libraries"],
    )
    folder = f"binding-{sys.implementation.cache_tag}{'-other' if more_flags else ''}"
    built = Path(ffi.compile(tmpdir=str(ROOT / "build" / folder)))
    # replace the file instead of writing into it: a process may have the old one mapped
    fresh = product.with_suffix(".new")
    shutil.copy(built, fresh)
    fresh.replace(product)
    return product


def write_shared() -> Path:
    """Writes the manual page and the shell completions. Returns their share folder."""
    folder = ROOT / "build/share"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-m", "tools.share", folder], cwd=ROOT, env=environment, check=True)
    return folder


class CustomBuildHook(BuildHookInterface):
    """The build hook that hatchling calls for a source distribution, a wheel or an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the files that the target contains, and sets the wheel's tag."""
        build_objects()
        if self.target_name != "wheel":
            return
        binding = build_binding()
        build_data["pure_python"] = False
        if binding.name.endswith(".abi3.so"):
            # set for a cross build, for example to linux-aarch64
            platform = os.environ.get("SOCKFILTER_PLATFORM") or sysconfig.get_platform()
            build_data["tag"] = f"cp310-abi3-{platform.replace('-', '_').replace('.', '_')}"
        else:
            build_data["infer_tag"] = True
        build_data["shared_data"][str(write_shared())] = "share"
        build_data["artifacts"] += ["src/sockfilter/objects/*.bpf.o", f"src/sockfilter/libbpf/{binding.name}"]


def main(verbs: list[str]) -> None:
    """Runs the given verbs; without any, runs both."""
    for verb in verbs or ["bpf", "binding"]:
        if verb == "bpf":
            build_objects()
        elif verb == "binding":
            build_binding()
        else:
            sys.exit(f"build_bpf.py: no such verb: {verb}; there are bpf and binding")


if __name__ == "__main__":
    main(sys.argv[1:])

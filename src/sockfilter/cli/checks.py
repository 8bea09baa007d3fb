"""The checks of sockfilter doctor: each reports what it found on this machine and how to fix a problem."""

from __future__ import annotations

import os
import resource
import socket
import threading
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.cli.texts import text_of
from sockfilter.errors import SockfilterError
from sockfilter.system import rights

if TYPE_CHECKING:
    from collections.abc import Callable

# Works; capturing works but another feature may not; capturing does not work; the check could not find out.
OK, NOTE, BAD, UNKNOWN = "ok", "note", "bad", "unknown"

# include/uapi/linux/bpf.h, enum bpf_map_type
MAP_TYPE_RINGBUF = 27
# Bytes of locked memory for the ring and the tables, where the kernel counts maps as locked (before Linux 5.11).
LOCKED_BYTES = 32 << 20
NEEDS_RIGHTS = "this check requires the capabilities"
# Seconds to wait for one exchange on lo.
EXCHANGE_S = 10.0
ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Finding(NamedTuple):
    """The result of a check: its name, OK, NOTE, BAD or UNKNOWN, what was found, and how to fix it."""

    name: str
    state: str
    found: str
    remedy: str = ""


def kernel() -> Finding:
    """Reports the kernel's version."""
    here = os.uname()
    return Finding("kernel", OK, f"{here.sysname} {here.release} {here.machine}")


def libbpf() -> Finding:
    """Checks whether the binding and libbpf are installed."""
    from sockfilter.libbpf import binding

    try:
        ffi, lib = binding.load()
    except SockfilterError as error:
        return Finding("libbpf", BAD, str(error))
    return Finding("libbpf", OK, ffi.string(lib.libbpf_version_string()).decode())


def ring_buffer() -> Finding:
    """Checks whether the kernel supports ring buffers, by creating one."""
    from sockfilter.libbpf import binding

    answer = binding.load()[1].libbpf_probe_bpf_map_type(MAP_TYPE_RINGBUF, binding.load()[0].NULL)
    if answer == 1:
        return Finding("ring buffer", OK, "supported")
    if rights.missing():
        return Finding("ring buffer", UNKNOWN, NEEDS_RIGHTS)
    return Finding("ring buffer", BAD, "not supported", "ring buffers require Linux 5.8 or newer")


def btf() -> Finding:
    """Checks whether kernel types can be read. Process trees need them; packets do not."""
    if os.path.exists("/sys/kernel/btf/vmlinux"):
        return Finding("BTF", OK, "/sys/kernel/btf/vmlinux")
    remedy = "packets do not need it; process trees and process names require a kernel with CONFIG_DEBUG_INFO_BTF"
    return Finding("BTF", NOTE, "no /sys/kernel/btf/vmlinux", remedy)


def calls() -> Finding:
    """Checks whether system calls can be captured. Packets do not need this."""
    from sockfilter.captures.capture import capture

    remedy = "packets do not need it; --via syscalls requires CAP_BPF, CAP_PERFMON and a kernel with BTF"
    try:
        with capture(via="syscalls", ports=[1]):
            return Finding("system calls", OK, "the program loads and sees them")
    except SockfilterError as error:
        return Finding("system calls", NOTE, str(error), remedy)


def jit() -> Finding:
    """Checks whether the kernel compiles BPF programs."""
    value = text_of("/proc/sys/net/core/bpf_jit_enable")
    if value is None:
        return Finding("JIT", UNKNOWN, "only root can read net.core.bpf_jit_enable")
    if value == "0":
        return Finding(
            "JIT", NOTE, "off: capturing needs several times more processor time", "sysctl -w net.core.bpf_jit_enable=1"
        )
    return Finding("JIT", OK, "on")


def lockdown() -> Finding:
    """Checks whether the kernel is locked down, and in which mode."""
    modes = text_of("/sys/kernel/security/lockdown")
    if modes is None:
        return Finding("lockdown", OK, "none")
    mode = modes.partition("[")[2].partition("]")[0]
    if mode == "confidentiality":
        remedy = "packets do not need less; process trees and process names require lockdown=integrity or none"
        return Finding("lockdown", NOTE, mode, remedy)
    return Finding("lockdown", OK, mode)


def capabilities() -> Finding:
    """Checks whether this process has the capabilities to capture."""
    lacks = rights.missing()
    if lacks:
        return Finding("capabilities", BAD, f"{' and '.join(lacks)} missing", rights.REMEDY)
    return Finding("capabilities", OK, "CAP_NET_RAW and CAP_BPF")


def unprivileged() -> Finding:
    """Reports what unprivileged processes may do with BPF. sockfilter does not depend on it, but it explains errors."""
    value = text_of("/proc/sys/kernel/unprivileged_bpf_disabled")
    return Finding("unprivileged_bpf_disabled", OK, "not present" if value is None else value)


def locked_memory() -> Finding:
    """Checks whether maps fit into the limit, where the kernel counts them as locked memory."""
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    if limit == resource.RLIM_INFINITY or limit >= LOCKED_BYTES or not rights.missing():
        return Finding("locked memory", OK, "no limit" if limit == resource.RLIM_INFINITY else f"{limit >> 10} KiB")
    remedy = "kernels before 5.11 count BPF maps as locked memory: ulimit -l unlimited, or LimitMEMLOCK=infinity"
    return Finding("locked memory", NOTE, f"{limit >> 10} KiB", remedy)


def confined() -> Finding:
    """Reports which mechanisms confine the command while it captures."""
    from sockfilter.cli import sandbox

    remedy = "capturing works without it; it requires Linux 5.13 or newer, with lsm=landlock"
    return (
        Finding("sandbox", OK, sandbox.words()) if sandbox.abi() else Finding("sandbox", NOTE, sandbox.words(), remedy)
    )


def namespaces() -> Finding:
    """Checks whether this process is in the machine's network namespace or in another one."""
    names = ", ".join(name for _, name in socket.if_nameindex())
    try:
        is_first = os.stat("/proc/self/ns/net").st_ino == os.stat("/proc/1/ns/net").st_ino
    except OSError:
        return Finding("network namespace", UNKNOWN, f"it has {names}")
    if is_first:
        return Finding("network namespace", OK, f"that of process 1; it has {names}")
    remedy = "for another namespace use --netns NAME or --netns PID"
    return Finding("network namespace", NOTE, f"not that of process 1; it has {names}", remedy)


def loads() -> Finding:
    """Checks whether the kernel loads the program and lets it see packets on lo."""
    from sockfilter.captures.capture import capture

    if rights.missing():
        return Finding("program", UNKNOWN, NEEDS_RIGHTS)
    try:
        with capture("lo", ports=[1], processes=False):
            return Finding("program", OK, "loads and attaches to lo")
    except SockfilterError as error:
        return Finding("program", BAD, str(error))


def past_network() -> Finding:
    """Looks for programs that pass the bytes of connections from socket to socket, where packets do not show them."""
    from sockfilter.system import sockmaps

    if not rights.effective() >> rights.CAP_SYS_ADMIN & 1:
        return Finding("past the network", UNKNOWN, "listing the maps of others requires CAP_SYS_ADMIN, or sudo")
    maps = sockmaps.found()
    if not maps:
        return Finding("past the network", OK, "nothing redirects from socket to socket (no sockmap)")
    if said := sockmaps.words_of(maps):
        return Finding("past the network", NOTE, said)
    return Finding("past the network", OK, f"{'; '.join(map(str, maps))}; nothing on it redirects")


def processes() -> Finding:
    """Checks whether the processes at the ends of connections can be named."""
    from sockfilter.observers.processes.processes import Processes

    lacks = rights.missing_for_processes()
    if lacks:
        remedy = "packets do not need it; --processes requires CAP_BPF and CAP_PERFMON, or sudo"
        return Finding("processes", NOTE, f"not named: {' and '.join(lacks)} missing", remedy)
    try:
        with Processes():
            return Finding("processes", OK, "can be named")
    except SockfilterError as error:
        return Finding("processes", NOTE, f"not named: {error}", "packets do not need it: --no-processes")


def tls() -> Finding:
    """Checks whether the secrets of TLS can be taken by probes, and whether connections can be opened with them."""
    from sockfilter.road.secrets import is_installed
    from sockfilter.sources.secrets import probes

    remedy = "HTTP without TLS does not need it; a key log needs no rights: --keylog FILE"
    try:
        probes.check()
        with probes.Probes() as made:
            way = "CAP_SYS_ADMIN, as before Linux 6.6" if made.needs_admin else "CAP_PERFMON"
    except SockfilterError as error:
        return Finding("TLS", NOTE, f"no probes: {error}", remedy)
    if not is_installed():
        return Finding("TLS", NOTE, "neither libcrypto nor the package cryptography is there", "install OpenSSL")
    return Finding("TLS", OK, f"--tls is possible, by {way}; sockfilter tls lists the libraries")


def exchange() -> Finding:
    """Checks whether sockfilter sees an exchange on lo."""
    from sockfilter.captures.capture import capture

    if rights.missing():
        return Finding("exchange", UNKNOWN, NEEDS_RIGHTS)
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with capture("lo", ports=[port], processes=False) as wire:
                _ask(server, port)
                found = wire.first(path="/doctor")
    except (SockfilterError, OSError) as error:
        return Finding("exchange", BAD, str(error))
    if found is None or not found.complete:
        remedy = "something takes packets away before sockfilter sees them: XDP, sockmap, or a sandbox"
        return Finding("exchange", BAD, "one crossed lo and was not seen", remedy)
    return Finding("exchange", OK, "one crossed lo, and was seen")


def _ask(server: socket.socket, port: int) -> None:
    """Makes one exchange with a server in this process."""

    def answer() -> None:
        link, _ = server.accept()
        with link:
            link.recv(1 << 12)
            link.sendall(ANSWER)

    server.settimeout(EXCHANGE_S)
    answering = threading.Thread(target=answer, daemon=True)
    answering.start()
    with socket.create_connection(("127.0.0.1", port), timeout=EXCHANGE_S) as client:
        client.sendall(b"GET /doctor HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while client.recv(1 << 12):
            pass
    answering.join(EXCHANGE_S)


CHECKS: tuple[Callable[[], Finding], ...] = (
    kernel,
    libbpf,
    capabilities,
    ring_buffer,
    btf,
    jit,
    lockdown,
    unprivileged,
    locked_memory,
    confined,
    namespaces,
    loads,
    processes,
    calls,
    past_network,
    tls,
    exchange,
)

"""The capabilities of this process, and advice for missing ones."""

from __future__ import annotations

import resource

from sockfilter.errors import KernelUnsupported

# include/uapi/linux/capability.h; CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON, which were split from it (kernel 5.8)
CAP_SETGID = 6
CAP_SETUID = 7
CAP_NET_ADMIN = 12
CAP_NET_RAW = 13
CAP_SYS_PTRACE = 19
CAP_SYS_ADMIN = 21
CAP_PERFMON = 38
CAP_BPF = 39
CAP_CHECKPOINT_RESTORE = 40

STATUS = "/proc/thread-self/status"
REMEDY = (
    "use sudo; or grant both to one run:"
    " sudo setpriv --reuid=$USER --regid=$(id -g) --init-groups"
    " --inh-caps=+net_raw,+bpf --ambient-caps=+net_raw,+bpf COMMAND;"
    " or to a service: AmbientCapabilities=CAP_NET_RAW CAP_BPF in its systemd unit"
)


def effective() -> int:
    """Returns this thread's effective capabilities as a bit set."""
    return _set("CapEff")


def permitted() -> int:
    """Returns this thread's permitted capabilities as a bit set."""
    return _set("CapPrm")


def _set(name: str) -> int:
    try:
        with open(STATUS) as lines:
            return next((int(line.split()[1], 16) for line in lines if line.startswith(f"{name}:")), 0)
    except FileNotFoundError as error:
        raise KernelUnsupported(
            f"reading {STATUS}: {error.strerror}; mount procfs: mount -t proc proc /proc"
        ) from error


def missing() -> list[str]:
    """Returns the names of the capabilities that a capture needs and this thread lacks."""
    held = effective()
    lacks = [] if held >> CAP_NET_RAW & 1 else ["CAP_NET_RAW"]
    if not (held >> CAP_BPF & 1 or held >> CAP_SYS_ADMIN & 1):
        lacks.append("CAP_BPF")
    return lacks


def has_perfmon() -> bool:
    """Whether this thread has CAP_PERFMON. False also if procfs is not mounted."""
    try:
        held = effective()
    except KernelUnsupported:
        return False
    return bool(held >> CAP_PERFMON & 1 or held >> CAP_SYS_ADMIN & 1)


def for_capturing(held: int) -> int:
    """Returns the capabilities in a bit set that a capture needs."""
    bpf = 1 << (CAP_BPF if held >> CAP_BPF & 1 else CAP_SYS_ADMIN)
    return held & (1 << CAP_NET_RAW | bpf)


def for_probing(held: int, needs_admin: bool) -> int:
    """Returns the capabilities in a bit set that attaching probes to the files of all processes needs.

    Args:
        held: the bit set.
        needs_admin: whether the kernel wants CAP_SYS_ADMIN for probes, which includes the others but CAP_SYS_PTRACE.
    """
    wanted = 1 << CAP_SYS_PTRACE
    if needs_admin or not held >> CAP_BPF & 1:
        wanted |= 1 << CAP_SYS_ADMIN
    for number in (CAP_BPF, CAP_PERFMON, CAP_CHECKPOINT_RESTORE):
        wanted |= 1 << number
    return held & wanted


def for_looking(held: int) -> int:
    """Returns the capabilities in a bit set that looking at the files of all processes needs."""
    return held & (1 << CAP_SYS_PTRACE | 1 << CAP_CHECKPOINT_RESTORE)


def missing_for_processes() -> list[str]:
    """Returns the names of the capabilities that naming processes needs and this thread lacks."""
    held = effective()
    if held >> CAP_SYS_ADMIN & 1:
        return []
    return [name for name, number in (("CAP_BPF", CAP_BPF), ("CAP_PERFMON", CAP_PERFMON)) if not held >> number & 1]


def advice(locks_memory: bool = False) -> str:
    """Returns the advice for an operation that the kernel did not permit.

    Args:
        locks_memory: whether maps count as locked memory, and its limit could not be raised.
    """
    lacks = missing()
    if not lacks and locks_memory:
        allowed = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] // 1024
        return (
            f"this kernel counts BPF maps as locked memory, whose limit is {allowed} KiB; raise the limit:"
            " ulimit -l unlimited as root, or LimitMEMLOCK=infinity in a systemd unit"
        )
    if not lacks:
        return "the process has CAP_NET_RAW and CAP_BPF: the kernel is locked down, or a sandbox refuses bpf(2)"
    return f"{' and '.join(lacks)} missing; {REMEDY}"


NUMBERS = {"CAP_NET_ADMIN": CAP_NET_ADMIN, "CAP_NET_RAW": CAP_NET_RAW, "CAP_PERFMON": CAP_PERFMON}


def advice_for(name: str, locks_memory: bool = False) -> str:
    """Returns the advice for an operation that needs CAP_BPF and another capability, and that was not permitted.

    Args:
        name: the other capability, one of NUMBERS.
        locks_memory: as for advice().
    """
    held = effective()
    is_admin = held >> CAP_SYS_ADMIN & 1
    has_it = held >> NUMBERS[name] & 1 or (is_admin and name == "CAP_PERFMON")
    lacks = [] if has_it else [name]
    if not (held >> CAP_BPF & 1 or is_admin):
        lacks.append("CAP_BPF")
    if not lacks:
        return advice(locks_memory)
    return f"{' and '.join(lacks)} missing; use sudo, or grant {name} and CAP_BPF"

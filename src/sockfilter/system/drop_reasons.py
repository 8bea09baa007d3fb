"""What the running kernel calls the reasons for which it drops packets, from its own types (BTF)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.errors import KernelUnsupported
from sockfilter.libbpf import binding

if TYPE_CHECKING:
    from collections.abc import Iterator

# include/uapi/linux/btf.h
KIND_ENUM, KIND_TYPEDEF, KIND_FUNC_PROTO = 6, 8, 13
LENGTH_MASK = 0xFFFF
# include/net/dropreason.h: the part of a number that names the subsystem, which has reasons of its own
SUBSYSTEM_SHIFT = 16
PREFIX = "SKB_DROP_REASON_"
SUBSYSTEM_PREFIX = f"{PREFIX}SUBSYS_"
NOT_SPECIFIED = "NOT_SPECIFIED"


class DropReasons:
    """The names of drop reasons, and how many arguments the tracepoint kfree_skb has.

    Attributes:
        names: the names by number, as the kernel has them less their common beginning. Empty before Linux 5.17.
        subsystems: names of subsystems by the upper half of a number, in lower case.
        arguments: of the tracepoint kfree_skb.

    Raises:
        KernelUnsupported: the kernel has no BTF.
    """

    def __init__(self) -> None:
        self._ffi, self._lib = binding.load()
        types = self._lib.btf__load_vmlinux_btf()
        if not types:
            raise KernelUnsupported(
                "counting drops: the kernel has no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF), which says what its"
                " reasons mean"
            )
        try:
            self.names = {
                number: name.removeprefix(PREFIX)
                for number, name in self._enumerators(types, "skb_drop_reason")
                if name.startswith(PREFIX)
            }
            self.subsystems = {
                number: name.removeprefix(SUBSYSTEM_PREFIX).lower()
                for number, name in self._enumerators(types, "skb_drop_reason_subsys")
            }
            self.arguments = self._arguments(types, "btf_trace_kfree_skb")
        finally:
            self._lib.btf__free(types)

    def name(self, number: int) -> str:
        """Returns the name of a reason; where it has none, the subsystem and the number."""
        if not number:
            return NOT_SPECIFIED  # before Linux 5.17
        subsystem = number >> SUBSYSTEM_SHIFT
        if subsystem:
            return f"{self.subsystems.get(subsystem, f'subsystem {subsystem}')} {number & LENGTH_MASK}"
        return self.names.get(number, f"reason {number}")

    def _enumerators(self, types: Any, name: str) -> Iterator[tuple[int, str]]:
        number = self._lib.btf__find_by_name_kind(types, name.encode(), KIND_ENUM)
        if number <= 0:
            return
        found = self._type(types, number)
        members = self._ffi.cast("struct btf_enum *", found + 1)
        for at in range(found.info & LENGTH_MASK):
            text = self._lib.btf__name_by_offset(types, members[at].name_off)
            yield members[at].val, self._ffi.string(text).decode()

    def _arguments(self, types: Any, name: str) -> int:
        """Returns the number of arguments of a tracepoint; its first, the context, is not one."""
        number = self._lib.btf__find_by_name_kind(types, name.encode(), KIND_TYPEDEF)
        while number > 0:
            found = self._type(types, number)
            if found.info >> 24 & 0x1F == KIND_FUNC_PROTO:
                return int(found.info & LENGTH_MASK) - 1
            number = found.size
        return 0

    def _type(self, types: Any, number: int) -> Any:
        return self._ffi.cast("struct btf_type *", self._lib.btf__type_by_id(types, number))

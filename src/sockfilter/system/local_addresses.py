"""The addresses of a network namespace, from files of /proc, which needs no library and no rights."""

from __future__ import annotations

import re
import socket

from sockfilter.system import namespace

# A leaf of the routing table, and the line below that says that the address is one of this machine
# (net/ipv4/fib_trie.c, fib_trie_seq_show()).
LOCAL = re.compile(r"\|-- ([\d.]+)\n(?:\s+/\d+ (?!host LOCAL).*\n)*\s+/32 host LOCAL")
LOOPBACK = "127."
TRIE, INET6 = "/proc/thread-self/net/fib_trie", "/proc/thread-self/net/if_inet6"


def local_addresses(netns: str | None = None) -> frozenset[str]:
    """Returns the addresses of a network namespace, without 127.0.0.0/8.

    Args:
        netns: its name, path or process. None: the one of the calling thread.

    Raises NamespaceError: it cannot be entered.
    """
    with namespace.entered(netns):
        found = {address for address in LOCAL.findall(_read(TRIE)) if not address.startswith(LOOPBACK)}
        for line in _read(INET6).splitlines():
            found.add(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(line.split()[0])))
    return frozenset(found)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:  # a kernel without this family, or a container that hides it
        return ""

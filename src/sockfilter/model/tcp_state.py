"""The states of a TCP socket."""

from __future__ import annotations

from enum import IntEnum


class TcpState(IntEnum):
    """A state, by its number in the kernel (include/net/tcp_states.h)."""

    ESTABLISHED = 1
    SYN_SENT = 2
    SYN_RECV = 3
    FIN_WAIT1 = 4
    FIN_WAIT2 = 5
    TIME_WAIT = 6
    CLOSE = 7
    CLOSE_WAIT = 8
    LAST_ACK = 9
    LISTEN = 10
    CLOSING = 11
    NEW_SYN_RECV = 12
    BOUND_INACTIVE = 13

    @property
    def word(self) -> str:
        """The name as ss and the RFC write it: FIN-WAIT-1."""
        return WORDS.get(self, self.name.replace("_", "-"))


WORDS = {TcpState.FIN_WAIT1: "FIN-WAIT-1", TcpState.FIN_WAIT2: "FIN-WAIT-2", TcpState.NEW_SYN_RECV: "SYN-RECV"}

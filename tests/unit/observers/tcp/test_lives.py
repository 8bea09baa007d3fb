"""Both ends of a connection found, and how it ended, from changes of states in any order."""

from __future__ import annotations

import errno

import pytest

from sockfilter.model import Endpoint, Process
from sockfilter.model.tcp_connection import How
from sockfilter.model.tcp_figures import TcpFigures
from sockfilter.model.tcp_state import TcpState
from sockfilter.observers.tcp import lives as module
from sockfilter.observers.tcp.lives import LATE_NS, Lives

CLIENT, SERVER = Endpoint("10.0.0.1", 40000), Endpoint("10.0.0.2", 80)
CURL, NGINX = Process(1, 1, "curl"), Process(2, 2, "nginx")
CLOSE, SYN_SENT, SYN_RECV = TcpState.CLOSE, TcpState.SYN_SENT, TcpState.SYN_RECV
ESTABLISHED, FIN_WAIT1, FIN_WAIT2 = TcpState.ESTABLISHED, TcpState.FIN_WAIT1, TcpState.FIN_WAIT2
CLOSE_WAIT, LAST_ACK, CLOSING = TcpState.CLOSE_WAIT, TcpState.LAST_ACK, TcpState.CLOSING


class Machine:
    """The sockets of a machine, by what the kernel tells of them. seqs: of the SYNs, as the client's end has them."""

    def __init__(self) -> None:
        self.lives = Lives(0)
        self.now_ns = 1000

    def move(self, socket, ends, before, state, *, netns=1, seqs=(1, 2), error=0, process=None, figures=None):
        self.now_ns += 10
        moved = (before, state)
        half = self.lives.change(self.now_ns, socket, ends, netns, moved, figures or TcpFigures(), seqs, error, process)
        return list(self.lives.ended(half)) if half is not None and state is CLOSE else []

    def connect(self, netns=(1, 1), seqs=(1, 2), sockets=(11, 22)):
        """A connection between two sockets of this machine."""
        client, server = sockets
        self.move(client, (CLIENT._replace(port=0), SERVER), CLOSE, SYN_SENT, netns=netns[0], process=CURL)
        self.move(client, (CLIENT, SERVER), SYN_SENT, ESTABLISHED, netns=netns[0], seqs=seqs)
        self.move(server, (SERVER, CLIENT), SYN_RECV, ESTABLISHED, netns=netns[1], seqs=seqs[::-1])

    def settle(self):
        return list(self.lives.settle(self.now_ns + LATE_NS))


def test_closed_by_the_client():
    machine = Machine()
    machine.connect()
    machine.move(11, (CLIENT, SERVER), ESTABLISHED, FIN_WAIT1, process=CURL)
    machine.move(22, (SERVER, CLIENT), CLOSE_WAIT, LAST_ACK, process=NGINX)
    assert not machine.move(11, (CLIENT, SERVER), FIN_WAIT2, CLOSE)
    (found,) = machine.move(22, (SERVER, CLIENT), LAST_ACK, CLOSE)
    assert (found.end.how, found.end.by) == (How.CLOSED, "client")
    assert (found.client.process, found.server.process) == (CURL, NGINX)
    assert (found.client.endpoint, found.server.endpoint) == (CLIENT, SERVER)
    assert (found.connect_ns, found.age_ns) == (10, 60)
    assert len(machine.lives) == 0


def test_both_at_once():
    machine = Machine()
    machine.connect()
    for socket, ends in ((11, (CLIENT, SERVER)), (22, (SERVER, CLIENT))):
        machine.move(socket, ends, ESTABLISHED, FIN_WAIT1)
    machine.move(11, (CLIENT, SERVER), CLOSING, CLOSE)
    (found,) = machine.move(22, (SERVER, CLIENT), CLOSING, CLOSE)
    assert (found.end.how, found.end.by) == (How.CLOSED, "both")


@pytest.mark.parametrize(
    ("error", "how"),
    [
        (errno.ECONNREFUSED, How.REFUSED),
        (errno.ETIMEDOUT, How.NO_ANSWER),
        (errno.EHOSTUNREACH, How.UNREACHABLE),
        (0, How.GIVEN_UP),
    ],
)
def test_never_open(error, how):
    machine = Machine()
    machine.move(11, (CLIENT, SERVER), CLOSE, SYN_SENT, process=CURL)
    (found,) = machine.move(11, (CLIENT, SERVER), SYN_SENT, CLOSE, error=error, figures=TcpFigures(retransmitted=3))
    assert (found.end.how, found.end.syns) == (how, 4)
    assert found.failed


@pytest.mark.parametrize(("error", "how"), [(errno.ECONNREFUSED, How.REFUSED), (errno.ENETUNREACH, How.UNREACHABLE)])
def test_an_icmp_message_answered_and_the_socket_had_no_error_any_more(error, how):
    machine = Machine()
    machine.move(11, (CLIENT._replace(port=0), SERVER), CLOSE, SYN_SENT, process=CURL)
    machine.lives.refuse(CLIENT, SERVER, error)
    (found,) = machine.move(11, (CLIENT, SERVER), SYN_SENT, CLOSE)
    assert (found.end.how, found.end.by) == (how, None)


def test_a_reset_refused():
    machine = Machine()
    machine.move(11, (CLIENT, SERVER), CLOSE, SYN_SENT, process=CURL)
    machine.lives.reset(0, (SERVER, CLIENT), 1, "NO_SOCKET", is_sent=True)
    machine.lives.reset(11, (CLIENT, SERVER), 1, "", is_sent=False)
    (found,) = machine.move(11, (CLIENT, SERVER), SYN_SENT, CLOSE, error=errno.ECONNREFUSED)
    assert found.end[:3] == (How.REFUSED, "server", "NO_SOCKET")


def test_the_reason_of_a_reset_comes_after_the_ends():
    machine = Machine()
    machine.connect()
    assert not machine.move(11, (CLIENT, SERVER), ESTABLISHED, CLOSE)
    machine.lives.reset(22, (SERVER, CLIENT), 1, "", is_sent=False)
    assert not machine.move(22, (SERVER, CLIENT), ESTABLISHED, CLOSE, error=errno.ECONNRESET)
    machine.lives.reset(11, (CLIENT, SERVER), 1, "TCP_ABORT_ON_CLOSE", is_sent=True)
    (found,) = machine.settle()
    assert found.end == (How.RESET, "client", "TCP_ABORT_ON_CLOSE", 0, None)


def test_a_server_elsewhere():
    machine = Machine()
    machine.move(11, (CLIENT, SERVER), CLOSE, SYN_SENT, process=CURL)
    machine.move(11, (CLIENT, SERVER), SYN_SENT, ESTABLISHED)
    machine.move(11, (CLIENT, SERVER), CLOSE_WAIT, LAST_ACK)
    received = TcpFigures(bytes_received=195, bytes_sent=80)
    assert not machine.move(11, (CLIENT, SERVER), LAST_ACK, CLOSE, figures=received)
    (found,) = machine.settle()
    assert (found.end.how, found.end.by) == (How.CLOSED, "server")
    assert (found.client.sent, found.server.sent) == (80, 194)  # the FIN counted as a byte
    assert found.server.process is None


def test_equal_addresses_are_told_apart_by_namespace_and_by_sequence_numbers():
    machine = Machine()
    machine.connect(netns=(1, 1), sockets=(11, 22))
    machine.connect(netns=(2, 2), sockets=(33, 44))
    for client, server in ((11, 22), (33, 44)):
        half = machine.lives.half(client)
        assert half.partner is machine.lives.half(server)
    # both ends in two namespaces each, with the same addresses
    machine = Machine()
    machine.move(11, (CLIENT, SERVER), CLOSE, SYN_SENT, netns=1)
    machine.move(33, (CLIENT, SERVER), CLOSE, SYN_SENT, netns=3)
    machine.move(11, (CLIENT, SERVER), SYN_SENT, ESTABLISHED, netns=1, seqs=(100, 200))
    machine.move(33, (CLIENT, SERVER), SYN_SENT, ESTABLISHED, netns=3, seqs=(300, 400))
    machine.move(22, (SERVER, CLIENT), SYN_RECV, ESTABLISHED, netns=2, seqs=(200, 100))
    machine.move(44, (SERVER, CLIENT), SYN_RECV, ESTABLISHED, netns=4, seqs=(400, 300))
    assert machine.lives.half(11).partner is machine.lives.half(22)
    assert machine.lives.half(33).partner is machine.lives.half(44)


def test_what_was_open_at_the_start_has_its_processes_and_no_age():
    machine = Machine()
    machine.lives.note_open((SERVER, CLIENT), 1, "server", NGINX)
    machine.lives.note_open((CLIENT, SERVER), 1, "", CURL)
    machine.move(11, (CLIENT, SERVER), ESTABLISHED, FIN_WAIT1)
    machine.move(22, (SERVER, CLIENT), CLOSE_WAIT, LAST_ACK)
    machine.move(11, (CLIENT, SERVER), FIN_WAIT2, CLOSE)
    (found,) = machine.move(22, (SERVER, CLIENT), LAST_ACK, CLOSE)
    assert (found.client.process, found.server.process) == (CURL, NGINX)
    assert found.age_ns is None
    assert found.ends_known


def test_the_socket_that_was_seen_first_makes_room(monkeypatch):
    monkeypatch.setattr(module, "HALVES_MAX", 2)
    machine = Machine()
    for socket in range(5):
        machine.move(socket, (CLIENT._replace(port=socket + 1), SERVER), CLOSE, SYN_SENT)
    assert len(machine.lives) == 2
    assert machine.lives.counts["forgotten"] == 3


def test_a_dropped_syn_is_told_with_the_failure():
    machine = Machine()
    machine.move(11, (CLIENT._replace(port=0), SERVER), CLOSE, SYN_SENT)
    machine.lives.drop(CLIENT, SERVER, 1, lambda: "by NETFILTER_DROP at nft_do_chain")
    (found,) = machine.move(11, (CLIENT, SERVER), SYN_SENT, CLOSE, error=errno.ETIMEDOUT)
    assert found.end.dropped == "by NETFILTER_DROP at nft_do_chain"
    assert found.drops == 1

"""What made an exchange slow: only evidence decides, and what it leaves open is not known."""

from __future__ import annotations

import pytest

from sockfilter.model import Timing
from sockfilter.model.culprit import WORDS, culprit_of
from sockfilter.model.tcp import Drop, ExchangeTcp, TcpEnd, Upstream


def timing(connect: float | None = None, send: float = 0.0, wait: float = 0.0, receive: float = 0.0) -> Timing:
    return Timing(connect, send, wait, receive, send + wait + receive)


def dropped(sender: str, again_after: float | None = 0.2) -> Drop:
    return Drop(1448, sender, "NETFILTER_DROP", "nft_do_chain", "eth0", again_after)


CLIENT, SERVER = TcpEnd(rtt=0.001, busy=0.0), TcpEnd(rtt=0.001, busy=0.0)
WAIT = timing(wait=0.1)


@pytest.mark.parametrize(
    ("word", "took", "tcp"),
    [
        ("connect", timing(connect=1.0, wait=0.01), None),
        ("client", timing(send=0.1), ExchangeTcp(client=CLIENT)),
        ("network", timing(send=0.3), ExchangeTcp(client=CLIENT, drops=(dropped("client"),))),
        ("queued", timing(send=0.1), ExchangeTcp(client=TcpEnd(zero_window=0.09, busy=0.1))),
        ("queued", WAIT, ExchangeTcp(queued=0.09, think=0.01)),
        ("server", WAIT, ExchangeTcp(queued=0.01, think=0.09)),
        ("accept", WAIT, ExchangeTcp(queued=0.09, think=0.01, unaccepted=(0.08, 0.084))),
        ("queued", WAIT, ExchangeTcp(queued=0.09, think=0.01, unaccepted=(0.0, 0.004))),
        ("network", WAIT, ExchangeTcp(CLIENT, SERVER, (dropped("client", 0.08),), queued=0.09, think=0.01)),
        ("network", timing(wait=0.3), ExchangeTcp(TcpEnd(retransmitted=1, timeouts=1), queued=0.29, think=0.01)),
        ("upstream", WAIT, ExchangeTcp(queued=0.0, think=0.1, upstream=Upstream("10.0.0.1:80", 0.09))),
        ("server", WAIT, ExchangeTcp(queued=0.0, think=0.1, upstream=Upstream("10.0.0.1:80", 0.05))),
        ("network", timing(receive=0.3), ExchangeTcp(server=SERVER, drops=(dropped("server"),))),
        ("receiver", timing(receive=0.3), ExchangeTcp(server=TcpEnd(zero_window=0.2, busy=0.3))),
        ("receiver", timing(receive=0.3), ExchangeTcp(client=TcpEnd(lag=0.2))),
        ("server", timing(receive=0.3), ExchangeTcp(server=TcpEnd(busy=0.01))),
        ("network", timing(receive=0.2), ExchangeTcp(server=TcpEnd(rtt=0.1, cwnd=10, busy=0.2))),
    ],
)
def test_each_cause_has_its_name(word: str, took: Timing, tcp: ExchangeTcp | None) -> None:
    found = culprit_of(took, tcp, 1000)
    assert found is not None
    assert str(found) == word
    assert found.word in WORDS
    assert found.evidence
    assert 0 < found.seconds <= took.total + (took.connect or 0)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("took", "tcp"),
    [
        pytest.param(timing(wait=0.001), ExchangeTcp(queued=0.0, think=0.001), id="it was fast"),
        pytest.param(WAIT, None, id="TCP was not asked"),
        pytest.param(WAIT, ExchangeTcp(), id="the server is elsewhere"),
        pytest.param(WAIT, ExchangeTcp(queued=0.09, think=0.01, unaccepted=None), id="accepted at a time not known"),
        pytest.param(WAIT, ExchangeTcp(queued=0.1, think=0.0, unaccepted=(0.01, 0.09)), id="accepted some time"),
        pytest.param(timing(send=0.1), ExchangeTcp(client=TcpEnd(busy=0.09)), id="a busy client"),
        pytest.param(timing(send=0.1), ExchangeTcp(), id="a client elsewhere"),
        pytest.param(timing(0.03, 0.03, 0.03, 0.03), ExchangeTcp(queued=0.0, think=0.03), id="no part took most"),
        pytest.param(
            WAIT,
            ExchangeTcp(queued=0.0, think=0.1, upstream=Upstream("a", 0.1, is_ambiguous=True)),
            id="several at once",
        ),
        pytest.param(timing(receive=0.3), ExchangeTcp(server=TcpEnd(busy=0.3, rtt=0.001, cwnd=10)), id="a busy server"),
        pytest.param(Timing(None, None, None, None, None), ExchangeTcp(), id="times are not known"),
        pytest.param(
            timing(receive=0.3),
            ExchangeTcp(server=TcpEnd(rtt=0.001, retransmitted=2, busy=0.3)),
            id="a loss that cost little",
        ),
    ],
)
def test_what_is_not_known_has_no_name(took: Timing, tcp: ExchangeTcp | None) -> None:
    assert culprit_of(took, tcp, 1000) is None

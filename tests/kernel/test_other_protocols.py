"""What begins like MQTT, AMQP or SMTP is followed if it is wanted, and stays in the kernel if it is not."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from sockfilter.model.protocols import OPTIONAL
from sockfilter.protocols import first_bytes
from tests.support.frames import Talk, over_ipv4
from tests.unit.protocols.mqtt.test_packets import connect, packet, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cable import Cable

LONG = b"x" * 20_000
# what begins a connection, and its protocol; and what it takes to recognise it
BEGINNINGS = {
    "mqtt 3.1": ("mqtt", connect(3, name="MQIsdp"), 10),
    "mqtt 3.1.1": ("mqtt", connect(4), 8),
    "mqtt 5": ("mqtt", connect(5), 8),
    "mqtt, length of two bytes": ("mqtt", connect(4, after=text("x" * 200)), 9),
    "mqtt, length of three bytes": ("mqtt", packet(0x10, text("MQTT"), b"\4\2\0\x3c", text("x" * 20_000)), 10),
    "mqtt, length of four bytes": ("mqtt", b"\x10\x80\x80\x80\x01" + text("MQTT") + b"\4\2\0\x3c\0\1x", 11),
    "amqp": ("amqp", b"AMQP\0\0\x09\x01" + b"\x08\0\0\0\0\0\0\xce", 8),
    "smtp": ("smtp", b"EHLO client.test\r\n", 5),
    "smtp in lower case": ("smtp", b"helo client.test\r\n", 5),
    "lmtp": ("smtp", b"Lhlo client.test\r\n", 5),
}
OTHERS = {
    "mqtt of another name": packet(0x10, text("MQTX"), b"\4\2\0\x3c", text("me")),
    "another packet of mqtt": b"\x30\x05\0\1ahi",
    "length of five bytes": b"\x10\x80\x80\x80\x80\x01" + text("MQTT"),
    "a ping and more": b"\xc0\x00\xc0\x00",
    "amqp 1.0": b"AMQP\0\1\0\0",
    "one byte": b"\x10",
}


def talks(port: int = 8000) -> Iterator[Talk]:
    return (Talk(over_ipv4, (client, port)) for client in count(40000))


@pytest.mark.parametrize("name", BEGINNINGS)
@pytest.mark.parametrize("from_syn", [True, False], ids=["from SYN", "mid-stream"])
def test_each_beginning_is_followed_if_it_is_wanted(cable: Cable, name: str, from_syn: bool) -> None:
    protocol, data, _ = BEGINNINGS[name]
    for wanted in ([protocol], list(OPTIONAL), [other for other in OPTIONAL if other != protocol]):
        talk = Talk()
        frames = [*(talk.opening() if from_syn else []), talk.client(data[:1400])]
        with cable.capture(protocols=wanted) as capture:
            cable.pass_by(capture, *frames)
            ledger = capture.ledger
        is_word = from_syn and protocol == "smtp"
        assert ledger.packets["followed"] == (protocol in wanted or is_word)
        assert ledger.messages.rejected == (protocol not in wanted and is_word)


@pytest.mark.parametrize("name", BEGINNINGS)
def test_each_beginning_cut_anywhere(cable: Cable, name: str) -> None:
    """The kernel follows what may become a beginning, and user space decides."""
    protocol, data, needed = BEGINNINGS[name]
    frames: list[bytes] = []
    cuts = range(1, needed + 1)
    for cut, talk in zip(cuts, talks(), strict=False):
        frames += [*talk.opening(), talk.client(data[:cut]), talk.client(data[cut:1400])]
    with cable.capture(protocols=[protocol]) as capture:
        cable.pass_by(capture, *frames)
        ledger = capture.ledger
    assert ledger.packets["followed"] == len(cuts)
    assert ledger.packets["sent"] == 2 * len(cuts)
    assert not ledger.messages.rejected


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_none_of_them_stays_in_the_kernel(cable: Cable, name: str) -> None:
    talk = Talk()
    with cable.capture(protocols="all") as capture:
        cable.pass_by(capture, talk.client(OTHERS[name]))
        packets = capture.ledger.packets
    assert (packets["followed"], packets["not_http"]) == (0, 1)


def test_what_only_begins_like_one_is_let_go(cable: Cable) -> None:
    talk = Talk()
    with cable.capture(protocols="all") as capture:
        cable.pass_by(capture, *talk.opening(), talk.client(b"\x10"), talk.client(b"\xff" * 20))
        assert capture.ledger.messages.rejected == 1
        sent = capture.ledger.packets["sent"]
        cable.pass_by(capture, talk.client(b"\xff" * 20))
        assert capture.ledger.packets["sent"] == sent


@pytest.mark.parametrize("ping", [b"\xc0\x00", b"\xd0\x00"])
def test_a_ping_in_mid_stream(cable: Cable, ping: bytes) -> None:
    talk = next(talks(1883))
    with cable.capture(protocols="mqtt") as capture:
        cable.pass_by(capture, talk.frame(int(ping[0] == 0xD0), ping))
        ledger = capture.ledger
    assert ledger.messages.stream_messages == {"mqtt": 1}


def test_the_kernel_and_user_space_compare_the_same_bytes() -> None:
    for protocol, data, needed in BEGINNINGS.values():
        forms = {"mqtt": first_bytes.MQTT_CONNECT, "smtp": first_bytes.SMTP}.get(protocol)
        if forms is None:
            assert data[:needed] == first_bytes.AMQP
        else:
            assert any(form._whole.match(data[:needed]) for form in forms)
            assert not any(form._whole.match(data[: needed - 1]) for form in forms)

"""TLS in capture files is recognised by the program that runs in the kernel too, however its first bytes are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import sockfilter
from tests.support.captures import pcap, timed
from tests.support.frames import Talk
from tests.support.talk import CLIENT, SERVER
from tests.support.tls13 import Scripted

if TYPE_CHECKING:
    from pathlib import Path

    from sockfilter.captures.file import Reading

GET = b"GET /%d HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


def script() -> Scripted:
    made = Scripted().connect()
    for number in range(6):
        made.send(CLIENT, GET % number).send(SERVER, OK)
    return made


def read(folder: Path, frames: list[bytes], made: Scripted) -> Reading:
    lines = [f"{label} {made.random.hex()} {value.hex()}" for label, value in made.secrets.items()]
    (folder / "keys").write_text("\n".join(lines))
    (folder / "a.pcap").write_bytes(pcap(timed(frames)))
    return sockfilter.read(str(folder / "a.pcap"), keylog=str(folder / "keys"))


def targets(reading: Reading) -> list[str | None]:
    return [exchange.request and exchange.request.target for exchange in reading]


@pytest.mark.parametrize("cut", [*range(1, 8), 100])
def test_a_client_hello_in_segments(tmp_path: Path, cut: int) -> None:
    made, talk = script(), Talk()
    (_, hello), *rest = made.said
    frames = [*talk.opening(), talk.client(hello[:cut]), talk.client(hello[cut:])]
    frames += [talk.frame(end, data) for end, data in rest]
    assert targets(read(tmp_path, frames, made)) == [f"/{number}" for number in range(6)]


def test_every_byte_in_a_segment_of_its_own(tmp_path: Path) -> None:
    made, talk = script(), Talk()
    frames = talk.opening()
    frames += [talk.frame(end, data[at : at + 1]) for end, data in made.said for at in range(len(data))]
    assert targets(read(tmp_path, frames, made)) == [f"/{number}" for number in range(6)]


@pytest.mark.parametrize("missing", range(1, 10))
def test_a_capture_that_begins_within_the_connection(tmp_path: Path, missing: int) -> None:
    made, talk = script(), Talk()
    frames = [talk.frame(end, data) for end, data in made.said]
    reading = read(tmp_path, frames[missing:], made)
    found = targets(reading)
    assert found[-4:] == [f"/{number}" for number in range(2, 6)]
    assert reading.ledger.is_balanced


def test_without_secrets_tls_stays_in_the_kernel(tmp_path: Path) -> None:
    made, talk = script(), Talk()
    read(tmp_path, [*talk.opening(), *(talk.frame(end, data) for end, data in made.said)], made)
    reading = sockfilter.read(str(tmp_path / "a.pcap"))
    assert not list(reading)
    assert reading.ledger.packets["followed"] == 0
    assert reading.ledger.packets["tls"] > 0

"""Secrets that capture files carry: wherever they are in the file, and whatever the blocks say of themselves."""

from __future__ import annotations

import gzip
import os
from struct import pack
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.errors import CaptureFileError
from sockfilter.sources.files.secrets import secrets_in
from tests.support.captures import block, enhanced, interface, pcap, section, timed
from tests.support.frames import Talk
from tests.support.talk import CLIENT, SERVER
from tests.support.tls import Ends

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sockfilter.model.secret import Secret

GET = b"GET /%d HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


def secrets_block(keys: bytes, order: str = "<", kind: int = 0x544C534B, size: int | None = None) -> bytes:
    return block(order, 10, pack(order + "II", kind, len(keys) if size is None else size) + keys)


@pytest.fixture(scope="module")
def ends() -> Ends:
    made = Ends().connect()
    for number in range(3):
        made.send(CLIENT, GET % number).send(SERVER, OK)
    return made.close()


def frames(ends: Ends) -> list[bytes]:
    talk = Talk()
    return [*talk.opening(), *(talk.frame(end, data) for end, data in ends.said), *talk.closing()]


def packets(ends: Ends, order: str = "<") -> list[bytes]:
    return [enhanced(time_ns, frame, order=order) for time_ns, frame in timed(frames(ends))]


PLACES: dict[str, Callable[[int], int]] = {"first": lambda count: 0, "within": lambda count: count // 2, "last": int}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_zipped", [False, True])
def test_a_block_anywhere(tmp_path: Path, ends: Ends, place: str, order: str, is_zipped: bool) -> None:
    blocks = packets(ends, order)
    blocks.insert(PLACES[place](len(blocks)), secrets_block(ends.keys, order))
    data = section(order) + interface(order) + b"".join(blocks)
    path = tmp_path / "a.pcapng"
    path.write_bytes(gzip.compress(data) if is_zipped else data)
    reading = sockfilter.read(str(path))
    exchanges = list(reading)
    assert [exchange.request and exchange.request.target for exchange in exchanges] == ["/0", "/1", "/2"]
    assert {exchange.tls and exchange.tls.opened for exchange in exchanges} == {"file"}
    assert reading.ledger.is_balanced
    assert reading.ledger.secrets.twice == 0


def test_a_block_on_a_pipe(tmp_path: Path, ends: Ends) -> None:
    path = tmp_path / "pipe"
    for place in ("first", "within"):
        blocks = packets(ends)
        blocks.insert(PLACES[place](len(blocks)), secrets_block(ends.keys))
        os.mkfifo(path)
        if not os.fork():
            with path.open("wb") as pipe:
                pipe.write(section() + interface() + b"".join(blocks))
            os._exit(0)
        assert len(list(sockfilter.read(str(path)))) == 3
        os.wait()
        path.unlink()


@pytest.mark.parametrize("name", ["other kind", "short", "empty", "text"])
def test_blocks_without_what_is_needed(tmp_path: Path, ends: Ends, name: str) -> None:
    keys = ends.keys
    blocks = {
        "other kind": secrets_block(keys, kind=0x57474B4C),
        "short": secrets_block(keys, size=20),
        "empty": secrets_block(b""),
        "text": secrets_block(b"no key log" * 100),
    }
    path = tmp_path / "a.pcapng"
    path.write_bytes(section() + interface() + blocks[name] + b"".join(packets(ends)))
    assert not list(sockfilter.read(str(path)))


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_length_that_is_impossible(tmp_path: Path, ends: Ends, order: str) -> None:
    path = tmp_path / "a.pcapng"
    head = section(order) + interface(order)
    room = len(ends.keys) + -len(ends.keys) % 4
    lie = secrets_block(ends.keys, order, size=0x7FFFFFFF)
    said = f"at byte {len(head) + 12}, secrets have an impossible length of 2147483647 bytes, in a block with room for"
    path.write_bytes(head + lie + b"".join(packets(ends, order)))
    with pytest.raises(CaptureFileError, match=f"{said} {room}"):
        list(sockfilter.read(str(path)))
    # what came before is read
    path.write_bytes(head + secrets_block(ends.keys, order) + b"".join(packets(ends, order)) + lie)
    found = []
    with pytest.raises(CaptureFileError, match="secrets have an impossible length"):
        found.extend(sockfilter.read(str(path)))
    assert len(found) == 3
    path.write_bytes(head + block(order, 10, b"KSLT"))
    with pytest.raises(CaptureFileError, match="a block of secrets has no room for their length"):
        list(sockfilter.read(str(path)))


def test_what_is_no_pcapng_file_has_none(tmp_path: Path, ends: Ends) -> None:
    found: list[Secret] = []
    path = tmp_path / "a"
    for data in (b"", b"\x0a\x0d\x0d\x0a", pcap(timed(frames(ends))), gzip.compress(b"x")[:-9], bytes(100)):
        path.write_bytes(data)
        secrets_in(str(path), found.append)
    assert secrets_in(str(tmp_path), found.append) is None
    assert secrets_in("-", found.append) is None
    assert not found


def test_a_damaged_file_is_read_up_to_the_damage(tmp_path: Path, ends: Ends) -> None:
    path = tmp_path / "a.pcapng"
    data = section() + interface() + secrets_block(ends.keys) + b"".join(packets(ends))
    path.write_bytes(data[:-10])
    found = []
    with pytest.raises(CaptureFileError):
        found.extend(sockfilter.read(str(path)))
    assert secrets_in(str(path), found.append) is not None
    assert found


def test_a_key_log_beside_the_file(tmp_path: Path, ends: Ends) -> None:
    path, keys = tmp_path / "a.pcap", tmp_path / "keys"
    path.write_bytes(pcap(timed(frames(ends))))
    keys.write_bytes(ends.keys)
    exchanges = list(sockfilter.read(str(path), keylog=str(keys)))
    assert [exchange.tls and exchange.tls.opened for exchange in exchanges] == ["keylog"] * 3
    assert not list(sockfilter.read(str(path)))
    keys.write_bytes(Ends().connect().keys)
    reading = sockfilter.read(str(path), keylog=str(keys))
    assert not list(reading)
    assert reading.ledger.tls.connections_closed == 1
    assert reading.ledger.is_balanced

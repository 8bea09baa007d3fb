"""Messages of rtnetlink, whole and broken."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.sources.packets import announcements, interfaces
from sockfilter.sources.packets.announcements import Announced, Announcements
from sockfilter.sources.packets.interfaces import NameCache

NEW, DELETED, ADDRESS = 16, 17, 20
AF_BRIDGE = 7


def message(kind: int, index: int, flags: int, name: bytes = b"eth0\0", family: int = 0) -> bytes:
    attribute = struct.pack("=HH", 4 + len(name), 3) + name
    body = struct.pack("=BxHiII", family, 1, index, flags, 0) + struct.pack("=HHI", 8, 4, 1500)
    body += attribute + bytes(-len(attribute) % 4)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def test_several_in_one_read():
    data = message(NEW, 2, 0x1) + message(DELETED, 3, 0, b"a\xff\0") + message(ADDRESS, 4, 1)
    assert list(announcements._read(data)) == [Announced(2, "eth0", True), Announced(3, "a\udcff", False)]


def test_a_port_that_leaves_its_bridge_stays():
    assert list(announcements._read(message(DELETED, 2, 0x1, family=AF_BRIDGE))) == []


@given(st.binary(max_size=200), st.integers(0, 100))
def test_anything(data: bytes, cut: int):
    list(announcements._read(data))
    list(announcements._read(message(NEW, 2, 1)[:cut] + data))


def test_a_sandbox_that_refuses_the_socket(monkeypatch: pytest.MonkeyPatch):
    def refused(*_: object) -> socket.socket:
        raise PermissionError

    monkeypatch.setattr(announcements.socket, "socket", refused)
    made = Announcements()
    monkeypatch.undo()
    assert (made.fileno(), made.take()) == (None, None)
    made.close()


def test_more_than_there_was_room_for_is_looked_up_anew(monkeypatch: pytest.MonkeyPatch):
    with NameCache() as names:
        assert not names.follow()
        names._known[1] = "old"
        monkeypatch.setattr(names.announcements, "take", lambda: None)
        assert names.follow()
        assert names.of(1) == "lo"


def test_names_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(interfaces, "NAMES_MAX", 3)
    with NameCache() as names:
        some = [Announced(index, f"x{index}", True) for index in range(100, 200)]
        monkeypatch.setattr(names.announcements, "take", lambda: some)
        names.follow()
        assert len(names._known) <= 3

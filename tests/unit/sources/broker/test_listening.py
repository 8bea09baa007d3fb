"""Only a socket at which nobody listens makes room for a broker's."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from sockfilter.errors import BrokerError
from sockfilter.sources.broker.listening import Listening


def test_a_file_a_link_and_a_folder_stay(tmp_path: Path):
    file, link, folder = tmp_path / "file", tmp_path / "link", tmp_path / "folder"
    file.write_text("precious")
    left = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    left.bind(str(tmp_path / "left"))
    left.close()
    link.symlink_to(tmp_path / "left")
    folder.mkdir()
    for path in (file, link, folder):
        with pytest.raises(BrokerError, match="there is a file that is not a socket; remove it"):
            Listening(str(path))
    assert file.read_text() == "precious"
    assert link.is_symlink()
    assert (tmp_path / "left").is_socket()


@pytest.mark.parametrize("kind", [socket.SOCK_SEQPACKET, socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_socket_that_is_used_stays(tmp_path: Path, kind: socket.SocketKind):
    path = str(tmp_path / "used")
    with socket.socket(socket.AF_UNIX, kind) as used:
        used.bind(path)
        if kind != socket.SOCK_DGRAM:
            used.listen(0)
        with socket.socket(socket.AF_UNIX, kind) as waiting:
            waiting.connect(path)  # its queue is full then, and must not be waited for
            with pytest.raises(BrokerError, match="another broker listens there"):
                Listening(path)
    assert os.path.exists(path)


def test_at_its_end_it_takes_its_own_away_and_nothing_else(tmp_path: Path):
    path = tmp_path / "broker.sock"
    with Listening(str(path)):
        assert path.is_socket()
    assert not path.exists()
    with Listening(str(path)):
        path.unlink()
        path.write_text("of somebody else")
    assert path.read_text() == "of somebody else"
    path.unlink()
    folder, moved = tmp_path / "folder", tmp_path / "moved"
    folder.mkdir()
    with Listening(str(folder / "x")):
        folder.rename(moved)
        folder.mkdir()
        (folder / "x").write_text("of somebody else")
    assert (folder / "x").exists()
    assert not (moved / "x").exists()

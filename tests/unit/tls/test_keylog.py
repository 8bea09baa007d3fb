"""Key logs and the store of secrets: what is in them, however they are written, and what became of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.model.secret import CLIENT_RANDOM, CLIENT_TRAFFIC, PROBE, SERVER_TRAFFIC, Secret
from sockfilter.sources.secrets.keylog import LINE_BYTES_MAX, KeyLog, read_keylog
from sockfilter.tls.store import CANDIDATES_MAX, UNNAMED_NS, SecretStore

if TYPE_CHECKING:
    from pathlib import Path

RANDOM, OTHER = "ab" * 32, "cd" * 32
MASTER, TRAFFIC = "01" * 48, "02" * 32
LINES = [
    "# a comment",
    "",
    f"CLIENT_RANDOM {RANDOM} {MASTER}",
    f"SERVER_TRAFFIC_SECRET_0 {OTHER} {TRAFFIC}",
    f"EXPORTER_SECRET {OTHER} {TRAFFIC}",
    f"A_NEW_LABEL {OTHER} 0102",
]
WANTED = [("CLIENT_RANDOM", RANDOM, MASTER), ("SERVER_TRAFFIC_SECRET_0", OTHER, TRAFFIC)]


def read(text: str) -> tuple[KeyLog, list[tuple[str, str, str]]]:
    """The log, and its secrets whose labels are used."""
    found: list[Secret] = []
    log = KeyLog(found.append)
    log.feed(text.encode())
    log.end()
    used = {label for label, _, _ in WANTED}
    return log, [(s.label, s.client_random.hex(), s.secret.hex()) for s in found if s.label in used]


@pytest.mark.parametrize("end", ["\n", "\r\n", "  \n", "\t\r\n"])
@pytest.mark.parametrize("upper", [False, True])
def test_lines_however_they_are_written(end: str, upper: bool) -> None:
    text = end.join(line.upper() if upper else line for line in LINES)
    log, secrets = read(text + end)
    assert secrets == WANTED
    assert (log.lines, log.unused, log.bad) == (4, 2, 0)
    assert read(text)[1] == WANTED


@pytest.mark.parametrize("lines", [LINES, LINES[2:], [f"  {line}" for line in LINES[2:]]])
def test_a_byte_order_mark_before_it(lines: list[str]) -> None:
    """As some editors on Windows write one."""
    log, secrets = read("\ufeff" + "\n".join(lines) + "\n")
    assert secrets == WANTED
    assert log.bad == 0


@pytest.mark.parametrize(
    "bad",
    [
        "hello",
        f"CLIENT_RANDOM {RANDOM}",
        f"CLIENT_RANDOM {RANDOM[:-1]} {MASTER}",
        f"CLIENT_RANDOM {RANDOM} {MASTER[:-2]}",
        f"CLIENT_RANDOM {RANDOM} {MASTER[:-1]}g",
        f"SERVER_TRAFFIC_SECRET_0 {RANDOM} {TRAFFIC[:-1]}",
        f"CLIENT_RANDOM {RANDOM} {MASTER} more",
        "x" * (3 * LINE_BYTES_MAX),
        "\0\xff",
    ],
)
def test_bad_lines_are_counted_and_do_no_harm(bad: str) -> None:
    log, secrets = read("\n".join([LINES[2], bad, *LINES[3:]]) + "\n")
    assert secrets == WANTED
    assert log.bad == 1


@pytest.mark.parametrize("size", [1, 7, 100])
def test_pieces(size: int) -> None:
    found: list[Secret] = []
    log, text = KeyLog(found.append), "\n".join([*LINES, "y" * 5000, LINES[2]]).encode()
    for at in range(0, len(text), size):
        log.feed(text[at : at + size])
    assert len(found) == 4  # the last line may go on
    log.end()
    assert len(found) == 5
    assert log.bad == 1


def test_a_file_that_is_no_key_log(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    for text in (b"GET / HTTP/1.1\r\n", bytes(1 << 20), b"\xd4\xc3\xb2\xa1" * 50_000):
        path.write_bytes(text)
        with pytest.raises(InvalidArgument, match="no line of it has a label, a client random and a secret"):
            read_keylog(str(path), lambda secret: None)
    for text in ("# begun\n", f"CLIENT_RANDOM {RANDOM} 01\n", "\n"):
        path.write_text(text)
        with pytest.raises(InvalidArgument, match="no line of it has a label, a client random and a secret"):
            read_keylog(str(path), lambda secret: None)
    path.write_text("")
    for empty in (str(path), os.devnull):
        with pytest.raises(InvalidArgument, match="it is empty; give the file that SSLKEYLOGFILE names"):
            read_keylog(empty, lambda secret: None)
    with pytest.raises(InvalidArgument, match=r"absent: No such file or directory"):
        read_keylog(str(tmp_path / "absent"), lambda secret: None)
    with pytest.raises(InvalidArgument, match="Is a directory"):
        read_keylog(str(tmp_path), lambda secret: None)


@pytest.mark.parametrize("line", [LINES[2][:-5], "SERVER_HANDSHAKE_TR"])
def test_a_file_whose_only_line_was_cut_is_a_key_log(tmp_path: Path, line: str) -> None:
    path = tmp_path / "cut.keys"
    path.write_text(f"# begun\n{line}")
    assert not read_keylog(str(path), lambda secret: None).lines


def test_no_representation_shows_a_secret() -> None:
    store = SecretStore()
    secret = Secret(CLIENT_RANDOM, bytes.fromhex(MASTER), bytes.fromhex(RANDOM))
    store.add(secret)
    for thing in (secret, store.all()[0], store.all(), store):
        for text in (repr(thing), str(thing)):
            assert MASTER[:8] not in text
            assert "\\x01" not in text


def balanced(store: SecretStore) -> bool:
    counts = store.counts
    return counts.seen == counts.linked + counts.twice + counts.unused + counts.lost


def test_what_became_of_the_secrets() -> None:
    store = SecretStore(handshakes_max=3)
    for number in range(5):
        store.add(Secret(CLIENT_RANDOM, bytes(48), bytes([number]) * 32))
        store.add(Secret(CLIENT_RANDOM, bytes(48), bytes([number]) * 32))
        assert balanced(store)
    assert store.of(bytes(32)) is None  # the oldest were dropped
    known = store.of(b"\4" * 32)
    assert known is not None
    store.link(known)
    store.link(known)
    store.lose(7)
    store.add(Secret("EXPORTER_SECRET", bytes(32), b"\4" * 32))
    store.add(Secret(CLIENT_TRAFFIC, bytes(32), b"\4" * 32))
    counts = store.counts
    assert (counts.seen, counts.linked, counts.twice, counts.unused, counts.lost) == (19, 2, 5, 5, 7)
    assert balanced(store)


def test_handshakes_without_a_client_random() -> None:
    store = SecretStore()

    def report(secret: int, label: str, process: int, owner: int, time_ns: int = 0) -> None:
        store.add(Secret(label, bytes([secret]) * 32, origin=PROBE, process=process, owner=owner, time_ns=time_ns))

    report(1, CLIENT_TRAFFIC, 10, 100)
    report(1, CLIENT_TRAFFIC, 20, 100)  # the other end, in another process
    report(2, SERVER_TRAFFIC, 20, 100)  # which tells something new of the same handshake
    report(3, CLIENT_TRAFFIC, 10, 100)  # the same object again
    first, second = reversed(store.candidates())
    assert set(first.secrets) == {CLIENT_TRAFFIC, SERVER_TRAFFIC}
    assert set(second.secrets) == {CLIENT_TRAFFIC}
    store.link(first)
    assert store.candidates() == [second]
    assert store.counts.twice == 1
    report(4, CLIENT_TRAFFIC, 30, 1, time_ns=2 * UNNAMED_NS)
    assert [set(h.secrets.values()) for h in store.candidates()] == [{b"\4" * 32}]
    for number in range(2 * CANDIDATES_MAX):
        report(number % 200, CLIENT_TRAFFIC if number % 2 else SERVER_TRAFFIC, 40, number, 2 * UNNAMED_NS)
    assert len(store.candidates()) <= CANDIDATES_MAX
    assert balanced(store)


def test_waiting_for_a_secret() -> None:
    store, heard = SecretStore(), []

    def take(handshake: object, label: str) -> None:
        heard.append(label)
        store.leave(take)

    store.wait(take, b"a" * 32, 0, lambda: None)
    store.add(Secret(CLIENT_RANDOM, bytes(48), b"b" * 32))
    assert not heard
    store.add(Secret(CLIENT_RANDOM, bytes(48), b"a" * 32))
    store.add(Secret(CLIENT_TRAFFIC, bytes(48), b"a" * 32))
    assert heard == [CLIENT_RANDOM]
    store.wait(take, b"a" * 32, 0, lambda: None)
    store.add(Secret(SERVER_TRAFFIC, bytes(32), origin=PROBE))
    assert heard == [CLIENT_RANDOM, SERVER_TRAFFIC]

"""The function that gets the secrets of handshakes, found in files of all kinds."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.sources.secrets import finding
from sockfilter.sources.secrets.finding import SearchResult, find, find_in
from tests.support import elf
from tests.support.elf import ARM64, CODE_AT, CODE_OFFSET, EXECUTABLE, LABELS, X86_64, Code
from tests.support.skips import Skip, need_package, need_tool, skip

MACHINES = pytest.mark.parametrize("machine", [X86_64, ARM64])


def offset(found: SearchResult) -> int:
    (function,) = found.functions
    return function.offset


@MACHINES
def test_the_function_that_is_called_with_labels_of_both_versions(machine: int) -> None:
    code, log, data, places = elf.library(machine)
    found = find_in(elf.elf(bytes(code.content), data, machine=machine))
    assert (found.how, offset(found)) == (finding.LABELS, log - CODE_AT + CODE_OFFSET)
    distances = {number: distance for distance, number in found.functions[0].distances}
    assert distances == {number: places[label] - log for number, label in enumerate(LABELS[:6], 1)}


@MACHINES
def test_without_tls_1_2_three_labels_are_enough(machine: int) -> None:
    code, log, data, _ = elf.library(machine, LABELS[1:])
    found = find_in(elf.elf(bytes(code.content), data, machine=machine))
    assert offset(found) == log - CODE_AT + CODE_OFFSET


@MACHINES
def test_two_functions_that_fit_are_refused(machine: int) -> None:
    code, _, data, places = elf.library(machine)
    other = code.function()
    for label in LABELS:
        code.caller()
        code.load(places[label])
        code.call(other)
    found = find_in(elf.elf(bytes(code.content), data, machine=machine))
    assert (found.how, found.functions) == (finding.NOT_ONE, ())


@pytest.mark.parametrize(
    ("machine", "stub"),
    [
        (X86_64, b"\xf3\x0f\x1e\xfa\xf2\xff\x25" + bytes(9)),
        (X86_64, b"\xff\x25" + bytes(14)),
        (ARM64, struct.pack("<4I", 0xD503245F, 0x90000010, 0, 0)),
        (ARM64, struct.pack("<4I", 0x90000010, 0, 0, 0)),
    ],
)
def test_a_call_into_another_library_is_not_it(machine: int, stub: bytes) -> None:
    data, places = elf.constants()
    code = Code(machine)
    log, outside = code.function(), code.function(stub)
    for label in LABELS:
        code.caller()
        code.load(places[label])
        code.call(log)
        code.call(outside)
    assert offset(find_in(elf.elf(bytes(code.content), data, machine=machine))) == log - CODE_AT + CODE_OFFSET


def test_labels_that_nothing_is_called_with() -> None:
    data, places = elf.constants()
    code = Code()
    code.function()
    for label in LABELS:
        code.load(places[label])
        code.content += b"\x90" * 64
    assert find_in(elf.elf(bytes(code.content), data)).how == finding.NOT_CALLED


def test_a_program_that_is_not_relocated_loads_absolute_addresses() -> None:
    data, places = elf.constants()
    code = Code()
    log = code.function()
    for label in LABELS:
        code.caller()
        code.load_absolute(places[label])
        code.call(log)
    content = bytes(code.content)
    assert offset(find_in(elf.elf(content, data, kind=EXECUTABLE))) == log - CODE_AT + CODE_OFFSET
    assert find_in(elf.elf(content, data)).how == finding.NOT_CALLED


@pytest.mark.parametrize(
    "name",
    [
        "ssl_log_secret",
        "_ZN4bssl14ssl_log_secretEPK6ssl_stPKcNS_4SpanIKhEE",
        "_ZN11bssl_prefix14ssl_log_secretEPK6ssl_stPKcNS_4SpanIKhEE",
        "_gnutls_nss_keylog_write",
    ],
)
def test_a_symbol_names_it(name: str) -> None:
    code, log, data, _ = elf.library()
    other = code.function()
    found = find_in(elf.elf(bytes(code.content), data, sections=elf.symbols({"main": log, name: other})))
    assert (found.how, offset(found)) == (finding.SYMBOL, other - CODE_AT + CODE_OFFSET)


def test_a_piece_of_the_function_is_not_it() -> None:
    code, log, data, _ = elf.library()
    names = {"ssl_log_secret.part.0": CODE_AT + 16, "_ZN4bssl14ssl_log_secretEPK6ssl_st.constprop.0": CODE_AT + 16}
    found = find_in(elf.elf(bytes(code.content), data, sections=elf.symbols(names)))
    assert (found.how, offset(found)) == (finding.LABELS, log - CODE_AT + CODE_OFFSET)


@pytest.mark.parametrize("magic", [0xFFFFFFFA, 0xFFFFFFF0, 0xFFFFFFF1])
@pytest.mark.parametrize("sections", [True, False])
def test_go_has_it_in_its_function_table(magic: int, sections: bool) -> None:
    found = find_in(elf.go_program(elf.go_table(elf.FUNCTIONS, magic=magic), sections=sections))
    assert (found.how, offset(found), found.go_version) == (finding.GO, CODE_OFFSET + 16, "go1.21.3")


def test_go_that_passes_arguments_on_the_stack_is_refused() -> None:
    assert (
        find_in(elf.go_program(elf.go_table(elf.FUNCTIONS, magic=0xFFFFFFFA), elf.OLD_PROLOGUE)).how
        == finding.NOT_GO_ABI
    )
    oldest = struct.pack("<IBBBB", 0xFFFFFFFB, 0, 0, 1, 8) + bytes(64) + b"crypto/tls.(*Conn).Read\0"
    assert find_in(elf.go_program(oldest)).how == finding.NOT_GO_ABI
    on_arm64 = elf.go_program(elf.go_table(elf.FUNCTIONS, magic=0xFFFFFFFA), machine=ARM64)
    assert find_in(on_arm64).how == finding.NOT_GO_ABI


def test_go_on_arm64() -> None:
    found = find_in(elf.go_program(elf.go_table(elf.FUNCTIONS, magic=0xFFFFFFF1), machine=ARM64))
    assert (found.how, offset(found)) == (finding.GO, CODE_OFFSET + 16)


def test_go_without_tls() -> None:
    assert find_in(elf.go_program(elf.go_table({"main.main": CODE_AT}, magic=0xFFFFFFF1))).how == finding.NOT_GO_TLS


def test_go_of_an_unknown_version() -> None:
    assert find_in(elf.go_program(elf.go_table(elf.FUNCTIONS, magic=0xFFFFFFE0))).how == finding.NOT_GO_TABLE


def test_what_is_no_program() -> None:
    code, _, data, _ = elf.library()
    made = elf.elf(bytes(code.content), data)
    assert find_in(b"").how == finding.NOT_ELF
    assert find_in(b"#!/bin/sh\n").how == finding.NOT_ELF
    assert find_in(made[:4] + b"\x01" + made[5:]).how == finding.NOT_ELF  # 32 bits
    assert find_in(elf.elf(bytes(code.content), data, machine=40)).how == finding.NOT_MACHINE
    assert find_in(elf.elf(b"\xc3", b"nothing\0")).how == finding.NOT_TLS


SAMPLES = elf.programs()


@pytest.mark.parametrize("content", SAMPLES)
def test_a_file_that_is_cut_anywhere(content: bytes) -> None:
    whole = find_in(content)
    assert whole.functions
    for end in range(len(content)):
        found = find_in(content[:end])
        assert all(function.offset < len(content) for function in found.functions)


@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 1 << 12), st.binary(min_size=1, max_size=8))))
def test_a_file_that_is_damaged_anywhere(content: bytes, changes: list[tuple[int, bytes]]) -> None:
    made = bytearray(content)
    for at, change in changes:
        made[at % len(made) : at % len(made) + len(change)] = change
    for function in find_in(bytes(made)).functions:
        assert function.offset < len(made)


def test_a_file_that_is_made_to_take_long() -> None:
    """Many labels, and a load of one of them at each place: the search ends."""
    data = b"".join(label.encode() + b"\0" for label in LABELS) * 8
    numbers = random.Random(1)
    code = Code()
    log = code.function()
    while len(code.content) < 0xFF0:
        code.load(elf.DATA_AT + numbers.randrange(len(data)))
        code.call(log)
    assert find_in(elf.elf(bytes(code.content), data[:0x3F0])).how != finding.NOT_ELF


# Libraries that the tests use anyway.
HERE = ["/usr/lib/*/libssl.so.3", "/usr/lib/*/libgnutls.so.30"]


@pytest.mark.parametrize("pattern", HERE)
def test_a_library_of_this_system(pattern: str) -> None:
    path = next(Path("/").glob(pattern[1:]), None)
    if path is None:
        skip(Skip.TOOL, pattern)
    fd = os.open(path, os.O_RDONLY)
    found = find(fd)
    os.close(fd)
    assert found.how in (finding.LABELS, finding.SYMBOL)
    assert len(found.functions) == 1
    assert {number for _, number in found.functions[0].distances} == {1, 2, 3, 4, 5, 6}
    assert found.build_id


def test_node_and_cryptography_have_a_symbol_and_the_labels_lead_to_the_same_function() -> None:
    module = need_package("cryptography.hazmat.bindings._rust")
    paths = [str(module.__file__), os.path.realpath(need_tool("node"))]
    checked = 0
    for path in paths:
        content = Path(path).read_bytes()
        named = find_in(content)
        if named.how != finding.SYMBOL:  # this build is stripped, or has OpenSSL beside it
            continue
        by_labels = find_in(elf.without_sections(content))
        assert (by_labels.how, offset(by_labels)) == (finding.LABELS, offset(named)), path
        checked += 1
    if not checked:
        skip(Skip.TOOL, "a program with symbols of its TLS library")


def test_a_file_that_cannot_be_searched(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(OSError, match="Invalid argument"):
        find(folder)
    os.close(folder)
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate((512 << 20) + 1)
        with pytest.raises(OSError, match="too large"):
            find(os.open(large, os.O_RDONLY))
    empty = tmp_path / "empty"
    empty.touch()
    assert find(os.open(empty, os.O_RDONLY)).how == finding.NOT_ELF

"""Every chain of functions in an object fits the stack that the oldest kernels allow.

Newer kernels accept more, so an object that loads on this machine may be refused by Linux 5.10.
"""

from __future__ import annotations

from pathlib import Path
from struct import pack

import pytest

from tests.support.stack import FRAMES_MAX, STACK_BYTES_MAX, Chain, chains, longest, stack_bytes

OBJECTS = sorted((Path(__file__).resolve().parents[2] / "src/sockfilter/objects").glob("*.bpf.o"))


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.name)
def test_the_deepest_chain_fits(path: Path) -> None:
    deepest = max(chains(path), key=lambda chain: chain.bytes)
    assert deepest.bytes <= STACK_BYTES_MAX, deepest.frames
    assert longest(path) <= FRAMES_MAX


def test_calls_between_sections_and_within_one_are_followed() -> None:
    """calls_exit and send_parts are in different sections; a call within one may have no relocation."""
    found = {chain.frames[0][0]: chain for chain in chains(next(path for path in OBJECTS if "syscalls" in path.name))}
    assert [name for name, _ in found["send_parts"].frames][:4] == [
        "send_parts",
        "send_part",
        "copy_steps",
        "copy_next",
    ]
    assert found["calls_exit"].bytes > found["send_parts"].bytes
    assert found["calls_exit"].bytes > found["take_end"].bytes


def test_a_frame_is_rounded_up_and_never_empty() -> None:
    assert Chain((("outer", 33), ("inner", 0))).bytes == 96


def test_the_stack_of_a_function_is_as_deep_as_it_reaches() -> None:
    through_a_copy = pack("<BBhi", 0xBF, 0xA1, 0, 0) + pack("<BBhi", 0x07, 0x01, 0, -40)
    assert stack_bytes(through_a_copy) == 40
    assert stack_bytes(through_a_copy + pack("<BBhi", 0x7B, 0x01, -8, 0)) == 48
    assert stack_bytes(pack("<BBhi", 0x7B, 0x1A, -24, 0)) == 24
    number_in_a_register = pack("<BBhi", 0xB7, 0x01, 0, 0) + pack("<BBhi", 0x07, 0x01, 0, -4096)
    assert stack_bytes(number_in_a_register) == 0

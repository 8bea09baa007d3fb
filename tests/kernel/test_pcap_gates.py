"""Filters of tcpdump in the kernel: the same as over a file, on every kind of interface, and counted as filtered."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.libbpf import binding
from sockfilter.libbpf.gates import LICENSE, PROG_TYPE_SOCKET_FILTER
from sockfilter.sources.pcap.compiling import Compiler
from sockfilter.sources.pcap.translation import NotTranslatable, translated
from tests.support.cable import ANY, FAR, NEAR, wait_for_outcomes
from tests.support.frames import Talk, ipv4, over_ipv4, over_ipv6
from tests.support.pcap_filters import FILTERS, accepted, frames, need_libpcap, programs
from tests.support.skips import need_root
from tests.support.tun import NAME as TUN
from tests.support.tun import tun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.sources.pcap.compiling import Instruction
    from tests.support.cable import Cable

# LINKTYPE_RAW: in a test run of the kernel, the frame of a socket filter begins with the network header
RAW = 101
ETHERNET_BYTES = 14


class TestRun(ctypes.Structure):
    """struct bpf_test_run_opts of <bpf/bpf.h>."""

    __test__ = False
    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("data_in", ctypes.c_char_p),
        ("data_out", ctypes.c_void_p),
        ("data_size_in", ctypes.c_uint32),
        ("data_size_out", ctypes.c_uint32),
        ("ctx_in", ctypes.c_void_p),
        ("ctx_out", ctypes.c_void_p),
        ("ctx_size_in", ctypes.c_uint32),
        ("ctx_size_out", ctypes.c_uint32),
        ("retval", ctypes.c_uint32),
        ("repeat", ctypes.c_int),
        ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("cpu", ctypes.c_uint32),
        ("batch_size", ctypes.c_uint32),
    )


def accepted_by_kernel(program: Sequence[Instruction], some: Sequence[bytes]) -> list[bool]:
    """What the kernel says of packets, with the translated program."""
    ffi, lib = binding.load()
    code = translated(None, program, None)
    fd = lib.bpf_prog_load(PROG_TYPE_SOCKET_FILTER, b"tested", LICENSE, ffi.from_buffer(code), len(code) // 8, ffi.NULL)
    assert fd >= 0, (fd, program)
    run = ctypes.CDLL("libbpf.so.1").bpf_prog_test_run_opts
    found = []
    try:
        for packet in some:
            frame = bytes(ETHERNET_BYTES) + packet
            options = TestRun(ctypes.sizeof(TestRun), frame, data_size_in=len(frame), repeat=1)
            assert run(fd, ctypes.byref(options)) == 0
            found.append(bool(options.retval))
    finally:
        os.close(fd)
    return found


@pytest.mark.parametrize("text", FILTERS)
def test_the_kernel_and_a_file_agree_about_filters(text: str) -> None:
    need_root()
    need_libpcap()
    packets = [frame[ETHERNET_BYTES:] for frame in frames(150, seed=2)]
    program = Compiler(text).program(RAW)
    assert accepted_by_kernel(program, packets) == [accepted(program, packet) for packet in packets]


def test_the_kernel_and_a_file_agree_about_any_program() -> None:
    need_root()
    packets = [frame[ETHERNET_BYTES:] for frame in frames(12, seed=3)]
    tried = 0
    for program in programs(250, seed=4):
        try:
            translated(None, program, None)
        except NotTranslatable:
            continue
        assert accepted_by_kernel(program, packets) == [accepted(program, packet) for packet in packets], program
        tried += 1
    assert tried > 200


WANTED, OTHER = 40001, 40002
TEXT = f"src port {WANTED} or dst port {WANTED}"


@pytest.mark.parametrize("interface", [NEAR, FAR, ANY])
def test_what_it_rejects_is_counted_as_filtered(cable: Cable, interface: str) -> None:
    need_libpcap()
    talks = [Talk(over_ipv4, (WANTED, 80)), Talk(over_ipv6, (WANTED, 80)), Talk(over_ipv4, (OTHER, 80))]
    with cable.capture(interface, pcap=TEXT) as capture:
        for talk in talks:
            cable.pass_by(capture, *talk.whole())
        found = {exchange.client.port for exchange in capture.exchanges}
        sightings = 2 if interface == ANY else 1
        count = len(Talk().whole()) * sightings
        packets = capture.ledger.packets
    assert found == {WANTED}
    assert (packets["seen"], packets["filtered"]) == (3 * count, count)


@pytest.mark.parametrize("interface", [TUN, ANY, [FAR, TUN]])
def test_devices_without_link_header(cable: Cable, interface: str | list[str]) -> None:
    need_libpcap()
    with tun(cable.netns) as device, cable.capture(interface, pcap=f"{TEXT} and not host 10.9.9.9") as capture:
        for port in (WANTED, OTHER):
            for packet in Talk(lambda end, segment: ipv4(segment, end), (port, 80)).whole():
                os.write(device, packet)
        wait_for_outcomes(capture, 2 * len(Talk().whole()))
        capture.flush()
        found = {exchange.client.port for exchange in capture.exchanges}
    assert found == {WANTED}


def test_of_all_interfaces_those_without_ethernet_cannot_meet_a_filter_for_its_header(cable: Cable) -> None:
    need_libpcap()
    with tun(cable.netns) as device, cable.capture(ANY, pcap="ether broadcast or not ether broadcast") as capture:
        for packet in Talk(lambda end, segment: ipv4(segment, end)).whole():
            os.write(device, packet)
        cable.send(*Talk().whole())
        wait_for_outcomes(capture, 3 * len(Talk().whole()))
        capture.flush()
        found = {exchange.connection.interface for exchange in capture.exchanges}
    assert found == {NEAR, FAR}


def test_it_combines_with_other_filters(cable: Cable) -> None:
    need_libpcap()
    with cable.capture(FAR, pcap=TEXT, ports="40001-40002", where="status == 200") as capture:
        cable.pass_by(capture, *Talk(over_ipv4, (WANTED, 80)).whole())
        cable.pass_by(capture, *Talk(over_ipv4, (OTHER, 80)).whole())
        assert [exchange.client.port for exchange in capture.exchanges] == [WANTED]


@pytest.mark.parametrize(
    ("text", "words"),
    [("tcp port", "libpcap refuses the filter"), ("vlan 7 and tcp", "the kernel removes tags before a filter sees")],
)
def test_what_cannot_be(cable: Cable, text: str, words: str) -> None:
    need_libpcap()
    with pytest.raises(InvalidArgument, match=words):
        cable.capture(FAR, pcap=text).__enter__()

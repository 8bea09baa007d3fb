"""A request is checked field by field: a user gets what was permitted, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from sockfilter.errors import SockfilterError
from sockfilter.libbpf import binding
from sockfilter.sources.broker.messages import decoded, encoded
from sockfilter.sources.broker.request import HOST_BYTES, PORTS_BYTES, RING_BYTES_MAX, Permission, checked, message
from sockfilter.sources.narrowing import KernelFilter
from sockfilter.sources.packets.request import AttachRequest
from tests.support.attaching import asked

MAY = Permission(frozenset({0}), frozenset({"lo", "br0"}))
ALL = MAY._replace(promiscuous=True, whole=True, tls=True, protocols=frozenset({"mqtt", "smtp"}))


def test_what_the_client_asked_for_is_what_the_program_is_told():
    kernel_filter = KernelFilter([(80, 80)], ("10.0.0.0/8",), 4, frozenset({"mqtt", "smtp"}), tls=True)
    host, ports = kernel_filter.host(), kernel_filter.port_map()
    protocols = kernel_filter.protocol_bits()
    sent = AttachRequest(["lo", "br0"], 1 << 16, True, True, 1500, 9000, 4, host, ports, protocols, kernel_filter.tls)
    assert checked(decoded(encoded(message(sent))), ALL) == sent


def test_a_request_is_told_to_the_program_as_a_filter_tells_it():
    ffi, _ = binding.load()
    wanted = frozenset({"mqtt", "smtp"})
    for kernel_filter in (KernelFilter([(80, 80)], ("10.0.0.0/8", "11.0.0.0/8"), 4, wanted, True), KernelFilter()):
        config = ffi.new("struct sf_config *")
        ports = kernel_filter.configure(config)
        config.frame_bytes, config.run_bytes, config.pressure_bytes, config.whole = 1500, 9000, 1 << 15, 1
        request = AttachRequest(["lo"], 1 << 16, True, True, 1500, 9000, config.family, kernel_filter.host(), ports)
        request = request._replace(protocols=kernel_filter.protocol_bits(), tls=kernel_filter.tls)
        assert bytes(ffi.buffer(request.config())) == bytes(ffi.buffer(config))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"version": "0.0.1"}, "the client has '0.0.1'"),
        ({"version": ["x" * 9000]}, "the client has ['xxx"),
        ({"every": 1}, "other fields than it should ('every')"),
        ({"netns": 1}, "not in the client's network namespace"),
        ({"interfaces": "lo"}, "names no interfaces"),
        ({"interfaces": []}, "interface is empty"),
        ({"interfaces": ["lo", "eth0"]}, "interface 'eth0' is not permitted (br0, lo is)"),
        ({"interfaces": ["any"]}, "interface 'any' is not permitted"),
        ({"interfaces": [["lo"]]}, "interface ['lo'] is not permitted"),
        ({"interfaces": ["x" * 9000]}, "xxx... is not permitted"),
        ({"promiscuous": True}, "start it with --promisc"),
        ({"promiscuous": 1}, "promiscuous is 1, and should be true or false"),
        ({"whole": True}, "start it with --capture-files"),
        ({"tls": True}, "start it with --tls"),
        ({"whole": "no"}, "whole is 'no', and should be true or false"),
        ({"ring": RING_BYTES_MAX + 1}, "a ring of 67108865 bytes is too large for a client"),
        ({"ring": True}, "a ring of True bytes"),
        ({"ring": 0}, "a ring of 0 bytes"),
        ({"ring": -1}, "a ring of -1 bytes"),
        ({"frame_bytes": 0}, "frame_bytes is 0"),
        ({"frame_bytes": 1 << 32}, "frame_bytes is 4294967296"),
        ({"run_bytes": -1}, "run_bytes is -1"),
        ({"run_bytes": None}, "run_bytes is None"),
        ({"family": 5}, "family is 5, and should be 0, 4 or 6"),
        ({"protocols": 8}, "protocols is 8, and should be a number from 0 to 7"),
        ({"protocols": "all"}, "protocols is 'all', and should be a number from 0 to 7"),
        ({"protocols": 3}, "it does not capture mqtt, amqp; start it with --protocols mqtt,amqp"),
        ({"host": "AAAA"}, "host is 'AAAA', and should be 32 bytes in base64"),
        ({"host": 7}, "is not valid UTF-8"),
        ({"ports": "!"}, "is not valid UTF-8"),
        ({"ports": "é"}, "is not valid UTF-8"),
        ({"ports": "AAAA"}, "ports is 'AAAA', and should be 8192 bytes"),
    ],
)
def test_what_is_wrong_is_named(changed: dict[str, Any], words: str):
    with pytest.raises(SockfilterError) as caught:
        checked(asked(**changed), MAY)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300


def test_each_field_has_to_be_there():
    for name in asked():
        request = asked()
        del request[name]
        with pytest.raises(SockfilterError):
            checked(request, ALL)


def test_sizes_are_those_of_the_program():
    ffi, lib = binding.load()
    assert lib.SF_PORT_WORDS * 8 == PORTS_BYTES
    assert 2 * ffi.sizeof(ffi.typeof("struct sf_config").fields[0][1].type) == HOST_BYTES

"""The library where something cannot be: an exception of its own kind, and nothing left behind."""

from __future__ import annotations

import os

import pytest

import sockfilter
from sockfilter.errors import Closed, InterfaceDown, InvalidArgument, NamespaceError, NoSuchInterface
from tests.support.net import free_port, ip, namespace

pytestmark = pytest.mark.usefixtures("root")


@pytest.mark.parametrize("use", [lambda c: c.flush(), lambda c: c.pump(), lambda c: c.wait(1)])
def test_use_after_close_is_a_plain_sentence(use):
    capture = sockfilter.capture("lo", ports=free_port())
    capture.close()
    with pytest.raises(Closed, match="the capture has ended; open another"):
        use(capture)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"body": -1}, "body=-1: a number of bytes cannot be negative"),
        ({"snap": -1}, "snap=-1: a number of bytes cannot be negative"),
        ({"family": 5}, "family=5: it must be 4, 6, or None for both"),
        ({"family": "4"}, "family='4': it must be 4, 6, or None for both"),
        ({"ring": 0}, "a ring of 0 bytes is not possible"),
        ({"ports": "x"}, "'x' is not a port"),
        ({"ports": 0}, "0 is not a port"),
        ({"ports": range(0)}, "is not a range of ports"),
        ({"ports": []}, "ports is empty"),
        ({"host": "x"}, "'x' is not an address or network"),
        ({"tls": "yes"}, "tls='yes': it must be True or False"),
        ({"keylog": ""}, "keylog='': the name of the file is empty"),
        ({"keylog": 5}, "keylog=5: it must be the path of a key log"),
        *(({name: "x"}, f"{name}='x': it must be a number of bytes") for name in ("body", "snap", "ring", "memory")),
    ],
)
def test_arguments_that_cannot_be_meant(arguments, words):
    with pytest.raises(InvalidArgument, match=words):
        sockfilter.capture("lo", **arguments)


@pytest.mark.parametrize("keylog", ["", b"", 5])
def test_reading_refuses_the_same_key_logs(keylog):
    with pytest.raises(InvalidArgument, match=f"keylog={keylog!r}: "):
        sockfilter.read("absent.pcap", keylog=keylog)


def test_what_is_in_the_way_has_a_kind_of_its_own():
    with pytest.raises(NoSuchInterface, match="did you mean lo"):
        sockfilter.capture("l0")
    with pytest.raises(NamespaceError, match="there is no such namespace"):
        sockfilter.capture("lo", netns="nowhere")
    with namespace() as netns:
        ip("link", "set", "lo", "down", netns=netns)
        with pytest.raises(InterfaceDown, match="ip link set lo up"):
            sockfilter.capture("lo", netns=netns)


def test_a_capture_leaves_the_thread_where_it_was():
    before = open_files(), namespace_of_this_thread()
    with namespace() as netns:
        sockfilter.capture("lo", netns=netns).close()
        with pytest.raises(NoSuchInterface):
            sockfilter.capture("none0", netns=netns)
    assert (open_files(), namespace_of_this_thread()) == before


def test_an_exception_within_closes_the_capture():
    before = open_files()
    with pytest.raises(KeyError), sockfilter.capture("lo", ports=free_port()):
        raise KeyError
    assert open_files() == before


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def namespace_of_this_thread() -> str:
    return os.readlink("/proc/thread-self/ns/net")

"""-D: which interfaces there are."""

from __future__ import annotations

import os

from tests.support.command import Done, Sniffer, run
from tests.support.net import ip, namespace
from tests.support.odd import answering, talking, tell


def listed(done: Done) -> dict[str, list[str]]:
    assert (done.status, done.said) == (0, [])
    return {line.split()[0]: line.split()[1:] for line in done.lines}


def test_every_interface_with_its_state_and_addresses():
    with namespace() as netns:
        ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth1", netns=netns)
        ip("address", "add", "10.3.0.1/24", "dev", "veth0", netns=netns)
        ip("address", "add", "fd03::1/64", "dev", "veth0", "nodad", netns=netns)
        found = listed(run("-D", prefix=("ip", "netns", "exec", netns)))
    assert found == {
        "lo": ["up", "127.0.0.1/8", "::1/128"],
        "veth0": ["down", "10.3.0.1/24", "fd03::1/64"],
        "veth1": ["down"],
        "any": ["up", "(all", "of", "them)"],
    }


def test_those_of_another_namespace():
    with namespace() as netns:
        ip("link", "add", "elsewhere0", "type", "veth", "peer", "name", "elsewhere1", netns=netns)
        assert {"elsewhere0", "elsewhere1"} <= set(listed(run("-D", "--netns", netns)))
        assert "elsewhere0" not in listed(run("-D"))


def test_names_that_would_command_a_terminal():
    """The kernel lets an interface have any name without a slash, a colon or white space."""
    with namespace() as netns:
        ip("link", "add", "\x1b[7m", "type", "veth", "peer", "name", "b\udcffd", netns=netns)
        assert {r"\x1b[7m", r"b\xffd"} <= set(listed(run("-D", "--netns", netns)))
        ip("link", "set", "\x1b[7m", "up", netns=netns)
        ip("link", "set", "b\udcffd", "up", netns=netns)
        done = run("-i", "\x1b[7m", "--netns", netns, "--duration", "0.01")
    assert done.said[0] == rf"sockfilter: listening on \x1b[7m, network namespace {netns}; Ctrl-C ends"


def test_a_namespace_that_is_not_there():
    done = run("-D", "--netns", "nowhere")
    assert (done.status, len(done.said)) == (1, 1)
    assert done.said[0].startswith("sockfilter: entering network namespace 'nowhere': ")


def test_it_takes_no_rights():
    prefix = ("setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all") if os.geteuid() == 0 else ()
    assert "lo" in listed(run("-D", prefix=prefix))


def test_every_name_that_is_listed_can_be_listened_on():
    ok = b"HTTP/1.1 204 No Content\r\n\r\n"
    for name, (state, *_) in listed(run("-D")).items():
        if state == "up":
            with talking(answering(ok)) as site, Sniffer("-i", name, "--ports", str(site.port)) as sniffer:
                tell(site, b"GET / HTTP/1.1\r\n\r\n")
                assert len(sniffer.end().lines) == (name in ("lo", "any"))

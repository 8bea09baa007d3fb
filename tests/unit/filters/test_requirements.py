"""What a filter requires of every exchange, and what that leaves of a filter for the kernel."""

from __future__ import annotations

import pytest

from sockfilter import Where
from sockfilter.filters.requirements import MEMBERS_MAX, Requirements, required
from sockfilter.sources.narrowing import KernelFilter

NONE = Requirements()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("status >= 500", NONE),
        ("port == 80", Requirements(ports=((80, 80),))),
        ("80 == server.port", Requirements(ports=((80, 80),))),
        ("server.port in {80, 8000..8100} and status == 500", Requirements(ports=((80, 80), (8000, 8100)))),
        ("client.port >= 1024", Requirements(ports=((1024, 65535),))),
        ("port < 1024", Requirements(ports=((1, 1023),))),
        ("port != 80", NONE),
        ("not port == 80", NONE),
        ("port == 80 or status == 500", NONE),
        ("port == 80 or server.port == 443", Requirements(ports=((80, 80), (443, 443)))),
        ("(port == 80 or port == 81) and client.ip == 10.0.0.7", Requirements(((80, 80), (81, 81)), ("10.0.0.7",))),
        ("port > 70000", NONE),
        ("port == 0", NONE),
        ("client.port > 1024 and server.port == 80", Requirements(ports=((80, 80),))),
        ("ip in 10.0.0.0/8", Requirements(hosts=("10.0.0.0/8",))),
        ("ip in {10.0.0.7, ::1}", Requirements(hosts=("10.0.0.7", "::1"))),
        ("ip in 10.0.0.0/8 and client.ip == 10.0.0.7", Requirements(hosts=("10.0.0.7",))),
        ("ip != 10.0.0.7", NONE),
        ("family == 6", Requirements(family=6)),
        ("family == 6 or family == 4", NONE),
        ("host == example.org", NONE),  # the name in the request, and no address
        ("port in {" + ",".join(map(str, range(1, MEMBERS_MAX + 2))) + "}", NONE),
        ("json.a == 1", Requirements(body="json.a")),
        ("not request.body contains x", Requirements(body="request.body")),
        ("not client.pid == 3", Requirements(process="client.pid")),
        ("type == text and sender == client", Requirements(message="type")),
        ("protocol == grpc", Requirements(protocols=frozenset({"grpc"}))),
    ],
)
def test_what_a_filter_requires(text: str, found: Requirements):
    assert required(Where(text).nodes) == found


def test_what_arguments_require():
    assert required(Where(port={80}, status=200, path=lambda path: True).nodes) == Requirements(ports=((80, 80),))


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        (KernelFilter(), "status == 200", KernelFilter()),
        (KernelFilter(), "port == 80 and ip == ::1", KernelFilter([(80, 80)], ("::1",))),
        (KernelFilter([(80, 90)]), "port == 85", KernelFilter([(85, 85)])),
        # one end has 80, one end has 443: the kernel compares with one set
        (KernelFilter([(80, 80)]), "port == 443", KernelFilter([(80, 80)])),
        (KernelFilter(hosts=("10.0.0.0/8",)), "ip == 10.1.0.0/16", KernelFilter(hosts=("10.1.0.0/16",))),
        (KernelFilter(hosts=("10.0.0.0/8",)), "ip == ::1", KernelFilter(hosts=("10.0.0.0/8",))),
        (KernelFilter(hosts=("10.1.0.0/16",)), "ip == 10.0.0.0/8", KernelFilter(hosts=("10.1.0.0/16",))),
        (KernelFilter(family=4), "family == 6", KernelFilter(family=4)),
        (KernelFilter(), "family == 6", KernelFilter(family=6)),
    ],
)
def test_what_the_kernel_is_told(before: KernelFilter, text: str, after: KernelFilter):
    requires = required(Where(text).nodes)
    assert before.narrowed(requires.ports, requires.hosts, requires.family) == after

"""The filters of tcpdump that options say too; of others, one line that says what to use."""

from __future__ import annotations

import pytest

from sockfilter.cli.pcap_filter import Filter, understood
from sockfilter.errors import InvalidArgument


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("port 80", Filter("80")),
        ("tcp port 8080", Filter("8080")),
        ("port http", Filter("80")),
        ("portrange 8000-8100", Filter("8000-8100")),
        ("tcp portrange 1-2", Filter("1-2")),
        ("host 10.0.0.1", Filter(host="10.0.0.1")),
        ("host example.org", Filter(host="example.org")),
        ("net 10.0.0.0/8", Filter(host="10.0.0.0/8")),
        ("tcp", Filter()),
        ("ip", Filter(family=4)),
        ("ip6", Filter(family=6)),
        ("tcp and port 80", Filter("80")),
        ("port 80 and host ::1", Filter("80", "::1")),
        ("ip && tcp port 80 && host 10.0.0.1", Filter("80", "10.0.0.1", 4)),
        ("port 80 and port 80", Filter("80")),
    ],
)
def test_what_options_say_too(text: str, found: Filter) -> None:
    assert understood(text.split()) == found
    assert understood([text]) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port 80 or port 81", "for several ports use --ports 80,8080"),
        ("port 80 || port 81", "for several ports use --ports 80,8080"),
        ("not port 22", "only HTTP is captured"),
        ("! port 22", "only HTTP is captured"),
        ("src host 10.0.0.1", "port N and host X compare both ends"),
        ("dst port 80", "port N and host X compare both ends"),
        ("udp port 53", "only HTTP over TCP is captured"),
        ("port 80 and port 81", "asks for 80 and 81 at once, which is not possible; for either, use --ports 80,8080"),
        ("host a and host b", "asks for a and b at once, which is not possible; for either, use --host A,B"),
        ("ip and ip6", "asks for 4 and 6 at once"),
        ("port no-such-service", "there is no service with that name; use its number"),
        ("(port 80)", "supported filters are port N, "),
        ("port", "supported filters are port N, "),
        ("and", "supported filters are port N, "),
        ("port 80 and", "supported filters are port N, "),
        ("net 10", "supported filters are port N, "),
        ("tcp[13] & 2 == 2", "supported filters are port N, "),
        ("ether host 1:2:3:4:5:6", "supported filters are port N, "),
        ("10.0.0.1", "supported filters are port N, "),
        ("", "supported filters are port N, "),
    ],
)
def test_what_they_do_not_say(text: str, words: str) -> None:
    for split in (text.split(), [text]):
        with pytest.raises(InvalidArgument) as found:
            understood(split)
        assert words in str(found.value)
        assert "\n" not in str(found.value)

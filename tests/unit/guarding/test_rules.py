"""The rules of a guard: what they mean, what they cannot mean, and how they read for nftables."""

from __future__ import annotations

from typing import Any

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.guarding.nft import nft_rules
from sockfilter.guarding.rules import Rate, made, rate


def test_rates():
    assert rate("50/s") == Rate(50, "s", 50)
    assert rate("50/s:100") == Rate(50, "s", 100)
    assert rate("3/m") == Rate(3, "m", 3)
    assert rate("50/s").cost_ns == 20_000_000
    assert [str(rate(text)) for text in ("50/s", "50/s:100", "3/m")] == ["50/s", "50/s:100", "3/m"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "needs a rule"),
        ({"allow": "80", "deny": "81"}, "choose one"),
        ({"allow": "eighty"}, "'eighty' is not a port"),
        ({"allow": "0"}, "ports are 1 to 65535"),
        ({"allow": "70000"}, "ports are 1 to 65535"),
        ({"allow": ""}, "'' is not a port"),
        ({"allow": []}, "every connection would be refused"),
        ({"allow": "GET"}, "a method of HTTP, not a port: a packet guard acts before HTTP is there"),
        ({"deny": "1-65535"}, "names every port, so nothing could connect"),
        ({"deny": "1-1000,900-65535"}, "names every port"),
        ({"per_source": "0/s"}, "would refuse every connection"),
        ({"per_source": "5/s:0"}, "would refuse every connection"),
        ({"per_source": "50"}, "'50' is not a rate: use 50/s"),
        ({"per_source": "50/h"}, "is not a rate"),
        ({"per_source": "99999999/s"}, "at most 1000000"),
        ({"allow": "80", "sources": "10.0.0.300"}, "'10.0.0.300' is not an address or network"),
        ({"allow": "80", "not_sources": []}, "name 1 to 1024"),
    ],
)
def test_what_cannot_be_meant(arguments: dict[str, Any], said: str):
    with pytest.raises(InvalidArgument, match=said):
        made(**arguments)


def test_which_ports_are_refused():
    assert [made(allow="22,8000-8010").refuses_port(port) for port in (22, 23, 8005, 8011)] == [0, 1, 0, 1]
    assert [made(deny="22,8000-8010").refuses_port(port) for port in (22, 23, 8005, 8011)] == [1, 0, 1, 0]
    assert not made(per_source="1/s").refuses_port(80)


def test_whose_openings_are_judged():
    rules = made(allow="80", sources="10.0.0.0/8,fd00::/8", not_sources="10.1.0.0/16")
    judged = {"10.0.0.1": True, "10.1.0.1": False, "192.0.2.1": False, "fd00::1": True, "2001:db8::1": False}
    assert {address: rules.judges(address) for address in judged} == judged
    assert made(allow="80").judges("192.0.2.1")


def test_rules_for_nftables():
    text = nft_rules("eth0", made("22,8000-8010,8005-8020", None, "50/s:100", "10.0.0.0/8,10.1.0.0/16", udp=True))
    assert 'device "eth0"' in text
    assert "tcp dport != { 22, 8000-8020 } counter drop" in text
    assert "udp dport != { 22, 8000-8020 } counter drop" in text
    assert "ip saddr != { 10.0.0.0/8 } accept" in text
    assert "meta protocol ip6 accept" in text
    assert "{ ip saddr limit rate over 50/second burst 100 packets } counter drop" in text
    assert "set sources6" in text
    assert "set sources" not in nft_rules("eth0", made(deny="9"))

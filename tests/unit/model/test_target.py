"""What a target asks for, in each of its forms, and of any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model import target as targets
from sockfilter.model.headers import text
from sockfilter.model.target import FIELDS_MAX, host, path, query, split


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("/", ("", "/", "")),
        ("/a/b?c=d", ("", "/a/b", "c=d")),
        ("/a?b?c", ("", "/a", "b?c")),
        ("/a?", ("", "/a", "")),
        ("?a", ("", "", "a")),
        ("//h/a", ("", "//h/a", "")),
        ("/http://h/a", ("", "/http://h/a", "")),
        ("*", ("", "*", "")),
        ("", ("", "", "")),
        ("http://h", ("h", "/", "")),
        ("http://h/", ("h", "/", "")),
        ("http://h/a?b=c", ("h", "/a", "b=c")),
        ("http://h?b=c", ("h", "", "b=c")),
        ("HTTPS://H:1/a", ("H:1", "/a", "")),
        ("http://u:p@h:1/a@b", ("h:1", "/a@b", "")),
        ("http://u@v@h/", ("h", "/", "")),
        ("http:///a", ("", "/a", "")),
        ("x+y.z-1://h/a", ("h", "/a", "")),
        ("h:443", ("h:443", "", "")),
        ("[::1]:443", ("[::1]:443", "", "")),
        ("h:443?a", ("h:443?a", "", "")),
    ],
)
def test_parts(target: str, parts: tuple[str, str, str]):
    assert split(target) == parts


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("/a%20b", "/a b"),
        ("/a+b", "/a+b"),
        ("/%C3%BC/ü", "/ü/ü"),
        ("/%ff", "/\ufffd"),
        ("/\udcff%20", "/\udcff "),
        ("/%2", "/%2"),
        ("/%zz%", "/%zz%"),
        ("/a%3Fb?c", "/a?b"),
        ("/%00", "/\0"),
        ("*", "*"),
        ("h:443", ""),
        ("", ""),
    ],
)
def test_paths(target: str, found: str):
    assert path(target) == found


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("/", {}),
        ("/?", {}),
        ("/?a", {"a": [""]}),
        ("/?a=", {"a": [""]}),
        ("/?=b", {"": ["b"]}),
        ("/?a=1&a=2&b=3&a=", {"a": ["1", "2", ""], "b": ["3"]}),
        ("/?a=b=c", {"a": ["b=c"]}),
        ("/?a=1;b=2", {"a": ["1;b=2"]}),
        ("/?&&a=1&", {"a": ["1"]}),
        ("/?a=b+c%20d%2B", {"a": ["b c d+"]}),
        ("/?%C3%BC=%ff", {"ü": ["\ufffd"]}),
        ("/?x[]=1&x[]=2", {"x[]": ["1", "2"]}),
        ("http://h?a=1", {"a": ["1"]}),
        ("h:443?a=1", {}),
    ],
)
def test_queries(target: str, found: dict[str, list[str]]):
    assert query(target) == found


def test_a_query_of_too_many_fields_is_no_form():
    assert len(query("/?" + "a=1&" * (FIELDS_MAX - 1))["a"]) == FIELDS_MAX - 1
    assert query("/?" + "a=1&" * FIELDS_MAX) == {}


@pytest.mark.parametrize(
    ("authority", "found"),
    [
        ("h", "h"),
        ("Example.COM:80", "example.com"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:80", "::1"),
        ("[FE80::1]", "fe80::1"),
        ("[::1", "::1"),
        ("u:p@h:80", "h"),
        (" h ", "h"),
        (":80", ""),
        ("", ""),
    ],
)
def test_hosts(authority: str, found: str):
    assert host(authority) == found


marks = st.sampled_from(
    ["/", "?", "&", "=", "%", "@", ":", "[", "]", "*", "://", "http", "%41", "+", ";", "#", "\udcff"]
)


@given(st.one_of(st.binary().map(text), st.lists(marks).map("".join), st.text()))
def test_nothing_raises(target: str):
    authority, raw_path, words = split(target)
    assert isinstance(path(target), str)
    assert isinstance(host(authority), str)
    assert all(values for values in query(target).values())
    assert len(authority) + len(raw_path) + len(words) <= len(target) + 1


def test_every_cut_of_a_target_can_be_read():
    whole = "http://u:p@[::1]:80/%C3%BC/%zz?a=%C3%BC&b=%&c#d"
    for end in range(len(whole) + 1):
        for cut in (whole[:end], whole[end:]):
            assert targets.query(cut) is not None
            assert isinstance(targets.path(cut), str)
            assert isinstance(targets.host(targets.split(cut)[0]), str)

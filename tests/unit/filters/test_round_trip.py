"""The text of a filter gives the same filter again, whatever its values are."""

from __future__ import annotations

import math
import re
import string
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from sockfilter import Where
from sockfilter.errors import InvalidArgument
from sockfilter.filters import kinds, tree
from sockfilter.filters.conditions import PROBLEMS
from sockfilter.filters.fields import EACH, PROTOCOLS
from sockfilter.filters.kinds import Between, plain_pattern
from sockfilter.filters.names import FIELDS, Name
from sockfilter.filters.parser import parsed
from sockfilter.filters.tree import THERE, Comparison, Node, Not
from sockfilter.model.culprit import WORDS as CULPRITS
from sockfilter.model.grpc import STATUS_NAMES
from tests.support.exchanges import exchange

ADDRESSES = st.ip_addresses().map(str) | st.sampled_from(["10.0.0.0/8", "fd00::/8", "0.0.0.0/0"])
NUMBERS = st.integers(0, 10**15)
JSON = st.text() | st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
PATTERNS = st.sampled_from(
    ["^/api", r"\d+\.json$", 'a"b', "a'b", r"a\\b", "\n", "é|ü", "[\"']", "(?i)x", "\x00", r"\""]
)
CHOICES = {
    "problems": PROBLEMS,
    "protocol": PROTOCOLS,
    "grpc_status": STATUS_NAMES,
    "sender": ("client", "server"),
    "culprit": CULPRITS,
}
KEYS = {
    "": st.none(),
    "name": st.text(min_size=1, max_size=8),
    "path": st.none()
    | st.lists(st.text(max_size=5) | st.integers(0, 10**9 - 1) | st.just(EACH), min_size=1, max_size=4)
    .filter(lambda path: path[0] != "$")
    .map(lambda path: tuple(part if part is EACH or part != EACH else "other" for part in path)),
}


def values(name: str) -> st.SearchStrategy[object]:
    kind = FIELDS[name].kind
    if name in CHOICES:
        return st.sampled_from(CHOICES[name])
    if kind is kinds.ADDRESS:
        return ADDRESSES.map(lambda text: kind.read(kinds.Written(text, False)))
    if kind in (kinds.WHOLE, kinds.SECONDS, kinds.BYTES):
        return NUMBERS
    if kind is kinds.ANY:
        return JSON | st.none()
    if kind is kinds.FLAG:
        return st.booleans()
    if kind is kinds.METHOD:
        return st.text(string.ascii_uppercase, min_size=1)
    return st.text().filter(lambda text: "?" not in text).map(lambda text: text.lower() if kind.folds else text)


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    condition = draw(st.sampled_from(list(FIELDS)))
    field = FIELDS[condition]
    name = Name(condition, draw(KEYS[field.keys]))
    operator = draw(st.sampled_from([THERE, "in", "not in", *field.kind.operators]))
    if operator == THERE or (field.kind is kinds.FLAG and operator in tree.SETS):
        return Comparison(name, THERE)
    if operator in tree.PATTERNS:
        return Comparison(name, operator, (plain_pattern(draw(PATTERNS)),))
    if operator in ("contains", "startswith", "endswith"):
        text = draw(st.text())
        return Comparison(name, operator, (text.lower() if field.kind.folds else text,))
    value = values(condition)
    if operator not in tree.SETS:
        plain = draw(value.filter(lambda one: operator in kinds.EQUALS or not (isinstance(one, bool) or one is None)))
        return Comparison(name, operator, (plain,))
    if field.kind in (kinds.WHOLE, kinds.SECONDS, kinds.BYTES):
        value |= st.tuples(NUMBERS, NUMBERS).map(lambda ends: Between(*sorted(ends)))
    return Comparison(name, operator, tuple(draw(st.lists(value, min_size=1, max_size=4, unique_by=repr))))


NODES: st.SearchStrategy[Node] = st.recursive(
    comparisons(),
    lambda inner: (
        inner.filter(lambda node: not isinstance(node, Not)).map(Not)
        | st.lists(inner, min_size=2, max_size=3).map(tree.all_of)
        | st.lists(inner, min_size=2, max_size=3).map(tree.either)
    ),
    max_leaves=6,
)


@given(NODES)
def test_a_tree_is_the_tree_of_its_text(node: Node):
    assert parsed(str(node)) == node


@given(NODES)
def test_a_filter_is_the_filter_of_its_text(node: Node):
    where = Where.parse(str(node))
    assert str(where) == str(node)
    assert Where.parse(str(where)).matches(exchange()) == where.matches(exchange())


@given(st.text())
def test_whatever_is_typed_is_a_filter_or_is_refused(text: str):
    with suppress(InvalidArgument):
        assert str(Where.parse(str(Where.parse(text)))) == str(Where.parse(text))


PARTS = """( ) [ ] { } , = ! < > ~ & | " ' . * == != && || .. not and or in status path json header.x 5xx 500 200ms
10KiB "x" r'x' .x [0] [*] true complete ip ::1 contains \\"""
WORDS = st.sampled_from(PARTS.split())


@given(st.lists(WORDS, max_size=12).map(" ".join) | st.lists(WORDS, max_size=12).map("".join))
def test_whatever_is_typed_in_words_of_the_language_is_a_filter_or_is_refused(text: str):
    try:
        where = Where.parse(text)
    except InvalidArgument:
        return
    where.matches(exchange())
    assert parsed(str(where)) == parsed(text)


ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "method": st.sampled_from(["GET", "POST"]) | st.sampled_from([{"GET"}, re.compile("^G")]),
        "path": st.text().filter(lambda text: "?" not in text) | PATTERNS.map(re.compile),
        "host": st.text(max_size=5) | st.just("x"),
        "status": NUMBERS | st.none() | st.just(range(200, 300)) | st.sets(st.integers(199, 201)),
        "request_header": st.dictionaries(
            st.sampled_from(["host", "Host", "odd name"]), st.text(max_size=3) | st.none()
        ),
        "query": st.just("a") | st.dictionaries(st.text(max_size=3), st.text(max_size=3) | st.none() | NUMBERS),
        "duration": st.floats(0, 10) | st.just(range(1)) | st.just(3e-6),
        "body": st.sampled_from(["hello", "hell", re.compile("^h"), ""]),
        "response_json": JSON,
        "problems": st.sampled_from([[], "gap", {"gap", "idle"}]),
        "complete": st.booleans(),
        "client_ip": ADDRESSES,
        "size": NUMBERS | st.just(5),
    },
)


@given(ARGUMENTS)
def test_arguments_that_the_language_can_express_mean_the_same_in_it(arguments: dict[str, object]):
    try:
        where = Where(**arguments)  # type: ignore[arg-type]  # names and values fit
    except InvalidArgument:
        return
    if None in where.nodes or not where.nodes or any(isinstance(one, float) and math.isinf(one) for one in arguments):
        return
    # addresses are compared as text by arguments, and as addresses by a filter
    if "/" in str(arguments.get("client_ip")):
        return
    assert Where.parse(str(where)).matches(exchange()) == where.matches(exchange())

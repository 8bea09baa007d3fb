"""Parses filters. The grammar is in grammar.lark, for lark."""

from __future__ import annotations

import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput

from sockfilter.filters import faults, kinds, names, tree
from sockfilter.filters.faults import Fault
from sockfilter.filters.kinds import ORDERS, SEARCHES, Between, Kind, Written
from sockfilter.filters.names import Name, UnknownName
from sockfilter.filters.tree import PATTERNS, THERE, Comparison, Node, Not

if TYPE_CHECKING:
    from collections.abc import Sequence

GRAMMAR = os.path.join(os.path.dirname(__file__), "grammar.lark")
# Characters of a filter: several pages. The time to parse it grows in proportion.
FILTER_CHARS_MAX = 16384
# Levels of and, or and not within one another: the functions that a filter becomes call one another.
NESTING_MAX = 64
# Other spellings of operators.
OPERATORS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "matches": "~"}
MISTAKEN = {"=": "==", "===": "==", "=~": "~"}
METHODS = {"startswith": "startswith", "endswith": "endswith", "contains": "contains", "matches": "~"}
BACKWARDS = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
# What a class or a range behind an operator means.
AS_SETS = {"==": "in", "!=": "not in"}
# What may come next, by the grammar's terminals. The first that fits is said.
EXPECTED = (
    ("FIELD", "a field, such as status"),
    ("WORD", "a value"),
    ("RBRACE", "}"),
    ("RSQB", "]"),
    ("OPERATOR", "an operator such as == or ~, and, or, or the end"),
    ("AND", "and, or, or the end"),
    ("RPAR", ")"),
)
NEEDS_QUOTES = 'a value with such characters needs quotes, as in path == "/a?b=c"'


class Value(NamedTuple):
    """A value with its place.

    Attributes:
        written: the value.
        token: its token.
    """

    written: Written
    token: Token


class Range(NamedTuple):
    """A range with its places."""

    first: Value
    last: Value


def parsed(text: str) -> Node:
    """Returns the tree of a filter.

    Raises:
        InvalidArgument: it cannot be parsed, or can never hold. The message shows the place.
    """
    try:
        return _parsed(text)
    except Fault as fault:
        raise faults.shown(fault, text) from None


def _parsed(text: str) -> Node:
    if len(text) > FILTER_CHARS_MAX:
        raise Fault(f"it has {len(text)} characters; at most {FILTER_CHARS_MAX} are possible")
    if not text.strip():
        raise Fault("it is empty; an example is: status >= 500")
    try:
        made: Node = _lark().parse(text)  # type: ignore[assignment]  # _Builder makes nodes of all rules
    except UnexpectedInput as error:
        raise _syntax_fault(text, error) from None
    return made


@cache
def _lark() -> Lark:
    """The parser, made when the first filter is parsed."""
    with open(GRAMMAR, encoding="utf-8") as file:
        return Lark(file.read(), parser="lalr", transformer=_Builder())


def _syntax_fault(text: str, error: UnexpectedInput) -> Fault:
    if isinstance(error, UnexpectedCharacters):
        return _character_fault(text, error.pos_in_stream or 0, error.allowed)
    token: Token = error.token  # type: ignore[attr-defined]  # there is no other kind of error with this parser
    try:
        wanted: set[str] = error.accepts or error.expected  # type: ignore[attr-defined]
    except Fault:  # old versions of lark try out what is accepted, and build the tree meanwhile
        wanted = error.expected  # type: ignore[attr-defined]
    words = next((words for terminal, words in EXPECTED if terminal in wanted), "the end")
    if token.type == "$END":
        return Fault(f"it ends where {words} should come", len(text), len(text))
    start = token.start_pos or 0
    if token == "=" and {"AND", "$END"} & wanted:
        return Fault(NEEDS_QUOTES, start, start + 1)
    return Fault(f"expected {words}, found {token}", start, start + len(token))


def _character_fault(text: str, at: int, allowed: set[str] | None) -> Fault:
    letter = text[at]
    if letter in "\"'":
        return Fault(f"the string that begins here has no closing {letter}", at, len(text))
    if letter in "&|":
        return Fault(f"use {letter * 2}, or {'and' if letter == '&' else 'or'}", at, at + 1)
    if letter == "=" and allowed and "AND" in allowed:
        return Fault(NEEDS_QUOTES, at, at + 1)
    words = next((words for terminal, words in EXPECTED if terminal in (allowed or ())), "the end")
    return Fault(f"expected {words}, found {letter}", at, at + 1)


def _name(token: Token) -> Name:
    start = token.start_pos or 0
    try:
        return names.understood(token)
    except UnknownName as error:
        raise Fault(str(error), start + error.start, start + error.end) from None
    except ValueError as error:
        raise Fault(f"there is no escape {error}; \\\\ is a backslash", start, start + len(token)) from None


def _fault(token: Token, words: str) -> Fault:
    start = token.start_pos or 0
    return Fault(words, start, start + len(token))


def _as_value(token: Token, *, is_pattern: bool = False) -> Value:
    """Returns a value from its token. In a pattern, backslashes belong to the pattern."""
    if token.type == "RAW":
        text = str(token)[2:-1]
        return Value(Written(kinds.plain_pattern(text) if is_pattern else text, True), token)
    if token.type != "STRING":
        return Value(Written(str(token), False), token)
    if is_pattern:
        return Value(Written(kinds.plain_pattern(token[1:-1]), True), token)
    try:
        return Value(Written(names.unquoted(token), True), token)
    except ValueError as error:
        raise _fault(token, f"there is no escape {error}; \\\\ is a backslash") from None


def _read(kind: Kind, name: Name, value: Value) -> Any:
    try:
        return kind.read(value.written)
    except kinds.WrongValue as error:
        raise _fault(value.token, str(error)) from None
    except ValueError as error:
        raise _fault(value.token, f"{name} is compared with {error}, and not with {value.token}") from None


class _Builder(Transformer[Token, Any]):
    """Builds the tree while the text is parsed, so that nothing is nested. Its methods are rules of the grammar."""

    def either(self, parts: Sequence[Any]) -> Node:
        """One of several conditions."""
        return _bounded(tree.either(list(parts[::2])), parts)

    def both(self, parts: Sequence[Any]) -> Node:
        """All of several conditions."""
        return _bounded(tree.all_of(list(parts[::2])), parts)

    def negated(self, parts: Sequence[Any]) -> Node:
        """The opposite of a condition."""
        part = parts[1]
        return part.part if isinstance(part, Not) else _bounded(Not(part), parts)

    def grouped(self, parts: Sequence[Any]) -> Node:
        """A condition in parentheses."""
        return parts[0]  # type: ignore[no-any-return]  # it is a node

    def there(self, parts: Sequence[Token]) -> Node:
        """A field alone."""
        return Comparison(_name(parts[0]), THERE)

    def compared(self, parts: Sequence[Token]) -> Node:
        """A field, an operator and a value."""
        field, operator, value = parts
        return _compared(field, str(operator), operator, value)

    def compared_backwards(self, parts: Sequence[Token]) -> Node:
        """A value, an operator and a field."""
        value, operator, field = parts
        if operator not in BACKWARDS:
            _name(field)
            raise _fault(operator, f"the field comes before {operator}")
        return _compared(field, BACKWARDS[operator], operator, value)

    def called(self, parts: Sequence[Token]) -> Node:
        """The form of CEL: path.startsWith("/api")."""
        field, value = parts
        owner, _, method = field.rpartition(".")
        start = field.start_pos or 0
        if field == "has":
            return Comparison(_name(Token("FIELD", str(value), start_pos=value.start_pos)), THERE)
        if not owner or method.lower() not in METHODS:
            at = start + (len(owner) + 1 if owner else 0)
            known = "startsWith, endsWith, contains, matches"
            raise Fault(f"there is no function {method}; a field has {known}", at, start + len(field))
        name = Token("FIELD", owner, start_pos=start)
        return _compared(name, METHODS[method.lower()], field, value)

    def within(self, parts: Sequence[Any]) -> Node:
        """A field in a set."""
        return _within(parts[0], "in", parts[-1])

    def not_within(self, parts: Sequence[Any]) -> Node:
        """A field that is not in a set."""
        return _within(parts[0], "not in", parts[-1])

    def set(self, parts: Sequence[Any]) -> list[Any]:
        """The members of a set."""
        return [part for part in parts if not (isinstance(part, Token) and part.type in ("COMMA", "LBRACE"))]

    def between(self, parts: Sequence[Token]) -> Range:
        """A range with spaces around the dots."""
        return Range(_as_value(parts[0]), _as_value(parts[2]))


def _bounded(node: Node, parts: Sequence[Any]) -> Node:
    if tree.depth(node) > NESTING_MAX:
        token = next((part for part in parts if isinstance(part, Token)), None)
        start = (token.start_pos or 0) if token is not None else 0
        raise Fault(f"it is nested too deeply; at most {NESTING_MAX} levels are possible", start, start + 1)
    return node


def _compared(field: Token, operator: str, place: Token, token: Token) -> Node:
    name = _name(field)
    if operator in MISTAKEN:
        raise _fault(place, f"use {MISTAKEN[operator]} in place of {operator}")
    operator = OPERATORS.get(operator, operator)
    kind = name.field.kind
    _check_key(name, field)
    if operator not in kind.operators:
        raise _fault(place, f"{name} is {kind.name}, which {_usable(kind)} compare")
    if operator in SEARCHES:
        return Comparison(name, operator, (_searched(name, operator, token),))
    value = _as_value(token)
    wanted = _ranged(kind, name, value)
    if isinstance(wanted, Between):
        if operator in AS_SETS:
            return Comparison(name, AS_SETS[operator], (wanted,))
        raise _fault(token, f"{token} stands for several values, which ==, != and in compare")
    if operator in ORDERS and kind is kinds.ANY and (isinstance(wanted, bool) or wanted is None):
        raise _fault(token, f"{operator} compares numbers and texts, and not {token}")
    return Comparison(name, operator, (wanted,))


def _searched(name: Name, operator: str, token: Token) -> str:
    value = _as_value(token, is_pattern=operator in PATTERNS)
    text = value.written.text
    if operator not in PATTERNS:
        return text.lower() if name.field.kind.folds else text
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise _fault(token, f"{token} is not a regular expression: {error}") from None
    return text


def _within(field: Token, operator: str, members: Sequence[Any]) -> Node:
    name = _name(field)
    kind = name.field.kind
    _check_key(name, field)
    if kind is kinds.FLAG:
        raise _fault(field, f"{name} is {kind.name}, which == and != compare")
    found = []
    for member in members:
        if isinstance(member, Range):
            found.append(_range(kind, name, member.first, member.last))
        else:
            found.append(_ranged(kind, name, _as_value(member)))
    return Comparison(name, operator, tuple({(type(each), each): each for each in found}.values()))


def _ranged(kind: Kind, name: Name, value: Value) -> Any:
    """Returns a value, or the range that is written as one word: 500..599."""
    first, dots, last = value.written.text.partition("..")
    if not dots or not kind.has_ranges or value.written.is_quoted:
        return _read(kind, name, value)
    return _range(
        kind, name, value._replace(written=Written(first, False)), value._replace(written=Written(last, False))
    )


def _range(kind: Kind, name: Name, first: Value, last: Value) -> Between:
    if not kind.has_ranges:
        raise _fault(first.token, f"{name} is {kind.name}, which has no ranges")
    wanted = Between(_read(kind, name, first), _read(kind, name, last))
    if any(isinstance(end, (Between, bool)) or not isinstance(end, (int, float)) for end in wanted):
        raise _fault(first.token, "a range goes from one number to another, as in 500..599")
    if wanted.first > wanted.last:
        raise _fault(first.token, "the range is empty: its first value comes first")
    return wanted


def _check_key(name: Name, field: Token) -> None:
    if name.field.keys == "name" and name.key is None:
        example = "id" if name.condition == "query" else "content-type"
        raise _fault(field, f"{name} needs a name, as in {name}.{example}")


def _usable(kind: Kind) -> str:
    operators = (*kind.operators, *(() if kind is kinds.FLAG else ("in",)))
    return f"{', '.join(operators[:-1])} and {operators[-1]}"

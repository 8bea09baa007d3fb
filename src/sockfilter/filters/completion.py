"""Completion of filters: what may stand at the cursor, from the language's own tables."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lark import Lark
from lark.exceptions import UnexpectedInput

from sockfilter.filters import kinds, names
from sockfilter.filters.kinds import quoted
from sockfilter.filters.names import FIELDS, NAMES, Name, UnknownName, dotted
from sockfilter.filters.parser import FILTER_CHARS_MAX, GRAMMAR, OPERATORS
from sockfilter.filters.tree import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lark import Token

# candidates that are returned
CANDIDATES_MAX = 50
FIELD, KEY, OPERATOR, VALUE, KEYWORD = "field", "key", "operator", "value", "keyword"
# What is before the cursor and is being written: a string without its end, an operator, or a word with its dots.
WRITTEN = re.compile(r"""["'][^"']*|[=!<>~&|]+|[^\s()\[\]{}"',&|=!<>~]+(?:\[[^\]\s]*\]?[\w.$*-]*)*""")
# a value that needs no quotes
PLAIN = re.compile(r"[^\s()\[\]{}\"',&|=!<>~]+")
# the words of the language by the terminals of the grammar
KEYWORDS = {"AND": ("and",), "OR": ("or",), "NOT": ("not",), "IN": ("in", "not in"), "RPAR": (")",), "RBRACE": ("}",)}
# operators whose value is a regular expression: those that have been seen are none
MATCHING = {*PATTERNS, "matches"}
RESERVED = {"and", "or", "not", "in", *OPERATORS, "contains", "startswith", "endswith"}


class SeenSource(Protocol):
    """Knows what exchanges have had so far."""

    def values(self, name: Name) -> Iterable[Any]:
        """Returns values of a field, the most likely first."""

    def keys(self, condition: str) -> Iterable[str]:
        """Returns names or paths that may follow the name of a field, the most likely first."""


class Candidate(NamedTuple):
    """What may stand at the cursor.

    Attributes:
        text: the text that takes the place of what is written there.
        kind: FIELD, KEY, OPERATOR, VALUE or KEYWORD.
        about: a few words about it; may be empty.
    """

    text: str
    kind: str
    about: str = ""


class Completion(NamedTuple):
    """What may stand at the cursor of a filter.

    Attributes:
        start, end: the place of what is written there, which a candidate replaces.
        candidates: what may stand there, the most likely first.
    """

    start: int
    end: int
    candidates: tuple[Candidate, ...]

    def applied(self, text: str, candidate: Candidate) -> tuple[str, int]:
        """Returns the filter with a candidate in its place, and the place of the cursor behind it."""
        rest = text[self.end :]
        space = "" if candidate.text.endswith(".") or rest[:1] == " " else " "
        made = f"{text[: self.start]}{candidate.text}{space}"
        return made + rest, len(made) + (not space and not candidate.text.endswith("."))


def complete(text: str, cursor: int | None = None, seen: SeenSource | None = None) -> Completion:
    """Returns what may stand at the cursor.

    Args:
        text: the filter.
        cursor: the number of characters before the cursor. None: it is at the end.
        seen: knows values that exchanges have had. None: only those that are fixed are candidates.
    """
    at = len(text) if cursor is None else max(0, min(cursor, len(text)))
    nothing = Completion(at, at, ())
    if len(text) > FILTER_CHARS_MAX:
        return nothing
    start = _start_of_word(text, at)
    written = text[start:at]
    tokens, wanted = _parsed_to(text[:start])
    if wanted is None:
        return nothing
    found: dict[str, Candidate] = {}
    for candidate in _candidates(wanted, tokens, written, seen):
        found.setdefault(candidate.text, candidate)
        if len(found) >= CANDIDATES_MAX:
            break
    return Completion(start, at, tuple(found.values()))


def _start_of_word(text: str, at: int) -> int:
    """Returns where the word begins that ends at the cursor; the cursor if there is none."""
    quote, start = "", at
    for place, letter in enumerate(text[:at]):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote, start = letter, place
    if quote:
        return start
    for found in WRITTEN.finditer(text[:at]):
        if found.end() == at and found[0][0] not in "\"'":
            return found.start()
    return at


@cache
def _parser() -> Lark:
    """The grammar without a tree: it only says what may come next."""
    with open(GRAMMAR, encoding="utf-8") as file:
        return Lark(file.read(), parser="lalr")


def _parsed_to(text: str) -> tuple[list[Token], set[str] | None]:
    """Returns the tokens of the beginning of a filter, and the terminals that may follow; None if it is wrong."""
    parser = _parser().parse_interactive(text)
    tokens: list[Token] = []
    try:
        for token in parser.iter_parse():
            tokens.append(token)
    except UnexpectedInput:
        return tokens, None
    return tokens, parser.accepts()  # type: ignore[no-untyped-call]  # lark types only some methods


def _candidates(wanted: set[str], tokens: list[Token], written: str, seen: SeenSource | None) -> Iterator[Candidate]:
    if "WORD" in wanted:
        is_pattern = any(token.type == "OPERATOR" and token in MATCHING for token in tokens[-1:])
        if not is_pattern:
            yield from _values(_field_before(tokens), written, seen)
        wanted = wanted & {"RBRACE"}
    if "FIELD" in wanted:
        yield from _fields(written, seen)
    if "OPERATOR" in wanted:
        name = _field_before(tokens)
        if name is not None:
            for operator in name.field.kind.operators:
                if operator.startswith(written.lower()):
                    yield Candidate(operator, OPERATOR, name.field.kind.name)
            if name.field.kind is kinds.FLAG:
                wanted = wanted - {"IN"}
    # the usual ones first
    for terminal, words in KEYWORDS.items():
        if terminal in wanted and not (terminal == "NOT" and "FIELD" not in wanted):
            # behind status not, only in can come
            for word in words[:1] if tokens[-1:] and tokens[-1].type == "NOT" else words:
                if word.startswith(written.lower()):
                    yield Candidate(word, KEYWORD)


def _field_before(tokens: list[Token]) -> Name | None:
    """Returns the field of the last comparison."""
    token = next((token for token in reversed(tokens) if token.type == "FIELD"), None)
    try:
        return None if token is None else names.understood(token)
    except (UnknownName, ValueError):
        return None


def _fields(written: str, seen: SeenSource | None) -> Iterator[Candidate]:
    folded = written.lower()
    own = [dotted(condition) for condition in FIELDS]
    for name in own:
        if FIELDS[NAMES[name]].keys and folded.startswith((f"{name}.", f"{name}[")) and seen is not None:
            for key in seen.keys(NAMES[name]):
                text = f"{name}{key}" if key.startswith("[") else f"{name}.{_key(key)}"
                if text.lower().startswith(folded) and text.lower() != folded:
                    yield Candidate(text, KEY)
    for ranked in (str.startswith, lambda name, part: part in name and not name.startswith(part)):
        for name in own:
            if ranked(name, folded):
                yield from _field(name)
    if folded:
        for other, condition in NAMES.items():  # the names of other programs
            if other.startswith(folded) and other not in own:
                yield Candidate(dotted(condition), FIELD, f"{other} elsewhere")


def _field(name: str) -> Iterator[Candidate]:
    field = FIELDS[NAMES[name]]
    if field.keys != "name":
        yield Candidate(name, FIELD, field.kind.name)
    if field.keys == "name":
        yield Candidate(f"{name}.", FIELD, f"{field.kind.name}; a name follows")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w$*.\[\]-]+", key) else quoted(key)


def _values(name: Name | None, written: str, seen: SeenSource | None) -> Iterator[Candidate]:
    if name is None:
        return
    kind = name.field.kind
    quote = written[:1] if written[:1] in ('"', "'") else ""
    typed = written[len(quote) :].lower()
    fixed: list[Any] = [True, False] if kind is kinds.FLAG else []
    known = [*fixed, *(() if seen is None else seen.values(name)), *kind.names]
    texts = list(dict.fromkeys(_written(kind, value, quote) for value in known))
    for ranked in (str.startswith, lambda text, part: part in text and not text.startswith(part)):
        for text in texts:
            if ranked(text.lower().strip("\"'"), typed):
                yield Candidate(text, VALUE)


def _written(kind: kinds.Kind, value: Any, quote: str) -> str:
    if not isinstance(value, str):
        return kind.write(value)
    if not quote and PLAIN.fullmatch(value) and value.lower() not in RESERVED and ".." not in value:
        # in JSON, a word such as 5 or true would not be a text
        return value if kind is not kinds.ANY else kind.write(value)
    return quoted(value)

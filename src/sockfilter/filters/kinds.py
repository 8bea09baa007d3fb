"""The kinds of values that a field may have: how a value is written, and by what it can be compared."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

EQUALS = ("==", "!=")
ORDERS = ("<", "<=", ">", ">=")
SEARCHES = ("~", "!~", "contains", "startswith", "endswith")
# digits of a number; int() has its own limit and raises another error
DIGITS_MAX = 18
NUMBER = re.compile(rf"-?[0-9]{{1,{DIGITS_MAX}}}")
DECIMAL = rf"(?:[0-9]{{1,{DIGITS_MAX}}}(?:\.[0-9]{{0,{DIGITS_MAX}}})?|\.[0-9]{{1,{DIGITS_MAX}}})"
CLASS = re.compile(r"([1-9])[xX]{2}")
UNITS_NS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
UNITS_BYTES = {"B": 1, "kB": 1000, "KB": 1000, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
PART_NS = re.compile(rf"({DECIMAL})(ns|us|µs|ms|s|m|h)")
TIME = re.compile(rf"(?:{PART_NS.pattern})+|({DECIMAL})")
SIZE = re.compile(rf"({DECIMAL})({'|'.join(UNITS_BYTES)})?")
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,300})(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,3})?")
JSON_WORDS = {"true": True, "false": False, "null": None}


class Written(NamedTuple):
    """A value as a filter has it.

    Attributes:
        text: the text, without quotes and escapes.
        is_quoted: whether it was in quotes.
    """

    text: str
    is_quoted: bool


class Between(NamedTuple):
    """All values from first to last, both included."""

    first: Any
    last: Any


class WrongValue(ValueError):
    """A value that the field can never have. The text says all that there is to say."""


class Kind(NamedTuple):
    """One kind of values.

    Attributes:
        name: what a value is, with its article, for messages.
        operators: the operators that can be used with it, besides in.
        read: returns a value from how it is written. Raises ValueError, whose text says what a value looks like, and
            WrongValue.
        write: the text from which read makes the same value.
        has_ranges: whether a value may be a range.
        folds: whether values are compared without regard to upper and lower case.
        names: the values that there are, if they have names.
    """

    name: str
    operators: tuple[str, ...]
    read: Callable[[Written], Any]
    write: Callable[[Any], str]
    has_ranges: bool = False
    folds: bool = False
    names: tuple[str, ...] = ()


def quoted(text: str) -> str:
    """Returns a text as a string of the language."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else _by_number(letter)


def _by_number(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def written_pattern(pattern: str) -> str:
    """Returns a regular expression as a string of the language: its backslashes belong to the pattern."""
    return f'"{plain_pattern(pattern).replace(chr(34), chr(92) + chr(34))}"'


def plain_pattern(pattern: str) -> str:
    """Returns a pattern without needless escapes of quotes, and with escapes in place of what cannot be shown."""

    def replaced(found: re.Match[str]) -> str:
        letter = found[0][-1]
        if letter in "\"'":
            return letter
        return found[0] if letter.isprintable() else _by_number(letter)

    return re.sub(r"\\.|.", replaced, pattern, flags=re.DOTALL)


def _text(written: Written) -> str:
    return written.text


def _method(written: Written) -> str:
    # methods are case-sensitive (RFC 9110, 9.1): a lower-case one would never match
    if written.text.islower():
        raise WrongValue(f"methods are in upper case: {written.text.upper()}")
    return written.text


def _path(written: Written) -> str:
    if "?" in written.text:
        raise WrongValue("a path has no query: compare target, or query.NAME")
    return written.text


def _folded(written: Written) -> str:
    return written.text.lower()


def _number(written: Written) -> int | Between:
    found = CLASS.fullmatch(written.text)
    if found:
        return Between(int(found[1]) * 100, int(found[1]) * 100 + 99)
    if not NUMBER.fullmatch(written.text):
        raise ValueError("a whole number")
    return int(written.text)


def _rounded(text: str, unit: int) -> int:
    value = Fraction(f"0{text}" if text.startswith(".") else text.rstrip(".")) * unit
    return math.floor(value + Fraction(1, 2))


def _time(written: Written) -> int:
    found = TIME.fullmatch(written.text)
    if not found:
        raise ValueError("a time such as 200ms, 1.5s or 2m")
    if found[3] is not None:
        return _rounded(found[3], UNITS_NS["s"])
    return sum(_rounded(number, UNITS_NS[unit]) for number, unit in PART_NS.findall(written.text))


def _write_time(value: int) -> str:
    unit = next(
        unit for unit in ("h", "m", "s", "ms", "us", "ns") if (value and not value % UNITS_NS[unit]) or unit == "ns"
    )
    return f"{value // UNITS_NS[unit]}{unit}"


def _size(written: Written) -> int:
    found = SIZE.fullmatch(written.text)
    if not found:
        raise ValueError("a size such as 500, 10KiB or 2MB")
    return _rounded(found[1], UNITS_BYTES[found[2] or "B"])


def _write_size(value: int) -> str:
    unit = next((unit for unit in ("GiB", "MiB", "KiB") if value and not value % UNITS_BYTES[unit]), "")
    return f"{value // UNITS_BYTES[unit]}{unit}" if unit else str(value)


def _flag(written: Written) -> bool:
    if written.is_quoted or written.text not in ("true", "false"):
        raise ValueError("true or false")
    return written.text == "true"


def _network(written: Written) -> IPv4Address | IPv6Address | IPv4Network | IPv6Network:
    from ipaddress import ip_address, ip_network  # slow to import

    try:
        if "/" in written.text:
            return ip_network(written.text, strict=False)
        return ip_address(written.text)
    except ValueError:
        raise ValueError("an address or a network, such as 10.0.0.7, 10.0.0.0/8 or fd00::/8") from None


def _json(written: Written) -> Any:
    text = written.text
    if written.is_quoted:
        return text
    if text in JSON_WORDS:
        return JSON_WORDS[text]
    if JSON_NUMBER.fullmatch(text):
        value = float(text)
        return int(text) if re.fullmatch(r"-?\d+", text) else value if math.isfinite(value) else text
    return text


def _write_json(value: Any) -> str:
    for word, meaning in JSON_WORDS.items():
        if value is meaning:
            return word
    return quoted(value) if isinstance(value, str) else repr(value)


def one_of(name: str, names: tuple[str, ...], *, numbers: bool = False) -> Kind:
    """Returns the kind of values that are one of some names.

    Args:
        name: what a value is, with its article.
        names: the names.
        numbers: whether a value may be a number too.
    """

    def read(written: Written) -> Any:
        text = written.text
        if text in names:
            return text
        if numbers and NUMBER.fullmatch(text):
            return int(text)
        import difflib

        folded = {each.lower(): each for each in names}
        near = difflib.get_close_matches(text.lower(), folded, n=1)
        known = f"did you mean {folded[near[0]]}?" if near else f"there are {', '.join(names)}"
        raise WrongValue(f"{text} is not {name}; {known}")

    def write(value: Any) -> str:
        return quoted(value) if isinstance(value, str) else str(value)

    return Kind(name, EQUALS, read, write, names=names)


TEXT = Kind("a text", EQUALS + SEARCHES, _text, quoted)
METHOD = TEXT._replace(read=_method)
PATH = TEXT._replace(read=_path)
FOLDED = Kind("a text", EQUALS + SEARCHES, _folded, quoted, folds=True)
WHOLE = Kind("a number", EQUALS + ORDERS, _number, str, has_ranges=True)
SECONDS = Kind("a time", EQUALS + ORDERS, _time, _write_time, has_ranges=True)
BYTES = Kind("a size", EQUALS + ORDERS, _size, _write_size, has_ranges=True)
FLAG = Kind("true or false", EQUALS, _flag, lambda value: str(value).lower())
ADDRESS = Kind("an address", EQUALS, _network, str)
ANY = Kind("a value of JSON", EQUALS + ORDERS + SEARCHES, _json, _write_json, has_ranges=True)

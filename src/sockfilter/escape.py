"""Escapes text of peers for a terminal: it cannot move the cursor, change a colour, or hide other text."""

from __future__ import annotations

# invisible letters and symbols: Hangul fillers, the blank Braille pattern, the musical symbol null notehead
BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\U0001d159")
# invisible marks: joiners, variation selectors, inherent vowels of Khmer
HIDDEN = (
    *(range(0x034F, 0x0350), range(0x17B4, 0x17B6), range(0x180B, 0x1810), range(0xFE00, 0xFE10)),
    range(0xE0100, 0xE01F0),
)
# blocks of combining marks without a script: Unicode allows any number of them on any character
COMMON = (
    range(0x0300, 0x0370),
    range(0x1AB0, 0x1B00),
    range(0x1DC0, 0x1E00),
    range(0x20D0, 0x2100),
    range(0xFE20, 0xFE30),
)
# maximum marks on one letter: a consonant of Devanagari may have a dot, a vowel and a nasal
MARKS_MAX = 3


def printable(text: str) -> str:
    """The text with unprintable characters as \\xNN or \\uNNNN. Backslashes are not changed.

    A mark of a script is printable on letters that are not ASCII. A mark without a script is printable only if Unicode
    has a letter with that mark.

    Args:
        text: text as model.headers.text() returns it.
    """
    if text.isascii():
        return text if text.isprintable() else "".join(map(_escaped, text))
    return _with_marks(text)


def printable_target(target: str) -> str:
    """A target for a line with columns: it has no spaces, and no backslashes except those of escapes."""
    shown = printable(without_backslashes(target))
    return shown.replace(" ", "\\x20") if " " in shown else shown


def without_backslashes(text: str) -> str:
    """The text with backslashes escaped, so that every backslash that is shown begins an escape."""
    return text.replace("\\", "\\x5c") if "\\" in text else text


def printable_lines(text: str) -> str:
    """As printable(), for text of several lines: line feeds and tabs are not changed."""
    return "\n".join(
        "\t".join(printable(part) for part in line.removesuffix("\r").split("\t")) for line in text.split("\n")
    )


def _with_marks(text: str) -> str:
    import unicodedata  # imported late: only needed if a peer sends more than ASCII

    made: list[str] = []
    base, marks = "", 0
    for character in text:
        category = "L" if character.isascii() else unicodedata.category(character)
        if category in ("Mn", "Me"):
            marks += 1
            is_shown = category == "Mn" and marks <= MARKS_MAX and _goes_with(base, character)
            made.append(character if is_shown else _spelled(character))
            if is_shown:
                base = unicodedata.normalize("NFC", base + character)[0]  # the letter with its marks so far
        else:
            base, marks = character if category[0] in "LM" else "", 0
            made.append(_spelled(character) if character in BLANK else _escaped(character))
    return "".join(made)


def _goes_with(base: str, mark: str) -> bool:
    """Whether a mark may be shown on this letter."""
    from unicodedata import normalize

    if not base or any(ord(mark) in hidden for hidden in HIDDEN):
        return False
    if any(ord(mark) in block for block in COMMON):
        return len(normalize("NFC", base + mark)) == 1
    return not base.isascii()


def _escaped(character: str) -> str:
    return character if character.isprintable() else _spelled(character)


def _spelled(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as surrogateescape represents it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

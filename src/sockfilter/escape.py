"""Bytes of peers, made safe for a terminal: nothing in them can move the cursor, change a colour, or hide."""

from __future__ import annotations

# letters and symbols that show nothing: fillers of Hangul, a blank of Braille, a note without a head
BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\U0001d159")
# marks that show nothing of themselves: joiners, variation selectors, inherent vowels of Khmer
HIDDEN = (
    *(range(0x034F, 0x0350), range(0x17B4, 0x17B6), range(0x180B, 0x1810), range(0xFE00, 0xFE10)),
    range(0xE0100, 0xE01F0),
)
# blocks of combining marks that belong to no script: they are put on any character, in any number
COMMON = (
    range(0x0300, 0x0370),
    range(0x1AB0, 0x1B00),
    range(0x1DC0, 0x1E00),
    range(0x20D0, 0x2100),
    range(0xFE20, 0xFE30),
)
# marks on one letter: a consonant of Devanagari may have a dot, a vowel and a nasal
MARKS_MAX = 3


def printable(text: str) -> str:
    """The text with what is not printable as \\xNN or \\uNNNN; a backslash stays as it is.

    Marks are printable on a letter of their own script, or where Unicode has a letter with that mark.

    Args:
        text: as model.headers.text() makes it of bytes.
    """
    if text.isascii():
        return text if text.isprintable() else "".join(map(_escaped, text))
    return _with_marks(text)


def printable_target(target: str) -> str:
    """A target in a line of columns: nothing in it looks like a column, or like what was escaped."""
    shown = printable(without_backslashes(target))
    return shown.replace(" ", "\\x20") if " " in shown else shown


def without_backslashes(text: str) -> str:
    """The text with backslashes spelled out, so that any that is shown belongs to an escape."""
    return text.replace("\\", "\\x5c") if "\\" in text else text


def printable_lines(text: str) -> str:
    """As printable(), for text of several lines: ends of lines and tabs stay."""
    return "\n".join(
        "\t".join(printable(part) for part in line.removesuffix("\r").split("\t")) for line in text.split("\n")
    )


def _with_marks(text: str) -> str:
    import unicodedata  # only where a peer sends more than ASCII

    made: list[str] = []
    base, marks = "", 0
    for character in text:
        category = "L" if character.isascii() else unicodedata.category(character)
        if category in ("Mn", "Me"):
            marks += 1
            is_shown = category == "Mn" and marks <= MARKS_MAX and _goes_with(base, character)
            made.append(character if is_shown else _spelled(character))
            if is_shown:
                base = unicodedata.normalize("NFC", base + character)[0]  # what further marks have to go with
        else:
            base, marks = character if category[0] in "LM" else "", 0
            made.append(_spelled(character) if character in BLANK else _escaped(character))
    return "".join(made)


def _goes_with(base: str, mark: str) -> bool:
    """Whether a mark on this letter is one that people write."""
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
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as surrogateescape keeps it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""Bodies laid out for a person: JSON and XML indented and coloured, text as it is, anything else named and as hex."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from sockfilter.escape import printable, printable_lines
from sockfilter.forms.sizes import size_text
from sockfilter.screen.looks import NAME, NOTE, NUMBER, TEXT, WORD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.style import Style

    from sockfilter.model.body import Body

# Bytes of a body that are laid out, and lines that are made of it: what takes less than 100 ms. Save has all of it.
LAID_OUT_BYTES, LINES_MAX = 256 << 10, 4000
# bytes of binary content that are shown in hexadecimal
HEX_BYTES = 4096
HEX_COLUMNS = 16
# characters of a line that are coloured, and shown
LINE_CHARS_MAX = 4000
# The first bytes of files that are named, by the registries of their formats.
MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF8", "GIF image"),
    (b"RIFF", "RIFF file, such as WebP or WAV"),
    (b"BM", "BMP image"),
    (b"\x00\x00\x01\x00", "icon"),
    (b"%PDF-", "PDF document"),
    (b"PK\x03\x04", "ZIP archive"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"wOF2", "WOFF2 font"),
    (b"wOFF", "WOFF font"),
    (b"\x00asm", "WebAssembly"),
    (b"\x7fELF", "ELF program"),
)
# in JSON that is laid out already
JSON_TOKEN = re.compile(
    r"""(?P<name>"(?:[^"\\]|\\.)*"(?=:))|(?P<text>"(?:[^"\\]|\\.)*")"""
    r"""|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false|null)"""
)
JSON_STYLES = {"name": NAME, "text": TEXT, "number": NUMBER, "word": WORD}
XML_TOKEN = re.compile(r"""(?P<note><!--.*?-->|<[!?][^>]*>)|(?P<name></?[\w:.-]+|/?>)|(?P<text>"[^"]*"|'[^']*')""")
XML_STYLES = {"note": NOTE, "name": NAME, "text": TEXT}
XML_PIECE = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<[^>]+>|[^<]+", re.DOTALL)
# elements that have no end in HTML
VOID = re.compile(r"<(area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b", re.IGNORECASE)
INDENT = "  "
DEPTH_MAX = 40


class LaidOut(NamedTuple):
    """A body for a person.

    Attributes:
        kind: what it is, in words.
        lines: its lines.
    """

    kind: str
    lines: list[Text]


def laid_out(content: bytes, body: Body, content_type: str, *, as_hex: bool = False) -> LaidOut:
    """Lays a body out.

    Args:
        content: what to show of it, with secrets masked or not.
        body: the body, as it was kept.
        content_type: its type, as the field says.
        as_hex: show the bytes in hexadecimal, whatever they are.
    """
    kind, is_text = _kind(content, body, content_type)
    shown = content[:LAID_OUT_BYTES]
    if as_hex or not is_text:
        lines = hex_lines(shown[:HEX_BYTES])
        left = len(content) - HEX_BYTES
    else:
        lines = _text_lines(shown.decode("utf-8", "replace"), kind)
        left = len(content) - LAID_OUT_BYTES
    if left > 0:
        lines.append(Text(f"({size_text(left)} more; save has all that was kept)", NOTE))
    return LaidOut(kind, lines)


def _kind(content: bytes, body: Body, content_type: str) -> tuple[str, bool]:
    said = content_type.partition(";")[0].strip().lower()
    magic = next((name for start, name in MAGIC if content.startswith(start)), "")
    text = body.text_of(content[:LAID_OUT_BYTES] if len(content) <= LAID_OUT_BYTES else _whole_text(content))
    if text is None or "\0" in text:
        return magic or printable(said) or "binary", False
    start = text.lstrip()[:1]
    if "json" in said or (start in ("{", "[") and "xml" not in said and "html" not in said):
        return "JSON", True
    if "xml" in said or "html" in said or text.lstrip()[:5] == "<?xml":
        return "HTML" if "html" in said else "XML", True
    return magic or printable(said) or "text", True


def _whole_text(content: bytes) -> bytes:
    """The first bytes of a large content, without a character that is cut at their end."""
    return content[:LAID_OUT_BYTES].decode("utf-8", "ignore").encode() if _is_text(content) else content[:64]


def _is_text(content: bytes) -> bool:
    shown = content[:LAID_OUT_BYTES]
    try:
        shown.decode()
    except UnicodeDecodeError as error:
        return error.start > len(shown) - 4
    return True


def _text_lines(text: str, kind: str) -> list[Text]:
    if kind == "JSON":
        return _json_lines(text)
    if kind in ("XML", "HTML"):
        return [_coloured(line, XML_TOKEN, XML_STYLES) for line in _cut(_xml_layout(text))]
    return [Text(line) for line in _cut(printable_lines(text).split("\n"))]


def _json_lines(text: str) -> list[Text]:
    values = [text]
    try:
        laid = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        # lines of JSON, or JSON that was cut
        values = text.split("\n")
        laid = "\n".join(_one_json(value) for value in values)
    return [_coloured(line, JSON_TOKEN, JSON_STYLES) for line in _cut(printable_lines(laid).split("\n"))]


def _one_json(line: str) -> str:
    try:
        return json.dumps(json.loads(line), ensure_ascii=False)
    except (ValueError, RecursionError):
        return line


def _xml_layout(text: str) -> list[str]:
    """The lines of XML or HTML, an element on each, indented by its depth."""
    made: list[str] = []
    depth = 0
    for found in XML_PIECE.finditer(text):
        piece = " ".join(found[0].split())
        if not piece:
            continue
        if piece.startswith("</"):
            depth = max(0, depth - 1)
            opened = piece[2:-1].strip()
            if made and made[-1].lstrip().startswith(f"<{opened}") and "</" not in made[-1]:
                made[-1] += piece  # a short element on one line
                continue
        elif made and not piece.startswith("<") and made[-1].endswith(">") and "</" not in made[-1] and depth:
            made[-1] += printable(piece)
            continue
        made.append(INDENT * min(depth, DEPTH_MAX) + printable(piece))
        if piece.startswith("<") and piece[1] not in "/!?" and not piece.endswith("/>") and not VOID.match(piece):
            depth += 1
        if len(made) > LINES_MAX:
            break
    return made


def _cut(lines: list[str]) -> Iterable[str]:
    for line in lines[:LINES_MAX]:
        yield line if len(line) <= LINE_CHARS_MAX else f"{line[:LINE_CHARS_MAX]}... ({len(line)} characters)"
    if len(lines) > LINES_MAX:
        yield f"... {len(lines) - LINES_MAX} more lines"


def _coloured(line: str, token: re.Pattern[str], styles: Mapping[str, Style]) -> Text:
    made = Text(line)
    for found in token.finditer(line):
        assert found.lastgroup is not None  # each alternative has a name
        made.stylize(styles[found.lastgroup], *found.span())
    return made


def hex_lines(content: bytes) -> list[Text]:
    """The lines of a dump in hexadecimal: the offset, the bytes, and what is ASCII of them."""
    made = []
    for offset in range(0, len(content), HEX_COLUMNS):
        part = content[offset : offset + HEX_COLUMNS]
        halves = "  ".join(part[at : at + 8].hex(" ") for at in range(0, len(part), 8))
        letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        line = Text(f"{offset:06x}  {halves:<48}  {letters}")
        line.stylize(NUMBER, 0, 6)
        line.stylize(TEXT, 58)
        made.append(line)
    return made

"""The Huffman code of HPACK (RFC 7541, 5.2 and appendix B)."""

from __future__ import annotations

from sockfilter.protocols.http2.hpack_table import MalformedBlock

# Bits of the code of each byte, and of EOS at the end. They define the code, because it is canonical: among codes of
# equal length, as among the lengths, the numbers rise in the order of the symbols.
LENGTHS = bytes(
    map(
        int,
        """
        13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28 6 10 10 12 13 6
        8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10 13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7
        8 13 19 13 14 6 15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28 20 22 20 20 22 22 22 23 22
        23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24 22 21 20 22 22 23 23 21 23 22 22 24 21 22
        23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23 26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26
        27 27 26 27 24 21 21 26 26 28 27 27 27 20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27
        27 28 27 27 27 27 27 26 30
        """.split(),
    )
)
EOS = 256


def _make_symbols() -> dict[int, int]:
    made = {}
    code = length = 0
    for symbol in sorted(range(len(LENGTHS)), key=LENGTHS.__getitem__):
        code <<= LENGTHS[symbol] - length
        length = LENGTHS[symbol]
        made[1 << length | code] = symbol
        code += 1
    return made


# the symbol of each code; a bit of 1 stands before the code, so that its leading zeros count
SYMBOLS = _make_symbols()


def decode(data: bytes) -> bytes:
    """Decodes a string.

    Raises MalformedBlock if it contains EOS, or if its padding is not the beginning of EOS, shorter than a byte.
    """
    made = bytearray()
    code = 1
    for byte in data:
        for shift in range(7, -1, -1):
            code = code << 1 | (byte >> shift & 1)
            symbol = SYMBOLS.get(code)
            if symbol is not None:
                if symbol == EOS:
                    raise MalformedBlock
                made.append(symbol)
                code = 1
    # EOS is all ones; seven of them at most may be left behind the first bit
    if code & (code + 1) or code > 0xFF:
        raise MalformedBlock
    return bytes(made)

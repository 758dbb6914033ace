"""What misread_characters must do."""

import unicodedata

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import equal
from upslope.text import mojibake as module

# The characters of Windows-1252 that Latin-1 does not have, by their bytes.
READ = {
    byte: bytes([byte]).decode("cp1252") for byte in range(0x80, 0xA0) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
BYTES = {character: byte for byte, character in READ.items()}


def broken(text, windows=True):
    """The text's UTF-8, read as Windows-1252 or as Latin-1."""
    return "".join(READ.get(byte, chr(byte)) if windows else chr(byte) for byte in text.encode())


def expected(line):
    """By its definition: at each place the bytes of two, three and four characters, by Python's strict decoder."""
    codes = [BYTES.get(character, ord(character)) for character in line]
    found = []
    for start in range(len(line)):
        for end in range(start + 2, min(start + 4, len(line)) + 1):
            piece = bytes(code if code < 256 else 0xFF for code in codes[start:end])
            read = piece.decode("utf-8", errors="replace")
            if read.encode() == piece and len(read) == 1 and unicodedata.category(read) not in ("Cn", "Co"):
                found.append((start, end, read))
    return found


def ask(line, places):
    got = module.misread_characters(line)
    spans = [(each.start, each.end, each.character) for each in got] if type(got) is list else got
    equal(spans, places, case=f"misread_characters({line!a}), each as (start, end, character)")


@grades(module.misread_characters)
def test_by_hand(rng):
    """in "cafÃ© Ã" the place from 3 to 5 was an é, and the Ã at the end is only itself"""
    ask("cafÃ© Ã", [(3, 5, "é")])


@grades(module.misread_characters)
def test_all_lengths(rng):
    """characters of two, three and four bytes, read as Windows-1252 and as Latin-1"""
    for character in ("¢", "ß", "Ж", "€", "漢", "“", "😀", "𐍈", "\u0800", "\uffe6"):
        for windows in (True, False):
            piece = broken(character, windows)
            ask(piece, [(0, len(piece), character)])
            ask(f"a {piece}!", [(2, 2 + len(piece), character)])


@grades(module.misread_characters)
def test_side_by_side(rng):
    """characters without anything between them: the search goes on behind the place that was found"""
    ask(broken("éé€é"), [(0, 2, "é"), (2, 4, "é"), (4, 7, "€"), (7, 9, "é")])


@grades(module.misread_characters)
def test_no_evidence(rng):
    """text that was never damaged, and the empty text, hold no such place"""
    for line in ("", "plain", "naïve café, Ñandú", "Ãa", "© Ã", "Жизнь", "çà et là", "Ôò", "â€"):
        ask(line, [])


@grades(module.misread_characters)
def test_cut_off(rng):
    """a character whose bytes are not all there is none: at the end, and before something else"""
    for character in ("é", "€", "😀"):
        for size in range(1, len(character.encode())):
            piece = broken(character)[:size]
            ask(piece, [])
            ask(f"{piece}x{broken('é')}", [(size + 1, size + 3, "é")])


@grades(module.misread_characters)
def test_only_utf_8(rng):
    """what the strict decoder refuses is no character: too long a form, half a pair, more than U+10FFFF"""
    for codes in (
        "C0 AF",
        "C1 BF",
        "E0 80 AF",
        "ED A0 80",
        "F0 80 80 AF",
        "F4 90 80 80",
        "F5 80 80 80",
        "80 80",
        "C3 28",
    ):
        ask("".join(map(chr, bytes.fromhex(codes))), [])


@grades(module.misread_characters)
def test_no_text(rng):
    """characters that nobody has defined, or for private use, do not count; behind them it goes on"""
    for character in ("\ue000", "\u0378", "\U000f0000", "\ufdd0"):
        ask(broken(character), expected(broken(character)))
        ask("a" + broken(character + "é"), [(len(broken(character)) + 1, len(broken(character)) + 3, "é")])


@grades(module.misread_characters)
def test_one_layer(rng):
    """of text that was misread twice one layer is found: cafÃƒÂ© holds Ã and ©"""
    ask("cafÃƒÂ©", [(3, 5, "Ã"), (5, 7, "©")])


@grades(module.misread_characters)
def test_characters_without_a_byte(rng):
    """a character that stands for no byte belongs to no such place, and does not disturb those beside it"""
    ask("Ãж©Ã©", [(3, 5, "é")])
    ask("漢Ã©Ж", [(1, 3, "é")])
    ask("â‚ж", [])


@grades(module.misread_characters)
def test_random(rng):
    """random characters from the ranges where mojibake lies"""
    letters = [chr(code) for code in (0x41, *range(0xA0, 0x100))] + list(BYTES)
    for _ in range(20):
        line = "".join(rng.choice(letters, size=rng.integers(1, 12)))
        ask(line, expected(line))


wrong(
    module.misread_characters,
    {
        "only characters of two bytes are found": ("2 + (ord(first) > 0xDF) + (ord(first) > 0xEF)", "2"),
        "characters of four bytes are looked for with three": (" + (ord(first) > 0xEF)", ""),
        "characters that nobody has defined count as text": (' not in ("Cn", "Co")', ' not in ("Co",)'),
        "characters for private use count as text": (' not in ("Cn", "Co")', ' not in ("Cn",)'),
        "bytes that are no UTF-8, or are cut off, count as one unknown character": (
            "character = undo_mojibake(piece)",
            'character = undo_mojibake(piece) if len(undo_mojibake(piece)) < len(piece) else "?"',
        ),
        "the place ends at its last character, not behind it": (
            "start + size, character)",
            "start + size - 1, character)",
        ),
        "what was found is the text of the place, not what it was": ("size, character)", "size, piece)"),
        "only the first place of a line is found": (
            "            found.append(Misread(start, start + size, character))\n",
            "            return [Misread(start, start + size, character)]\n",
        ),
        "the line is read as a whole: one sound letter, and nothing is found": (
            "    for start, first in enumerate(line):\n",
            "    for start, first in enumerate(line if undo_mojibake(line) != line else ''):\n",
        ),
    },
)
survives(
    module.misread_characters,
    {
        "ASCII is never the first of several bytes, so asking costs time only": [
            ("first.isascii()", "False"),
            ("        if first.isascii():\n            continue\n", "        pass\n"),
        ],
    },
)

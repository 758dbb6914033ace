"""Strings of all kinds, of characters that every Unicode version here knows alike."""

import random
import unicodedata

import pytest

FAVOURITES = " \t\n\r  \u00a0\u3000\u2028\u200babcdefTHEthe'sllmd're 0123½²٣.,!?-_$^`éÉïΣςİßð漢字カナ한글"


@pytest.fixture(scope="session")
def fuzzed():
    """`fuzzed(count)`: strings of spaces, letters, digits, marks, and characters from all planes."""
    old = unicodedata.ucd_3_2_0
    assigned = [
        code
        for code in range(0x20, 0x110000)
        if old.category(chr(code)) not in ("Cn", "Cs") and old.category(chr(code)) == unicodedata.category(chr(code))
    ]

    def fuzzed(count, seed=0):
        rng = random.Random(seed)
        return [
            "".join(
                rng.choice(FAVOURITES) if rng.random() < 0.6 else chr(rng.choice(assigned))
                for _ in range(rng.randrange(1, 50))
            )
            for _ in range(count)
        ]

    return fuzzed

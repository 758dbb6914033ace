"""Scripts: which writing system each character belongs to, after Unicode's property of that name.

K. Whistler, "Unicode Standard Annex #24: Unicode Script Property", https://www.unicode.org/reports/tr24/. The property
itself comes with the library `regex`.
"""

from collections import Counter
from functools import lru_cache

import regex  # type: ignore[import-untyped]

NAMES = (
    *("Latin", "Greek", "Cyrillic", "Armenian", "Georgian", "Hebrew", "Arabic", "Syriac", "Thaana", "Nko", "Tifinagh"),
    *("Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala"),
    *("Thai", "Lao", "Tibetan", "Myanmar", "Khmer", "Javanese", "Balinese", "Sundanese", "Mongolian", "Ethiopic"),
    *("Han", "Hiragana", "Katakana", "Bopomofo", "Hangul", "Yi", "Cherokee", "Canadian_Aboriginal", "Vai", "Deseret"),
)
_OF = tuple((name, regex.compile(rf"\p{{Script={name}}}")) for name in NAMES)


@lru_cache(maxsize=1 << 16)
def script(character: str) -> str:
    """The script of a character, as Unicode calls it: "Latin"; "" for those that belong to several, and to others."""
    return next((name for name, pattern in _OF if pattern.match(character)), "")


def scripts(text: str) -> Counter[str]:
    """How many characters of each script a text has, the commonest first."""
    counted = Counter(script(character) for character in text)
    counted.pop("", None)
    return Counter(dict(counted.most_common()))


def main_script(text: str) -> str:
    """The script that most characters of a text belong to; "" where there are none."""
    return next(iter(scripts(text)), "")

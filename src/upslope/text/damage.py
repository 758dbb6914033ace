"""Damage done to text on purpose, in ways that really happen: what cleaning is measured with.

A file in UTF-8 that a program takes for Windows-1252 or Latin-1, and the same done to the result; text escaped for HTML
that is then shown as it is; characters without width that editors and web pages leave behind; a byte order mark; names
of files from systems that store letters and accents apart.
"""

import html
import unicodedata
from collections.abc import Callable
from html.entities import codepoint2name

import numpy as np

from upslope.text.mojibake import WINDOWS

_READ = {byte: character for character, byte in WINDOWS.items()}


def misread(text: str, encoding: str) -> str:
    """The text's bytes in UTF-8, read as "latin-1" or as "cp1252" in the way of browsers, which know all 256 bytes."""
    read = text.encode().decode("latin-1")
    return read if encoding == "latin-1" else "".join(_READ.get(ord(c), c) for c in read)


def escaped(text: str) -> str:
    """The text with HTML's entities, as &eacute; where there is a name and as &#1078; where there is none."""
    plain = html.escape(text, quote=False)
    return "".join(c if c.isascii() else f"&{codepoint2name.get(ord(c), f'#{ord(c)}')};" for c in plain)


def with_zero_width(text: str, rng: np.random.Generator) -> str:
    """The text with U+2060 and U+FEFF in about one place in ten: without width, and of no use in any script."""
    marks = rng.choice(["", "\u2060", "\ufeff"], p=[0.9, 0.05, 0.05], size=len(text))
    return "".join(c + str(mark) for c, mark in zip(text, marks, strict=True))


def with_mixed_forms(text: str, rng: np.random.Generator) -> str:
    """Every other character, by chance, in normal form D: letters and accents apart."""
    apart = rng.random(len(text)) < 0.5
    return "".join(unicodedata.normalize("NFD", c) if a else c for c, a in zip(text, apart, strict=True))


KINDS: dict[str, Callable[[str, np.random.Generator], str]] = {
    "read as cp1252": lambda text, rng: misread(text, "cp1252"),
    "read as Latin-1": lambda text, rng: misread(text, "latin-1"),
    "read as cp1252 twice": lambda text, rng: misread(misread(text, "cp1252"), "cp1252"),
    "read as Latin-1 twice": lambda text, rng: misread(misread(text, "latin-1"), "latin-1"),
    "HTML entities": lambda text, rng: escaped(text),
    "zero-width characters": with_zero_width,
    "byte order mark": lambda text, rng: "\ufeff" + text,
    "mixed normal forms": with_mixed_forms,
}

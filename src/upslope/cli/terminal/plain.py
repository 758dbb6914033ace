"""Formulas, arrows and bars in plain letters, for streams whose encoding lacks their signs: cp1252, latin-1, ASCII.

`errors=plain.NAME` makes a stream write "x^-1", "sum_i", "sqrt(d)" and "####" where it could only write "????". What
the encoding has, it keeps; a sign that has no plain form stays a question mark.
"""

import codecs
import unicodedata
from itertools import groupby

NAME = "upslope.plain"

_SIGNS = {
    "−": "-", "·": "*", "×": "x", "∂": "d", "√": "sqrt", "Σ": "sum", "∑": "sum", "Π": "prod", "∏": "prod",
    "∫": "integral", "∇": "grad", "∞": "inf", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "±": "+-", "→": "->",
    "←": "<-", "↑": "^", "↓": "v", "⇒": "=>", "‖": "||", "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "…": "...",
    "½": "1/2", "¼": "1/4", "¾": "3/4", "✓": "+", "✗": "x", "•": "*", "°": " deg", "µ": "mu", "ı": "i", "∈": "in",
    "“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "░": ".", "▒": "=", "▏": ".", "⁄": "/", "§": "section ",
    "¶": "", "©": "(c)", "®": "(R)", "™": "(TM)", "€": "EUR", "ß": "ss",
}  # fmt: skip


def register() -> None:
    """Make NAME known to streams."""
    codecs.register_error(NAME, _replace)


def plain(text: str, *, before: str = "", after: str = "") -> str:
    """A run of signs in ASCII, between the characters `before` and `after`."""
    words = []
    for kind, run in groupby(text, _kind):
        letters = [_letter(sign) for sign in run]
        if kind in {"super", "sub"}:
            words.append(f"{'^' if kind == 'super' else '_'}{''.join(letters)}")
        elif kind == "greek":  # a word, which must not run into its neighbours
            words.append(" ".join(letters))
        else:
            words += letters
    if _kind(text[:1]) == "greek" and _runs_on(before):
        words.insert(0, " ")
    if _kind(text[-1:]) == "greek" and _runs_on(after):
        words.append(" ")
    return "".join(words)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text, start, end = error.object, error.start, error.end
    return plain(text[start:end], before=text[start - 1 : start] if start else "", after=text[end : end + 1]), end


def _kind(sign: str) -> str:
    decomposed = unicodedata.decomposition(sign) if len(sign) == 1 else ""
    if decomposed.startswith("<super>"):
        return "super"
    if decomposed.startswith("<sub>"):
        return "sub"
    name = unicodedata.name(sign, "") if len(sign) == 1 else ""
    return "greek" if name.startswith("GREEK") and sign not in _SIGNS else "sign"


def _runs_on(neighbour: str) -> bool:
    return neighbour.isalpha() or neighbour.isdecimal()


def _mark(part: str) -> str:
    """Of an accented letter the letter; the circumflex, which is an estimate's hat, stays."""
    if unicodedata.combining(part):
        return "^" if part == "\u0302" else ""
    return _SIGNS.get(part, part)


def _letter(sign: str) -> str:
    if sign in _SIGNS:
        return _SIGNS[sign]
    name = unicodedata.name(sign, "")
    if name.startswith("GREEK") and " LETTER " in name:
        word = name.partition(" LETTER ")[2].split()[0].lower().replace("lamda", "lambda")
        return word.capitalize() if "CAPITAL" in name else word
    if name.startswith("BOX DRAWINGS"):
        return "|" if name.endswith("VERTICAL") else "-" if name.endswith(("HORIZONTAL", "LEFT", "RIGHT")) else "+"
    if name.endswith((" BLOCK", " SHADE", " EIGHTHS", " QUARTERS", " HALF")):
        return "#"
    letters = "".join(_mark(part) for part in unicodedata.normalize("NFKD", sign))
    return letters if letters.isascii() else "?"

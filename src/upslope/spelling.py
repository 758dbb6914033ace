"""The name that was probably meant by a word that is none: a slip of a few letters, or its beginning.

F. J. Damerau, "A technique for computer detection and correction of spelling errors", 1964,
https://doi.org/10.1145/363958.363994: most misspelt words have one letter wrong, missing, too many, or two in the
wrong order. A word further away was no slip, and a guess would only lead astray.
"""

from collections.abc import Iterable

_BEGINNING = 3  # letters from which the beginning of a name counts as the name
_LETTERS_A_SLIP = 3  # so many letters allow for one slip


def nearest(word: str, names: Iterable[str], *, most: int = 1) -> list[str]:
    """The names within reach of a word, the nearest first; [] where none is near."""
    asked = _letters(word)
    found = []
    for place, name in enumerate(dict.fromkeys(names)):
        letters = _letters(name)
        slips = distance(asked, letters)
        begins = len(asked) >= _BEGINNING and letters.startswith(asked)
        if begins or slips <= max(1, len(asked) // _LETTERS_A_SLIP) < len(letters):
            found.append((slips, place, name))
    return [name for _, _, name in sorted(found)[:most]]


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """The nearest name as half a sentence, or nothing."""
    near = nearest(word, names)
    return f"; did you mean {near[0]}?" if near else ""


def distance(one: str, other: str) -> int:
    """The fewest letters to change, add, leave out, or swap with their neighbour, to get from one word to the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [i]
        for j, wanted in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                best = min(best, earlier[j - 2] + 1)
            row.append(best)
    return row[-1]


def _letters(word: str) -> str:
    """A word without what people write differently."""
    return word.strip().lower().replace("_", "-").lstrip("-")

"""Metre and rhyme: how many syllables a word has, where its stress lies, whether a line scans, which words rhyme.

The CMU Pronouncing Dictionary, K. Lenzo et al., http://www.speech.cs.cmu.edu/cgi-bin/cmudict, gives sounds in ARPAbet:
"verona" is V ER0 OW1 N AH0, where each vowel carries its stress, 1 primary, 2 secondary, 0 none. What makes a line a
pentameter is in short M. Halle, S. Keyser, "Chaucer and the Study of Prosody", 1966, https://doi.org/10.2307/373697:

- A line scans if its syllables fill five iambs, weak strong, ten in all; an eleventh, weak, may follow.
- In a word of several syllables the primary stress stands in a strong place. The line's first syllable is excepted.
- Words of one syllable may stand anywhere, and so may secondary and no stress.
- A word may be said in all ways that the dictionary knows. Of a word that it does not know, forms are tried first:
  honour'd as honored, know'st as know + st, Verona's as Verona + s. Then syllables are counted by its letters: a
  group of vowels is one, but for a silent e at the end (also in -es and -ed, unless it is heard: wedded). Its stress
  may lie anywhere.
- Two words rhyme if they sound alike from the last stressed vowel on and differ in the sound before it.

Left out: syllables that verse swallows (heaven as one), -ed that verse alone says, stress that a sentence gives.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

Phones = tuple[str, ...]  # ("K", "AE1", "T")
Places = frozenset[int]  # how many syllables of a line may be over: several, where a word can be said in several ways
START: Places = frozenset({0})
LINE = (10, 11)  # syllables
WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*'?|'[A-Za-z]+")
VOWELS = re.compile(r"[aeiouy]+")
# Endings that add no syllable, and those that do.
SHORT: tuple[tuple[str, Phones], ...] = (
    ("'st", ("S", "T")),
    ("'t", ("T",)),
    ("'s", ("Z",)),
    ("s", ("Z",)),
    ("st", ("S", "T")),
)
LONG: tuple[tuple[str, Phones], ...] = (("est", ("AH0", "S", "T")), ("eth", ("AH0", "TH")))
SIBILANTS = ("S", "Z", "SH", "ZH", "CH", "JH")


def words_of(line: str) -> list[str]:
    """The words of a line in lower case: "O'er-hasty, 'tis!" is o'er, hasty, 'tis."""
    return [word.lower() for word in WORD.findall(line)]


def letter_syllables(word: str) -> int:
    """How many syllables a word has by its letters alone: thee 1, misty 2, wedded 2, moved 1."""
    word = word.replace("'", "")
    groups = len(VOWELS.findall(word))
    silent = re.search(r"[^aeiouyl]e$|[aeiouy]le$|[^aeiouytd]ed$|[^aeiouyszxhcg]es$", word)
    return max(1, groups - bool(silent))


def vowels(sounds: Phones) -> str:
    """The stresses of a pronunciation, a digit for each vowel: "010" for Verona."""
    return "".join(sound[-1] for sound in sounds if sound[-1].isdigit())


class Meter:
    """Lines measured by a dictionary: word -> its pronunciations."""

    def __init__(self, dictionary: Mapping[str, Iterable[Phones]]) -> None:
        self.dictionary = dictionary
        self.stresses = lru_cache(maxsize=None)(self._stresses)
        self.endings = lru_cache(maxsize=None)(self._endings)

    def pronunciations(self, word: str) -> list[Phones]:
        """All the ways to say a word in lower case; [] where neither it nor a form of it is known."""
        for known in (word, word.strip("'"), word.replace("our", "or")):
            if known in self.dictionary:
                return [tuple(sounds) for sounds in self.dictionary[known]]
        for base, ending in _forms(word.strip("'").replace("our", "or")):
            if base in self.dictionary:
                return [_joined(tuple(sounds), ending) for sounds in self.dictionary[base]]
        return []

    def _stresses(self, word: str) -> frozenset[str]:
        """The stresses of each way to say a word, "1" where a strong place is asked for, else "x"."""
        found = {vowels(sounds) for sounds in self.pronunciations(word)} - {""} or {"x" * letter_syllables(word)}
        return frozenset("x" if len(each) == 1 else re.sub("[^1]", "x", each) for each in found)

    def syllables(self, word: str) -> frozenset[int]:
        """How many syllables a word may have."""
        return frozenset(map(len, self.stresses(word)))

    def counted(self, places: Places, word: str, *, most: int) -> Places:
        """The numbers of syllables after one more word, wherever its stress lies; none is above `most`."""
        return frozenset(p + n for p in places for n in self.syllables(word) if p + n <= most)

    def advance(self, places: Places, word: str) -> Places:
        """The same in a pentameter: the places from which the word does not fit are given up."""
        return frozenset(place + len(s) for place in places for s in self.stresses(word) if _fits(place, s))

    def places(self, line: str) -> Places:
        """How many syllables a line may have, read as the beginning of a pentameter; empty where it cannot be one."""
        found = START
        for word in words_of(line):
            found = self.advance(found, word)
        return found

    def scans(self, line: str) -> bool:
        """Whether a line is an iambic pentameter."""
        return not self.places(line).isdisjoint(LINE)

    def share(self, lines: Sequence[str]) -> float:
        """How many of these lines scan."""
        return sum(map(self.scans, lines)) / max(1, len(lines))

    def _endings(self, word: str) -> frozenset[tuple[str, Phones]]:
        """For each way to say a word the sound before the last stressed vowel, and all from there, without stress."""
        return frozenset(_ending(sounds) for sounds in self.pronunciations(word) if vowels(sounds))

    def rhymes(self, one: str, other: str) -> bool:
        """Whether two words rhyme; none rhymes with itself, nor with what sounds the same (sea and see)."""
        return any(
            end == same and before != else_
            for before, end in self.endings(one.lower())
            for else_, same in self.endings(other.lower())
        ) and set(self.pronunciations(one.lower())).isdisjoint(self.pronunciations(other.lower()))


def last_word(line: str) -> str:
    """The word that rhymes; "" where a line has none."""
    return words_of(line)[-1] if words_of(line) else ""


def _fits(place: int, stresses: str) -> bool:
    """Strong places have odd numbers, counted from 0."""
    ends = place + len(stresses)
    return ends <= LINE[-1] and all((place + n) % 2 or not place + n for n, s in enumerate(stresses) if s == "1")


def _forms(word: str) -> Iterator[tuple[str, Phones]]:
    """The words of which this one may be a form, and what is said behind them."""
    if word.endswith("'d"):
        yield word[:-2] + "ed", ()
        yield word[:-2], ("D",)
    for ending, said in LONG:
        if word.endswith(ending):
            yield word.removesuffix(ending), said
            yield word.removesuffix(ending) + "e", said
    for ending, said in SHORT:
        if word.endswith(ending):
            yield word.removesuffix(ending), said


def _joined(sounds: Phones, ending: Phones) -> Phones:
    """An s after a hiss is a syllable of its own."""
    return (*sounds, "AH0", "Z") if ending == ("Z",) and sounds[-1] in SIBILANTS else sounds + ending


def _ending(sounds: Phones) -> tuple[str, Phones]:
    places = [n for n, sound in enumerate(sounds) if sound[-1].isdigit()]
    stressed = [n for n in places if sounds[n][-1] != "0"] or places
    start = stressed[-1]
    return (sounds[start - 1] if start else ""), tuple(sound.rstrip("012") for sound in sounds[start:])

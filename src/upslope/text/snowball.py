"""The English Snowball stemmer, Porter's second: the first one's idea with the mistakes of twenty years mended.

M. Porter, R. Boulton, "The English (Porter2) stemming algorithm", 2001, with its revisions up to version 3.1,
https://snowballstem.org/algorithms/english/stemmer.html

- In place of a measure there are two regions: R1 behind the first consonant that follows a vowel, R2 the same within
  R1. A rule asks whether its ending lies in one of them.
- Some beginnings and some words are exceptions, by name.
- Left out: the other 35 languages of Snowball.
"""

import re

VOWELS = "aeiouy"
DOUBLES = ("bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt")
BEFORE_LI = frozenset("cdeghkmnrt")
# Beginnings after which R1 begins, so that "general" and "generate" stay apart.
BEGINNINGS = ("gener", "commun", "arsen", "past", "univers", "later", "emerg", "organ", "inter")
EXCEPTIONS = {
    "skis": "ski", "skies": "sky", "idly": "idl", "gently": "gentl", "ugly": "ugli", "early": "earli", "only": "onli",
    "singly": "singl", "sky": "sky", "news": "news", "howe": "howe", "atlas": "atlas", "cosmos": "cosmos",
    "bias": "bias", "andes": "andes",
}  # fmt: skip
BEFORE_EED = ("proc", "exc", "succ")
BEFORE_ING = ("inn", "out", "cann", "herr", "earr", "even")

STEP_2 = {
    "tional": "tion", "enci": "ence", "anci": "ance", "abli": "able", "entli": "ent", "izer": "ize", "ization": "ize",
    "ational": "ate", "ation": "ate", "ator": "ate", "alism": "al", "aliti": "al", "alli": "al", "fulness": "ful",
    "ousli": "ous", "ousness": "ous", "iveness": "ive", "iviti": "ive", "biliti": "ble", "bli": "ble", "ogist": "og",
    "ogi": "og", "fulli": "ful", "lessli": "less", "li": "",
}  # fmt: skip
STEP_3 = {
    "tional": "tion", "ational": "ate", "alize": "al", "icate": "ic", "iciti": "ic", "ical": "ic", "ful": "",
    "ness": "", "ative": "",
}  # fmt: skip
STEP_4 = (
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ism", "ate", "iti", "ous", "ive",
    "ize", "ion",
)  # fmt: skip

_VOWEL = re.compile(f"[{VOWELS}]")
_REGION = re.compile(f"[{VOWELS}][^{VOWELS}]")
_SHORT = re.compile(f"(?:[^{VOWELS}][{VOWELS}][^{VOWELS}wxY]|^[{VOWELS}][^{VOWELS}]|past)$")


def snowball(word: str) -> str:
    """The stem of an English word, in lower case: "generously" is "generous"."""
    word = word.lower()
    if len(word) <= 2:
        return word
    if word in EXCEPTIONS:
        return EXCEPTIONS[word]
    word = word.removeprefix("'")
    # A y that is a consonant, at the beginning or behind a vowel, is written Y meanwhile.
    word = _with_consonant_y(word)
    r1, r2 = _regions(word)
    word = _step_1b(_step_1a(word), r1)
    if len(word) > 2 and word[-1] in "yY" and word[-2] not in VOWELS:
        word = word[:-1] + "i"
    word = _step_2(word, r1)
    word = _step_3(word, r1, r2)
    word = _step_5(_step_4(word, r2), r1, r2)
    return word.lower()


def _with_consonant_y(word: str) -> str:
    letters = list(word)
    for place, letter in enumerate(letters):
        if letter == "y" and (place == 0 or letters[place - 1] in VOWELS):
            letters[place] = "Y"
    return "".join(letters)


def _regions(word: str) -> tuple[int, int]:
    """Where R1 and R2 begin."""
    beginning = next((each for each in BEGINNINGS if word.startswith(each)), "")
    r1 = len(beginning) or _behind(word, 0)
    return r1, _behind(word, r1)


def _behind(word: str, start: int) -> int:
    found = _REGION.search(word, start)
    return found.end() if found else len(word)


def _longest(word: str, endings: tuple[str, ...] | dict[str, str]) -> str:
    return max((ending for ending in endings if word.endswith(ending)), key=len, default="")


def _step_1a(word: str) -> str:
    """Apostrophes and plurals."""
    word = word[: len(word) - len(_longest(word, ("'", "'s", "'s'")))]
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith(("ied", "ies")):
        return word[:-2] if len(word) > 4 else word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss")) and _VOWEL.search(word[:-2]):
        return word[:-1]
    return word


def _step_1b(word: str, r1: int) -> str:
    """-ed and -ing, and what is mended where they went."""
    ending = _longest(word, ("eed", "eedly", "ed", "edly", "ing", "ingly"))
    stem = word[: len(word) - len(ending)]
    if ending.startswith("eed"):
        return stem + "ee" if len(stem) >= r1 and stem not in BEFORE_EED else word
    if not ending or not _VOWEL.search(stem):
        return word
    if ending == "ing":
        # One consonant and y: dying, lying, tying.
        if len(stem) == 2 and stem[1] == "y" and stem[0] not in VOWELS:
            return stem[0] + "ie"
        if stem in BEFORE_ING:
            return word
    if stem.endswith(("at", "bl", "iz")):
        return stem + "e"
    if stem.endswith(DOUBLES):
        # add, egg, off have nothing but a vowel before the two.
        return stem if len(stem) == 3 and stem[0] in "aeo" else stem[:-1]
    return stem + "e" if len(stem) == r1 and _SHORT.search(stem) else stem


def _step_2(word: str, r1: int) -> str:
    ending = _longest(word, STEP_2)
    stem = word[: len(word) - len(ending)]
    if not ending or len(stem) < r1:
        return word
    if (ending == "ogi" and not stem.endswith("l")) or (ending == "li" and stem[-1:] not in BEFORE_LI):
        return word
    return stem + STEP_2[ending]


def _step_3(word: str, r1: int, r2: int) -> str:
    ending = _longest(word, STEP_3)
    stem = word[: len(word) - len(ending)]
    if not ending or len(stem) < (r2 if ending == "ative" else r1):
        return word
    return stem + STEP_3[ending]


def _step_4(word: str, r2: int) -> str:
    ending = _longest(word, STEP_4)
    stem = word[: len(word) - len(ending)]
    if not ending or len(stem) < r2 or (ending == "ion" and not stem.endswith(("s", "t"))):
        return word
    return stem


def _step_5(word: str, r1: int, r2: int) -> str:
    stem = word[:-1]
    if word.endswith("e") and (len(stem) >= r2 or (len(stem) >= r1 and not _SHORT.search(stem))):
        return stem
    if word.endswith("ll") and len(stem) >= r2:
        return stem
    return word

"""Porter's stemmer: English words without their endings, in five steps of rules.

M. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, https://tartarus.org/martin/PorterStemmer/def.txt

- A word is a row of vowels V and consonants C, [C](VC)^m[V]; its measure m says how much of it stands before an ending,
  so that a rule may take "ement" from "replacement" and leave "cement" alone.
- In each step the longest ending that fits decides; if its condition does not hold, the step does nothing.
- Left out: the departures that Porter's own programs and others added later ("logi", words of two letters).
"""

from itertools import pairwise

VOWELS = frozenset("aeiou")


def is_consonant(word: str, place: int) -> bool:
    """Whether this letter is a consonant: any but a, e, i, o, u, and y behind a consonant."""
    if word[place] == "y" and place > 0:
        return not is_consonant(word, place - 1)
    return word[place] not in VOWELS


def measure(stem: str) -> int:
    """How many times consonants follow vowels, m of [C](VC)^m[V]: tree 0, trouble 1, troubles 2."""
    kinds = [is_consonant(stem, place) for place in range(len(stem))]
    return sum(not before and after for before, after in pairwise(kinds))


def has_vowel(stem: str) -> bool:
    """Whether there is a vowel, *v* in the paper."""
    return any(not is_consonant(stem, place) for place in range(len(stem)))


def ends_in_double_consonant(word: str) -> bool:
    """Whether the last two letters are one consonant twice, *d in the paper."""
    return len(word) >= 2 and word[-1] == word[-2] and is_consonant(word, len(word) - 1)


def ends_short(word: str) -> bool:
    """Whether the end is consonant, vowel, consonant, and the last not w, x or y: *o in the paper, hop but not snow."""
    last = len(word) - 1
    return (
        last >= 2
        and is_consonant(word, last - 2)
        and not is_consonant(word, last - 1)
        and is_consonant(word, last)
        and word[last] not in "wxy"
    )


def step_1(word: str) -> str:
    """Plurals and the endings -ed and -ing: the first step of Porter's stemmer, for a word in lower case.

    1a, the longest of these endings: sses becomes ss, ies becomes i, ss stays, s goes.
    1b, the longest of these: eed becomes ee if m > 0 of what stands before it; ed goes if there is a vowel before it;
    ing the same. Where ed or ing went: at, bl and iz get an e (conflat(ed) is conflate); else a double consonant other
    than ll, ss, zz becomes single (hopp(ing) is hop); else, with m = 1 and an end like that of hop (`ends_short`), an e
    is added (fil(ing) is file).
    1c: y at the end becomes i if there is a vowel before it (happy is happi, sky stays).

    step_1("ponies") is "poni", step_1("feed") is "feed", step_1("hopping") is "hop". step_1("filing") is "file", since
    measure("fil") is 1. `measure`, `has_vowel`, `ends_in_double_consonant` and `ends_short` stand beside this function.
    Porter 1980, section 3.
    """
    # 1a: the longest ending first, so that "ss" keeps its s.
    if word.endswith(("sses", "ies")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    # 1b: a word in eed is not one in ed, even where nothing happens to it.
    if word.endswith("eed"):
        if measure(word[:-3]) > 0:
            word = word[:-1]
    else:
        ending = next((ending for ending in ("ed", "ing") if word.endswith(ending)), "")
        stem = word[: len(word) - len(ending)]
        if ending and has_vowel(stem):
            word = stem
            # What is left may need its e back, or has a consonant too many.
            if word.endswith(("at", "bl", "iz")):
                word += "e"
            elif ends_in_double_consonant(word):
                word = word if word[-1] in "lsz" else word[:-1]
            elif measure(word) == 1 and ends_short(word):
                word += "e"
    # 1c: y sounds like i behind a vowel of its word.
    if word.endswith("y") and has_vowel(word[:-1]):
        word = word[:-1] + "i"
    return word


# Ending -> what it becomes, where m > 0 of what stands before it.
STEP_2 = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "abli": "able", "alli": "al",
    "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate", "alism": "al",
    "iveness": "ive", "fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble",
}  # fmt: skip
STEP_3 = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
# Where m > 1 these go; ion only behind s or t.
STEP_4 = (
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
)  # fmt: skip


def porter(word: str) -> str:
    """The stem of an English word, in lower case: "relational" is "relat"."""
    word = step_1(word.lower())
    word = _replaced(word, STEP_2)
    word = _replaced(word, STEP_3)
    ending = _longest(word, STEP_4)
    stem = word[: len(word) - len(ending)]
    if ending and measure(stem) > 1 and (ending != "ion" or stem.endswith(("s", "t"))):
        word = stem
    if word.endswith("e"):
        m = measure(word[:-1])
        if m > 1 or (m == 1 and not ends_short(word[:-1])):
            word = word[:-1]
    if word.endswith("ll") and measure(word[:-1]) > 1:
        word = word[:-1]
    return word


def _longest(word: str, endings: tuple[str, ...] | dict[str, str]) -> str:
    return max((ending for ending in endings if word.endswith(ending)), key=len, default="")


def _replaced(word: str, rules: dict[str, str]) -> str:
    ending = _longest(word, rules)
    stem = word[: len(word) - len(ending)]
    return stem + rules[ending] if ending and measure(stem) > 0 else word

"""A table of endings for each step, and the repair as a function of its own."""

from upslope.text.porter import ends_in_double_consonant, ends_short, has_vowel, measure


def repaired(stem):
    if stem[-2:] in ("at", "bl", "iz"):
        return stem + "e"
    if ends_in_double_consonant(stem):
        return stem[:-1] if stem[-1] not in ("l", "s", "z") else stem
    return stem + "e" * (measure(stem) == 1 and ends_short(stem))


def step_1(word):
    for ending, new in (("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", "")):
        if word.endswith(ending):
            word = word.removesuffix(ending) + new
            break
    for ending in ("eed", "ed", "ing"):
        if not word.endswith(ending):
            continue
        stem = word.removesuffix(ending)
        if ending == "eed":
            word = stem + "ee" if measure(stem) else word
        elif has_vowel(stem):
            word = repaired(stem)
        break
    stem = word.removesuffix("y")
    return stem + "i" if stem != word and has_vowel(stem) else word

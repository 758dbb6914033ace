"""Slips of the keyboard, made on purpose: how far a classifier still understands what was typed in a hurry.

F. Damerau, "A technique for computer detection and correction of spelling errors", 1964,
https://doi.org/10.1145/363958.363994: four of five misspelt words differ from the right ones by a single slip. Of his
four kinds these are two: a letter is left out, or two neighbours change places.
"""

import numpy as np

SHORTEST = 4  # letters of a word in which a slip is made: shorter ones often become other words


def with_typos(text: str, rng: np.random.Generator, *, share: float = 0.2) -> str:
    """The text with one slip in about the `share` of its longer words; spaces stay where they are.

    The first letter is never touched, as it rarely is in practice.
    """
    words = text.split(" ")
    for number, slips in enumerate(rng.random(len(words)) < share):
        word = words[number]
        if not slips or len(word) < SHORTEST or not word.isalpha():
            continue
        place = int(rng.integers(1, len(word) - 1))
        if rng.random() < 0.5:
            words[number] = word[:place] + word[place + 1 :]
        else:
            words[number] = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return " ".join(words)

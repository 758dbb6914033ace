"""A prompt to a network that makes things of one class at a time: "a seven", "7" and "the 7" are the class "7".

Nothing is guessed: a word that the network does not know is refused with that word, and with those that it knows.
"""

from collections.abc import Sequence

from upslope.spelling import did_you_mean

ARTICLES = ("a", "an", "the")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SHOWN = 60  # characters of a prompt in a sentence about it


class UnclearPrompt(ValueError):
    """A prompt that names no class; the text is one sentence."""


def class_of(prompt: str, classes: Sequence[str]) -> int:
    """The place among `classes` of the one that a prompt names; UnclearPrompt says what is wrong with it."""
    names = known_names(classes)
    said = known(classes)
    if prompt.strip() in classes:  # a letter "a" is no article, and no "A"
        return classes.index(prompt.strip())
    words = [word for word in prompt.casefold().split() if word not in ARTICLES]
    if not words:
        empty = "the prompt is empty" if not prompt.strip() else f'"{shown(prompt)}" names nothing'
        raise UnclearPrompt(f"{empty}: ask for one of {said}")
    whole = " ".join(words)
    if whole in names:
        return names[whole]
    longest = max(len(name.split()) for name in names)
    strange = next((word for word in words if word not in names), "")
    if strange and (len(words) <= longest or not any(word in names for word in words)):
        guess = did_you_mean(strange, names)
        raise UnclearPrompt(
            f'"{shown(strange)}" is nothing that the network knows{guess or f": ask for one of {said}"}'
        )
    about = f'"{shown(strange)}" is one too many' if strange else "they name more than one"
    raise UnclearPrompt(f"the prompt has {len(words)} words, and the network makes one thing at a time: {about}")


def known_names(classes: Sequence[str]) -> dict[str, int]:
    """What may be said for each class, in small letters: its name, and of a digit its word."""
    names = {name.casefold(): place for place, name in enumerate(classes)}
    digits = {DIGITS[int(name)]: place for place, name in enumerate(classes) if name in map(str, range(10))}
    return {**digits, **names}


def known(classes: Sequence[str], *, most: int = 12) -> str:
    """The classes in words: "0, 1, 2"."""
    return ", ".join(classes[:most]) + (", ..." if len(classes) > most else "")


def shown(text: str) -> str:
    """A prompt as a sentence can hold it: on one line, and no longer than people read."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."

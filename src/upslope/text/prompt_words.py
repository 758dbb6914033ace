"""A prompt as a row of tokens, by the words that a network has learned; what it has not learned is refused by name.

    words = PromptWords.of(train["text"])
    words("a red seven")        # [0, 1, 11, 14, 21]: begin, three words, end; shorter prompts end several times

Nothing is guessed: a word that was never in a training prompt has no meaning for the network, and a picture would come
all the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from upslope.spelling import did_you_mean

BEGIN = 0
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SAME = {"an": "a", **{str(number): word for number, word in enumerate(DIGITS)}}
SHOWN = 40  # characters of a word in a sentence about it


class PromptRefused(ValueError):
    """A prompt that the network cannot read; the text is one sentence."""


@dataclass(frozen=True)
class PromptWords:
    """The words of all training prompts in alphabetical order, and how many the longest of them has."""

    words: tuple[str, ...]
    longest: int

    @classmethod
    def of(cls, prompts: Iterable[str]) -> "PromptWords":
        """The words of these prompts."""
        split = [prompt.split() for prompt in set(prompts)]
        return cls(tuple(sorted({word for each in split for word in each})), max(map(len, split)))

    @property
    def end(self) -> int:
        """The token that ends a prompt: the last of the vocabulary."""
        return len(self.words) + 1

    @property
    def vocab_size(self) -> int:
        """How many tokens there are."""
        return self.end + 1

    @property
    def context(self) -> int:
        """How many tokens a prompt becomes, whatever its length."""
        return self.longest + 2

    @property
    def empty(self) -> list[int]:
        """The tokens of the prompt that asks for nothing, from which guidance leads away."""
        return [BEGIN, *[self.end] * (self.longest + 1)]

    def __call__(self, prompt: str) -> list[int]:
        """The tokens of a prompt, `context` of them.

        Raises:
            PromptRefused: it is empty, too long, or has a word that is not known.
        """
        asked = [word.strip(".,;:!?\"'") for word in prompt.casefold().split()]
        asked = [SAME.get(word, word) for word in asked if word]
        if not asked:
            raise PromptRefused(f"the prompt is empty: write what is to be seen in words such as {self.some()}")
        for word in asked:
            if word not in self.words:
                guess = did_you_mean(word, self.words) or f": it knows {', '.join(self.words)}"
                raise PromptRefused(f'the network has never learned what "{_shown(word)}" is{guess}')
        if len(asked) > self.longest:
            raise PromptRefused(
                f"the prompt has {len(asked)} words, and the network reads {self.longest}: "
                f'it would be cut before the word "{_shown(asked[self.longest])}"'
            )
        tokens = [BEGIN, *(1 + self.words.index(word) for word in asked)]
        return tokens + [self.end] * (self.context - len(tokens))

    def some(self, *, count: int = 4) -> str:
        """A few of the words, for a sentence."""
        told = [word for word in self.words if len(word) > 2]
        return ", ".join(told[:: max(1, len(told) // count)][:count])


def _shown(word: str) -> str:
    """A word as a sentence can hold it."""
    line = "".join(letter if letter.isprintable() else "?" for letter in word)
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."

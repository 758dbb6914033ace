"""Which tokens may come next, so that a text matches a pattern: an automaton followed over a whole vocabulary at once.

B. Willard, R. Louf, "Efficient Guided Generation for Large Language Models", 2023, https://arxiv.org/abs/2307.09702:
which tokens are allowed depends on the state of the automaton alone, so the mask of a state is made once and kept.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from upslope.text.automaton import DEAD, START, Automaton

REMEMBERED = 1000  # masks that are kept


class Vocabulary:
    """The bytes of all tokens as one matrix, the longest first; made once for a tokenizer."""

    def __init__(self, tokens: Sequence[bytes]) -> None:
        self.tokens = list(tokens)
        lengths = np.array([len(token) for token in tokens])
        self.order = np.argsort(-lengths, kind="stable")
        self.bytes = np.zeros((max(1, int(lengths.max(initial=0))), len(tokens)), dtype=np.uint8)
        for place, number in enumerate(self.order.tolist()):
            token = self.tokens[number]
            self.bytes[: len(token), place] = list(token)
        self.longer = [int((lengths > length).sum()) for length in range(len(self.bytes))]  # how many have such a byte
        self.some = lengths > 0


class TokenMask:
    """The masks of an automaton over a vocabulary. `ends` are tokens that end a text: allowed where it may end."""

    def __init__(self, automaton: Automaton, vocabulary: Vocabulary, ends: Sequence[int] = ()) -> None:
        self.automaton, self.vocabulary, self.ends = automaton, vocabulary, sorted(ends)
        self._masks: dict[int, NDArray[np.bool_]] = {}

    start = START

    def allowed(self, state: int) -> NDArray[np.bool_]:
        """True for each token after which the text can still be completed: (V,)."""
        if state not in self._masks:
            if len(self._masks) >= REMEMBERED:
                self._masks.clear()
            self._masks[state] = self._followed(state)
        return self._masks[state]

    def step(self, state: int, token: int) -> int:
        """The state after one token more."""
        return state if token in self.ends else self.automaton.step(state, self.vocabulary.tokens[token])

    def complete(self, state: int) -> bool:
        """Whether the text matches, and nothing can follow."""
        return bool(self.automaton.final[state])

    def _followed(self, state: int) -> NDArray[np.bool_]:
        words = self.vocabulary
        states = np.full(len(words.tokens), state, dtype=np.int32)
        for count, row in zip(words.longer, words.bytes, strict=True):
            states[:count] = self.automaton.table[states[:count], row[:count]]
        mask = np.empty(len(states), dtype=bool)
        mask[words.order] = states != DEAD
        mask &= words.some  # a token of no bytes would go on without end
        mask[self.ends] = self.automaton.accepting[state]
        return mask

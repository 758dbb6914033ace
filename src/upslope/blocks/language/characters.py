"""Characters as tokens: the simplest vocabulary there is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Characters:
    """Texts to token ids and back: a token is a character of `alphabet`, its id the place there."""

    def __init__(self, alphabet: str) -> None:
        if len(set(alphabet)) != len(alphabet):
            raise ValueError(f"an alphabet has each character once, got {alphabet!r}")
        self.alphabet = alphabet
        self._ids = {character: number for number, character in enumerate(alphabet)}

    def __len__(self) -> int:
        return len(self.alphabet)

    def encode(self, text: str) -> NDArray[np.int64]:
        """The id of each character: (N,). ValueError where one is not in the alphabet."""
        missing = self.missing(text)
        if missing:
            raise ValueError(f"{missing[0]!r} is not one of the {len(self)} characters of this vocabulary")
        return np.fromiter((self._ids[character] for character in text), dtype=np.int64, count=len(text))

    def missing(self, text: str) -> Sequence[str]:
        """The characters of a text that are not in the alphabet, each once, in order."""
        return [character for character in dict.fromkeys(text) if character not in self._ids]

    def decode(self, tokens: ArrayLike) -> str:
        """The inverse of `encode`."""
        return "".join(self.alphabet[number] for number in np.asarray(tokens).ravel())

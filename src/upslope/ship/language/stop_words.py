"""Stop words in a stream: text goes out as it comes, up to the first of them and never a part of it."""

from collections.abc import Sequence


class StopWords:
    """Takes pieces of text and gives out what is certain not to begin a stop word."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self.found = ""  # the word that ended the text
        self._held = ""

    def push(self, piece: str) -> str:
        """What may be shown now; after a stop word nothing more."""
        if self.found:
            return ""
        self._held += piece
        places = [(self._held.find(word), word) for word in self.words if word in self._held]
        if places:
            place, self.found = min(places)
            shown, self._held = self._held[:place], ""
            return shown
        # The longest end of the text with which one of the words begins has to wait.
        most = max((len(word) for word in self.words), default=1) - 1
        waiting = next(
            (n for n in range(min(most, len(self._held)), 0, -1) if self._ends(self._held[-n:])),
            0,
        )
        shown, self._held = self._held[: len(self._held) - waiting], self._held[len(self._held) - waiting :]
        return shown

    def flush(self) -> str:
        """What was held back, when no more text comes."""
        shown, self._held = self._held, ""
        return shown

    def _ends(self, text: str) -> bool:
        return any(word.startswith(text) for word in self.words)

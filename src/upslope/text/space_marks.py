"""Texts as SentencePiece prepares them: characters replaced, spaces collapsed and made visible as "▁" (U+2581).

T. Kudo, J. Richardson, "SentencePiece", 2018, section 3.3, https://arxiv.org/abs/1808.06226. With spaces as characters
like any others, tokens can be put together into the text again by nothing but joining them.
"""

import sys
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache

SPACE = "\u2581"


@dataclass(frozen=True)
class SpaceMarks:
    """How a text is prepared: `replacements` for sequences of characters, and what becomes of its spaces."""

    replacements: Mapping[str, str]
    kept: Collection[str] = ()  # pieces of the user's, which are not replaced
    dummy_prefix: bool = True
    collapse: bool = True
    escape: bool = True
    at_end: bool = False
    _lengths: Mapping[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """For each first character, how long the sequences are that begin with it, the longest first."""
        lengths: dict[str, set[int]] = {}
        for key in (*self.replacements, *self.kept):
            lengths.setdefault(key[:1], set()).add(len(key))
        object.__setattr__(self, "_lengths", {first: tuple(sorted(each)[::-1]) for first, each in lengths.items()})

    def prepare(self, text: str) -> tuple[str, list[int]]:
        """The text with its spaces marked, and for each character, and for the end, the place it comes from."""
        steps = self._steps(text)
        place = 0
        if self.collapse:
            while place < len(steps) and steps[place][0] == " ":
                place += 1
        if place == len(steps):
            return "", [len(text)]
        space = SPACE if self.escape else " "
        prepared: list[str] = []
        origins: list[int] = []
        if self.dummy_prefix and not self.at_end:
            prepared.append(space)
            origins.append(steps[place][1])
        after_space = self.collapse
        for part, origin in steps[place:]:
            if after_space:
                part = part.lstrip(" ")
            if part:
                prepared.extend(part.replace(" ", space))
                origins.extend([origin] * len(part))
                after_space = part.endswith(" ")
            after_space = after_space and self.collapse
        end = len(text)
        if self.collapse:
            while prepared and prepared[-1] == space:
                prepared.pop()
                end = origins.pop()
        if self.dummy_prefix and self.at_end:
            prepared.append(space)
            origins.append(end)
        return "".join(prepared), [*origins, end]

    def _steps(self, text: str) -> list[tuple[str, int]]:
        """The text cut into the longest sequences that are replaced and single characters: what each becomes, where."""
        lengths = self._lengths
        if lengths.keys().isdisjoint(text):
            return [(character, place) for place, character in enumerate(text)]
        steps: list[tuple[str, int]] = []
        place = 0
        while place < len(text):
            length, becomes = 1, text[place]
            for tried in lengths.get(text[place], ()):
                found = text[place : place + tried]
                if found in self.kept or found in self.replacements:
                    length, becomes = len(found), found if found in self.kept else self.replacements[found]
                    break
            steps.append((becomes, place))
            place += length
        return steps


@cache
def nfkc_replacements() -> dict[str, str]:
    """What NFKC makes of single characters, and spaces for all blanks: the preparation of models trained here."""
    found: dict[str, str] = {}
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        category = unicodedata.category(character)
        if category == "Cs":  # half of a character
            continue
        becomes = "" if category == "Cc" else unicodedata.normalize("NFKC", character)
        if character.isspace():
            becomes = " "
        if becomes != character:
            found[character] = becomes
    return found

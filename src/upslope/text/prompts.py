"""Prompts for classification: an instruction, examples with their labels, and the text whose label is wanted.

T. Brown et al., "Language Models are Few-Shot Learners", 2020, https://arxiv.org/abs/2005.14165, section 2: zero-shot
without examples, few-shot with some.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Example = tuple[str, int]  # a text and its class
CONTENT_FREE = ("N/A", "", "[MASK]")  # Zhao et al. 2021, section 5.1


@dataclass(frozen=True)
class Wording:
    """How a task is put into words: `pattern` holds {text} and ends where the label follows; a label has its space."""

    name: str
    pattern: str
    labels: tuple[str, ...]
    instruction: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError where the text has no place."""
        if "{text}" not in self.pattern:
            raise ValueError(f'the wording "{self.name}" has no place for {{text}}: {self.pattern!r}')

    def prompt(self, text: str, examples: Sequence[Example] = ()) -> str:
        """Everything up to where the label of `text` follows; empty lines stand between the parts."""
        shown = [self.pattern.replace("{text}", given) + self.labels[label] for given, label in examples]
        parts = [self.instruction] if self.instruction else []
        return "\n\n".join([*parts, *shown, self.pattern.replace("{text}", text)])


def balanced(labels: NDArray[np.int64], count: int, *, rng: np.random.Generator) -> NDArray[np.int64]:
    """The places of `count` examples, of every class in turn: each prefix is as even as can be, and order is chance."""
    classes = rng.permutation(np.unique(labels))
    waiting = {int(each): list(rng.permutation(np.flatnonzero(labels == each))) for each in classes}
    turns = (int(classes[n % len(classes)]) for n in range(count * len(classes)))
    chosen = [waiting[each].pop() for each in turns if waiting[each]][:count]
    return np.array(chosen, dtype=np.int64)

"""The checks: what must hold for a right answer. They test the library, and the same functions grade a learner.

`@grades(ops.softmax)` says which exercise a check belongs to. `wrong(ops.softmax, {name: (old, new)})` plants
mistakes: the reference with `old` replaced by `new`, which at least one of the checks must reject, under a name that a
learner reads. Both are read from the source text by `upslope.academy.checklist`; when the file runs they only make sure
that what they are given makes sense. A check takes `rng`, a fresh seeded NumPy generator; its docstring's first line is
the title that people see. The checks that every operation needs follow from one description of it (op_info.py).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Check = TypeVar("Check", bound=Callable[..., None])

__all__ = ["grades", "survives", "wrong"]


def grades(target: object) -> Callable[[Check], Check]:
    """Mark a check as one that grades `target`, a function, class or method of the library."""
    if not callable(target):
        raise TypeError(f"grades() takes a function, a class or a method of the library, not {target!r}")

    def mark(check: Check) -> Check:
        if not (check.__doc__ or "").strip():
            raise ValueError(f"{check.__name__} has no docstring: its first line is the title that a learner sees")
        return check

    return mark


def wrong(target: object, mistakes: Mapping[str, tuple[str, str]]) -> None:
    """Plant wrong answers: the reference of `target` with an old text, which occurs in it exactly once, replaced.

    `mistakes` maps the name of each, which completes the sentence "This looks like a known mistake: ...", to the old
    text and the new one. Several edits in one mistake are written as one longer old text.
    """
    for name, (old, new) in mistakes.items():
        if old == new:
            raise ValueError(f'the wrong answer "{name}" changes nothing: old and new are both {old!r}')


def survives(target: object, edits: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """Declare edits of the reference that change nothing a check could see: by the reason, pairs of old and new text.

    `upslope author mutate` makes such edits by the hundred; each must be noticed by a check, or be declared here.
    """
    for why, pairs in edits.items():
        if not why.strip() or any(old == new for old, new in pairs):
            raise ValueError(f"survives() takes a reason and pairs of different texts, not {why!r} and {pairs!r}")

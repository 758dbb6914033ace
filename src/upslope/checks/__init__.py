"""The checks: what must hold for a right answer. They test the library, and the same functions grade a learner.

`@grades(ops.softmax)` says which exercise a check belongs to. `wrong(ops.softmax, name, old, new)` plants a mistake:
the reference with `old` replaced by `new`, which at least one of the checks must reject, under a name that a learner
reads. Both are read from the source text by `upslope.academy.checklist`; when the file runs they only make sure that
what they are given makes sense. A check takes `rng`, a fresh seeded NumPy generator; its docstring's first line is the
title that people see.
"""

from collections.abc import Callable
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


def wrong(target: object, name: str, old: str, new: str) -> None:
    """Plant a wrong answer: the reference of `target` with `old`, which occurs in it exactly once, replaced by `new`.

    `name` completes the sentence "This looks like a known mistake: ...". Several edits in one mistake are written as
    one longer `old`.
    """
    if old == new:
        raise ValueError(f'the wrong answer "{name}" changes nothing: old and new are both {old!r}')


def survives(target: object, old: str, new: str, why: str) -> None:
    """Declare an edit of the reference that changes nothing a check could see, and say why.

    `upslope author mutate` makes such edits by the hundred; each must be noticed by a check, or be declared here.
    """
    if old == new or not why.strip():
        raise ValueError(f"survives() takes two different texts and a reason, not {old!r}, {new!r} and {why!r}")

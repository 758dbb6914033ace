"""Known mistakes: does an answer fail exactly as one of the planted wrong answers does?

A wrong answer is the reference with a small edit. It is graded as a learner's answer is, with the same random inputs,
and if the same checks fail and the first counterexample is the same one, the learner is told its name.
"""

import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from upslope.academy.checklist import BadChecks, CheckList, apply, checks_of
from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.workdir import Workplace
from upslope.academy.grading.protocol.signed_pipe import Message
from upslope.academy.grading.static.required_modules import loads
from upslope.academy.mutation_run import run_plans, standing_alone
from upslope.academy.reference import Located, locate


@dataclass(frozen=True)
class Pattern:
    """How an answer fails: the failing checks in order, and what the first of them said."""

    failed: tuple[str, ...]
    first: str = ""  # the first failure's message and counterexample, as text
    whole: bool = True  # whether all checks came to an end
    ran: tuple[str, ...] = ()  # the checks that came to an end

    @property
    def passed(self) -> bool:
        return self.whole and not self.failed


def pattern_of(outcomes: Mapping[str, Message], checks: CheckList) -> Pattern:
    """The pattern in the outcomes that a child told."""
    names = [check.name for check in checks.checks]
    ran = tuple(name for name in names if name in outcomes)
    failed = tuple(name for name in ran if not outcomes[name]["passed"])
    if "" in outcomes:  # the answer could not be loaded: every check fails, with the same words
        return Pattern(tuple(names), _said(outcomes[""]), True, tuple(names))
    return Pattern(failed, _said(outcomes[failed[0]]) if failed else "", len(ran) == len(names), ran)


def name_of(pattern: Pattern, known: Mapping[str, Pattern]) -> str | None:
    """The name of the known mistake that fails as `pattern` does; None without one, or if several do."""
    if not pattern.failed:
        return None
    alike = [name for name, other in known.items() if _alike(pattern, other)]
    return alike[0] if len(alike) == 1 else None


def patterns(exercise: str, seed: int | None = None, *, bench: Bench | None = None) -> dict[str, Pattern]:
    """How each planted wrong answer of an exercise fails, by its name."""
    located, checks = locate(exercise), checks_of(exercise)
    seed = secrets.randbits(32) if seed is None else seed
    with Workplace() as place:
        if bench is not None:
            return patterns_in(located, checks, place, bench, seed)
        with Bench() as own:
            own.preload(loads(checks.path, located.path))
            return patterns_in(located, checks, place, own, seed)


def patterns_in(
    located: Located,
    checks: CheckList,
    place: Workplace,
    bench: Bench,
    seed: int,
    *,
    seconds: float = 60.0,
    like: Pattern | None = None,
) -> dict[str, Pattern]:
    """The patterns of all wrong answers, in a workplace and with a child that are there already.

    With `like`, only the first check in which that pattern fails and those before it are run at first; the wrong
    answers that fail there in the same way run the rest. What does not fit into `seconds` is left out.
    """
    until = time.monotonic() + seconds
    texts: dict[str, str] = {}
    for wrong in checks.wrongs:
        try:
            texts[wrong.name] = standing_alone(located, apply(wrong, located))
        except BadChecks:
            if like is None:
                raise
            # A learner's verdict does not depend on an author's slip.
    if not texts:
        return {}
    names = _names(checks)
    first = names[: names.index(like.failed[0]) + 1] if like is not None and like.failed else names
    found = _tried(located, texts, first, checks, place, bench, seed, until)
    if like is not None and len(first) < len(names):
        alike = {name: texts[name] for name, pattern in found.items() if pattern.first == like.first}
        if alike:
            found |= _tried(located, alike, names, checks, place, bench, seed, until)
    return found


def _tried(
    located: Located,
    texts: Mapping[str, str],
    names: Sequence[str],
    checks: CheckList,
    place: Workplace,
    bench: Bench,
    seed: int,
    until: float,
) -> dict[str, Pattern]:
    """The patterns of some wrong answers in some of the checks; what the time is not enough for is left out."""
    plans = {wrong: {f"{k} {name}": (k, seed, [name]) for name in names} for k, wrong in enumerate(texts)}
    outcomes = run_plans(located, list(texts.values()), plans, checks, place=place, bench=bench, until=until)
    found = {}
    for k, wrong in enumerate(texts):
        mine = {name: outcomes[f"{k} {name}"] for name in names if f"{k} {name}" in outcomes}
        if mine:
            found[wrong] = pattern_of(mine, checks)
    return found


def _names(checks: CheckList) -> list[str]:
    return [check.name for check in checks.checks]


def _said(outcome: Message) -> str:
    """What a failure said, so that it can be compared: places left out, numbers to four digits."""
    parts = outcome.get("counterexample") or {"error": outcome.get("error"), "message": outcome.get("message")}
    text = json.dumps(parts, sort_keys=True)
    return re.sub(r"-?\d+\.\d*(?:e[-+]?\d+)?", lambda number: f"{float(number[0]):.3e}", text)


def _alike(learner: Pattern, other: Pattern) -> bool:
    """The same checks fail, as far as both ran, and the first failure says the same."""
    both = set(learner.ran) & set(other.ran)
    fails = [tuple(name for name in one.failed if name in both) for one in (learner, other)]
    return learner.first == other.first and fails[0] == fails[1] and len(both) == len(learner.ran)

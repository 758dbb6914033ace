"""Known mistakes: does an answer fail exactly as one of the planted wrong answers does?

A wrong answer is the reference with a small edit. It is graded as a learner's answer is, with the same random inputs,
and if the same checks fail and the first counterexample is the same one, the learner is told its name.
"""

import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from upslope.academy.checklist import BadChecks, CheckList, apply, checks_of
from upslope.academy.grading.bench import Bench
from upslope.academy.grading.limits import Limits
from upslope.academy.grading.wire import Message
from upslope.academy.grading.workplace import Workplace
from upslope.academy.overlay import Answer, module_text
from upslope.academy.source import Located, locate
from upslope.academy.trial import standing_alone

_FILE = "<a known mistake>"


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
    found: dict[str, Pattern] = {}
    if not checks.wrongs:
        return found
    overlay = place.package({located.exercise: Answer(located.exercise, located.source, _FILE)})
    module = overlay.root.joinpath("upslope", *located.path.parts[-_depth(located) :])
    names = _names(checks)
    first = names[: names.index(like.failed[0]) + 1] if like is not None and like.failed else names
    for wrong in checks.wrongs:
        if (left := until - time.monotonic()) < 0.1:
            break
        try:
            answer = Answer(located.exercise, standing_alone(located, apply(wrong, located)), _FILE)
        except BadChecks:
            if like is None:
                raise
            continue  # a learner's verdict does not depend on an author's slip
        module.write_text(module_text([(located, answer)]), encoding="utf-8")
        pattern = _run(place.job(overlay, checks, first, seed=seed, limits=_limits(left), trusted=True), bench, checks)
        if like is not None and len(first) < len(names) and pattern.first == like.first:
            pattern = _run(
                place.job(overlay, checks, names, seed=seed, limits=_limits(left), trusted=True), bench, checks
            )
        found[wrong.name] = pattern
    return found


def _run(job: Any, bench: Bench, checks: CheckList) -> Pattern:
    told = bench.run(job)
    outcomes = {message["check"]: message for message in told.messages if message["kind"] == "result"}
    return pattern_of(outcomes, checks)


def _names(checks: CheckList) -> list[str]:
    return [check.name for check in checks.checks]


def _limits(seconds: float) -> Limits:
    return Limits(check_seconds=min(seconds, 5.0), total_seconds=seconds)


def _depth(located: Located) -> int:
    return located.module.count(".") + (1 if located.path.name == "__init__.py" else 0)


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

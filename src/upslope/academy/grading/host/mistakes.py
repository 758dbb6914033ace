"""Known mistakes: does an answer fail exactly as one of the planted wrong answers does?

A wrong answer is the reference with a small edit. Naming one that was not made misleads more than silence helps, so it
must be told apart by all that goes wrong. First the planted ones run up to the check in which the answer failed. Those
with the same counterexample there run all checks, for the verdict's seed and fresh ones, in which a comparison that
does not hold is noted and the check goes on; and so does the answer. Only if the same comparisons fail, with the same
numbers, in all of them, for exactly one of the planted mistakes, is the learner told its name.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from upslope.academy.checklist import BadChecks, CheckList, apply, checks_of
from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.evidence import Evidence, notes_of, said, same
from upslope.academy.grading.host.limits import Limits, patience
from upslope.academy.grading.host.workdir import Workplace
from upslope.academy.grading.protocol.signed_pipe import Message
from upslope.academy.grading.static.required_modules import loads
from upslope.academy.mutation_run import run_plans, standing_alone
from upslope.academy.overlay import Overlay, Submission
from upslope.academy.reference import Located, locate

ROUNDS = 2  # seeds for which an answer and a planted mistake must agree; the first is the verdict's


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
        return Pattern(tuple(names), said(outcomes[""]), True, tuple(names))
    return Pattern(failed, said(outcomes[failed[0]]) if failed else "", len(ran) == len(names), ran)


@dataclass(frozen=True)
class Suspect:
    """An answer that failed: how, and where it stands, so that it can be run again."""

    pattern: Pattern
    overlay: Overlay
    answers: Mapping[str, Submission]
    landlock: bool
    seed: int


def name_of(
    suspect: Suspect, located: Located, checks: CheckList, place: Workplace, bench: Bench, *, seconds: float
) -> str | None:
    """The name of the planted mistake that an answer makes; None if it is none of them, or may be several."""
    until = time.monotonic() + seconds
    if not suspect.pattern.failed:
        return None
    texts = _texts(located, checks, forgiving=True)
    names = _names(checks)
    names = names[: names.index(suspect.pattern.failed[0]) + 1]
    tried = _tried(located, texts, names, checks, place, bench, suspect.seed, until)
    alike = {name: texts[name] for name, pattern in tried.items() if pattern.first == suspect.pattern.first}
    if not alike or time.monotonic() >= until:
        return None
    wanted = _evidence_of(suspect, checks, place, bench, until)
    if not any(wanted.values()):
        return None
    known = evidence(located, alike, checks, place, bench, suspect.seed, until)
    fitting = [name for name, found in known.items() if same(wanted, found)]
    return fitting[0] if len(fitting) == 1 else None


def evidence(
    located: Located,
    texts: Mapping[str, str],
    checks: CheckList,
    place: Workplace,
    bench: Bench,
    seed: int,
    until: float,
) -> dict[str, Evidence]:
    """All that goes wrong with each of some wrong answers; what does not come to its end by `until` is left out."""
    if not texts:
        return {}
    keys = {f"{turn} {name}": (turn, name) for turn in range(ROUNDS) for name in _names(checks)}
    plans = {
        wrong: {f"{k} {key}": (k, seed + turn, [name]) for key, (turn, name) in keys.items()}
        for k, wrong in enumerate(texts)
    }
    outcomes = run_plans(
        located, list(texts.values()), plans, checks, place=place, bench=bench, until=until, gather=True
    )
    return {
        wrong: {keys[key]: notes_of(outcomes[f"{k} {key}"]) for key in keys if f"{k} {key}" in outcomes}
        for k, wrong in enumerate(texts)
    }


def _evidence_of(suspect: Suspect, checks: CheckList, place: Workplace, bench: Bench, until: float) -> Evidence:
    """All that goes wrong with an answer. It is run as in the verdict, shut in as before; nothing hangs on it."""
    left = max(until - time.monotonic(), 0.1)
    job = place.job(
        suspect.overlay,
        checks,
        _names(checks),
        seed=suspect.seed,
        limits=Limits(check_seconds=left, total_seconds=left),
        answers=suspect.answers,
        landlock=suspect.landlock,
        rounds=ROUNDS,
        gather=True,
    )
    told = bench.run(job, until=until)
    results = [message for message in told.messages if message["kind"] == "result" and "turn" in message]
    return {(message["turn"], message["check"]): notes_of(message) for message in results}


def of_all(exercise: str, seed: int, *, bench: Bench) -> dict[str, Evidence]:
    """All that goes wrong with each planted mistake of an exercise; ten minutes, times the patience, must do."""
    located, checks = locate(exercise), checks_of(exercise)
    with Workplace() as place:
        until = time.monotonic() + 600.0 * patience()
        return evidence(located, _texts(located, checks), checks, place, bench, seed, until)


def pairs_alike(found: Mapping[str, Evidence]) -> list[tuple[str, str]]:
    """The planted mistakes that nothing tells apart, so that neither is named to anybody."""
    return [(one, two) for one, two in combinations(found, 2) if same(found[one], found[two])]


def idle_checks(found: Mapping[str, Evidence], checks: CheckList) -> list[str]:
    """The titles of checks that no planted mistake fails, so that nobody has seen them fail."""
    seen = {name for evidence in found.values() for (_, name), notes in evidence.items() if notes}
    return [check.title for check in checks.checks if check.name not in seen]


def patterns(
    exercise: str, seed: int | None = None, *, bench: Bench | None = None, seconds: float = 60.0
) -> dict[str, Pattern]:
    """How each planted wrong answer of an exercise fails, by its name; what does not fit into `seconds` is left out."""
    located, checks = locate(exercise), checks_of(exercise)
    seed = secrets.randbits(32) if seed is None else seed
    with Workplace() as place:
        if bench is not None:
            return patterns_in(located, checks, place, bench, seed, seconds=seconds)
        with Bench() as own:
            own.preload(loads(checks.path, located.path))
            return patterns_in(located, checks, place, own, seed, seconds=seconds)


def patterns_in(
    located: Located, checks: CheckList, place: Workplace, bench: Bench, seed: int, *, seconds: float = 60.0
) -> dict[str, Pattern]:
    """The patterns of all wrong answers, in a workplace and with a child that are there already.

    What does not fit into `seconds` is left out.
    """
    until = time.monotonic() + seconds
    return _tried(located, _texts(located, checks), _names(checks), checks, place, bench, seed, until)


def _texts(located: Located, checks: CheckList, *, forgiving: bool = False) -> dict[str, str]:
    """The planted wrong answers, each as a file of its own, by name."""
    texts: dict[str, str] = {}
    for wrong in checks.wrongs:
        try:
            texts[wrong.name] = standing_alone(located, apply(wrong, located))
        except BadChecks:
            if not forgiving:  # a learner's verdict does not depend on an author's slip
                raise
    return texts


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
    if not texts:
        return {}
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

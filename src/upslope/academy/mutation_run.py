"""Mutation runs: variants of the library's own code under an exercise's checks, for many seeds, in one child.

A grading child runs the functions of one module. Here that module is generated for the job and put into the overlay;
mutation_worker.py says what its functions do. What is tried here is ours (the reference, a stub, a planted wrong
answer), so the child is trusted: no sandbox, only the clock.
"""

import json
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from upslope.academy import stub
from upslope.academy.checklist import CheckList
from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.limits import Limits, patience
from upslope.academy.grading.host.workdir import Workplace
from upslope.academy.grading.protocol.signed_pipe import Message
from upslope.academy.overlay import Overlay, Submission, module_text
from upslope.academy.reference import PACKAGE, Located

FILE = "<a trial>"
_MODULE = "trial_of_variants"
_SECONDS = 5.0  # for one function of the made module, times the patience

_TEXT = """\
from upslope.academy.mutation_worker import MutationWorker

_stage = MutationWorker(__name__, {checks!r}, {file!r}, {texts!r})
for _name, _more in {trials!r}.items():
    globals()[_name] = _stage.trial(*_more)
for _name, _more in {called!r}.items():
    globals()[_name] = _stage.called(*_more)
"""

Outcomes = dict[str, Message]  # by the name of a function of the made module


@dataclass(frozen=True)
class Trial:
    """How an answer did."""

    loaded: bool
    passed: tuple[int, ...]  # seeds for which all checks passed
    failed: tuple[int, ...]  # seeds for which one did not, or did not come to an end
    said: str = ""  # what the first failure said


def standing_alone(located: Located, definition: str | None = None) -> str:
    """A definition as the text of a file of its own, with the imports that it needs; the reference's by default."""
    source = located.source if definition is None else definition
    return "\n".join([*stub.imports(located), "", "", textwrap.dedent(source), ""])


def run_seeds(
    located: Located, text: str, checks: CheckList, seeds: Sequence[int], *, place: Workplace, bench: Bench
) -> Trial:
    """Try `text` as the answer, under all checks, for every seed."""
    return run_variants(located, {"": text}, checks, seeds, place=place, bench=bench)[""]


def run_variants(
    located: Located,
    texts: Mapping[str, str],
    checks: CheckList,
    seeds: Sequence[int],
    *,
    place: Workplace,
    bench: Bench,
) -> dict[str, Trial]:
    """Try each of `texts` as the answer, under all checks, for every seed."""
    names = [check.name for check in checks.checks]
    plan: dict[str, dict[str, tuple[int, int, Sequence[str]]]] = {}
    for k, name in enumerate(texts):
        plan[name] = {f"{k} load": (k, 0, ()), **{f"{k} {seed}": (k, seed, names) for seed in seeds}}
    outcomes = run_plans(located, list(texts.values()), plan, checks, place=place, bench=bench)
    found = {}
    for k, name in enumerate(texts):
        mine = {seed: outcomes[f"{k} {seed}"] for seed in seeds if f"{k} {seed}" in outcomes}
        passed = tuple(seed for seed in mine if mine[seed]["passed"])
        failed = tuple(seed for seed in seeds if seed not in passed)
        first = next((mine[seed] for seed in failed if seed in mine), None)
        load = outcomes.get(f"{k} load", {})
        found[name] = Trial(bool(load.get("passed")), passed, failed, _said(first or load) if failed else "")
    return found


def run_plans(
    located: Located,
    texts: Sequence[str],
    plans: Mapping[str, Mapping[str, tuple[int, int, Sequence[str]]]],
    checks: CheckList,
    *,
    place: Workplace,
    bench: Bench,
    until: float | None = None,
    gather: bool = False,
) -> Outcomes:
    """What came of each function of each plan (name: variant, seed, checks), by `until` on time.monotonic().

    With `gather`, outcomes hold all comparisons that do not hold, as mistakes.py compares them.
    A function that does not return ends the child; what is left of its plan is given up, the others go on.
    """
    answers = [Submission(located.exercise, text, FILE) for text in texts]
    overlay = place.package({located.exercise: answers[0]})
    variants = [module_text([(located, answer)]) for answer in answers]
    outcomes: Outcomes = {}
    todo = dict(plans)
    while todo:
        left = 60.0 * patience() * len(todo) if until is None else until - time.monotonic()
        if left < 0.1:
            break
        functions = {name: what for plan in todo.values() for name, what in plan.items()}
        limits = Limits(check_seconds=min(left, _SECONDS * patience()), total_seconds=left)
        new = _run(overlay, located, checks, variants, functions, {}, limits, place, bench, gather=gather)
        outcomes |= new
        first = next(iter(todo))
        todo = {name: plan for name, plan in todo.items() if not set(plan) <= set(new)}
        # The first that is not whole is the one that did not return, or nothing could be run at all.
        todo.pop(next(iter(todo), first), None)
    return outcomes


def exercises_called(
    located: Located, checks: CheckList, targets: Mapping[str, Located], *, place: Workplace, bench: Bench
) -> set[str]:
    """Which of `targets` (by exercise id) run while the checks grade the reference."""
    answer = Submission(located.exercise, standing_alone(located), FILE)
    overlay = place.package({located.exercise: answer})
    where = {exercise: (target.module, target.qualname) for exercise, target in targets.items()}
    called = {"called": (0, [check.name for check in checks.checks], where)}
    limits = Limits(check_seconds=_SECONDS * patience(), total_seconds=60.0 * patience())
    text = module_text([(located, answer)])
    outcomes = _run(overlay, located, checks, [text], {}, called, limits, place, bench)
    try:
        return set(json.loads(outcomes["called"]["message"]))
    except (KeyError, ValueError):
        return set()


def _run(
    overlay: Overlay,
    located: Located,
    checks: CheckList,
    variants: Sequence[str],
    trials: Mapping[str, tuple[int, int, Sequence[str]]],
    called: Mapping[str, object],
    limits: Limits,
    place: Workplace,
    bench: Bench,
    *,
    gather: bool = False,
) -> Outcomes:
    """Lay the module that does the trials beside the checks in the overlay, and run it."""
    folder, _, _ = checks.module.rpartition(".")
    file = overlay.root / "upslope" / located.path.relative_to(PACKAGE)
    text = _TEXT.format(
        checks=checks.module, file=str(file), texts=list(variants), trials=dict(trials), called=dict(called)
    )
    overlay.root.joinpath(*folder.split("."), f"{_MODULE}.py").write_text(text, encoding="utf-8")
    made = replace(checks, module=f"{folder}.{_MODULE}")
    told = bench.run(place.job(overlay, made, [*trials, *called], seed=0, limits=limits, trusted=True, gather=gather))
    return {message["check"]: message for message in told.messages if message["kind"] == "result"}


def _said(outcome: Message) -> str:
    """A failure in one line."""
    parts = outcome.get("counterexample") or {}
    words = [parts.get("case", ""), outcome.get("message", "")]
    words += [f"got {parts['got']}, expected {parts['expected']}"] if parts.get("got") and parts.get("expected") else []
    error = outcome.get("error", "")
    return ": ".join(([] if error == "Mismatch" else [error]) + [word for word in words if word])

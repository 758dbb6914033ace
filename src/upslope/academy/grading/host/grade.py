"""Grading: from a learner's text to a verdict.

The source check reads the text; an overlay puts it into the package in a new private folder, where a sandboxed child
runs it. The parent, this side, runs no learner code and imports nothing heavy. What follows a failure (naming a known
mistake, timing the reference) uses the same child, which forks for every job.
"""

import contextlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace

from upslope.academy.checklist import CheckList, checks_of
from upslope.academy.grading.host import mistakes
from upslope.academy.grading.host.child_process import Bench, GradingFailed
from upslope.academy.grading.host.limits import Limits, patience
from upslope.academy.grading.host.verdict import NOT_RUN, CheckResult, GradingRequest, Judgement, Verdict, judge
from upslope.academy.grading.host.workdir import Workplace
from upslope.academy.grading.static import source_check as reading
from upslope.academy.grading.static.required_modules import absent, loads
from upslope.academy.lessons import Step, UnknownStep, of_exercise
from upslope.academy.overlay import Submission
from upslope.academy.reference import Located, locate

__all__ = ["CheckResult", "GradingFailed", "Limits", "Verdict", "grade", "grade_with_others"]

_ALL_SECONDS = 20.0  # a verdict takes no longer, whatever the answer does; as all seconds here, times the patience
_SLOW = 50  # times the reference's time: worth a note
_WORTH_A_LOOK = 0.5  # seconds in all checks below which nobody asks how fast the reference is


def grade(
    exercise: str,
    text: str | bytes,
    path: str,
    *,
    with_answers: Mapping[str, Submission] | None = None,
    seed: int | None = None,
    limits: Limits | None = None,
    landlock: bool = True,
    gate: bool = True,
    bench: Bench | None = None,
) -> Verdict:
    """The verdict on `text`, the content of the learner's file at `path`, as an answer to `exercise`.

    `with_answers`: other accepted answers that stand in for the library's own while the checks run. `seed` repeats the
    random inputs of an earlier verdict. `bench`: a warm child, kept by the caller. `landlock=False`
    and `gate=False` switch layers off so that tests can show that the others hold alone.
    Raises GradingFailed where the grader itself cannot work, UnknownExercise for an unknown id.
    """
    began = time.monotonic()
    limits = limits or Limits()
    seed = secrets.randbits(32) if seed is None else seed
    located, checks = locate(exercise), checks_of(exercise)
    if not checks.checks:
        raise GradingFailed(f"{exercise} has no checks: {checks.path} holds none for it")
    with contextlib.ExitStack() as held:
        if bench is None:
            bench = held.enter_context(Bench())
        step = _step(exercise)
        needed = needs(located, checks, step)
        bench.preload(needed)  # while the text is read
        plain = reading.plain_text(text, located.name)
        refusal = reading.refusal(text, located, step) if gate else None
        if isinstance(plain, reading.Refusal) or refusal is not None:
            return _refused(exercise, checks, refusal, plain, seed, began)
        answers = {**(with_answers or {}), exercise: Submission(exercise, plain, path)}
        texts = {answer.path: answer.text for answer in answers.values()}
        asked = GradingRequest(exercise, located.name, checks, path, texts, limits, seed)
        place = held.enter_context(Workplace())
        overlay = place.package(answers)
        names = [check.name for check in checks.checks]
        job = place.job(overlay, checks, names, seed=seed, limits=limits, answers=answers, landlock=landlock)
        graded = judge(bench.run(job, rest=patience(), until=began + (_ALL_SECONDS - 3.0) * patience()), asked)
        left = (_ALL_SECONDS - 1.0) * patience() - (time.monotonic() - began)
        suspect = None
        if not with_answers:  # a mistake of this answer alone
            pattern = mistakes.pattern_of(graded.outcomes, checks)
            suspect = mistakes.Suspect(pattern, overlay, answers, landlock, seed)
        verdict = _with_what_follows(graded, located, checks, place, bench, left, suspect)
    return replace(verdict, seconds=time.monotonic() - began)


def grade_with_others(
    exercise: str,
    text: str | bytes,
    path: str,
    *,
    others: Mapping[str, Submission],
    seed: int | None = None,
    limits: Limits | None = None,
    bench: Bench | None = None,
) -> Verdict:
    """Grade alone over the library; if right, once more together with all `others`, the accepted answers.

    Right alone and wrong together: the verdict is the one of the company, `broken_by` names the answers that break it
    one by one (all of them if only their union does), and `note` says it in words.
    """
    with contextlib.ExitStack() as held:
        if bench is None:
            bench = held.enter_context(Bench())
        alone = grade(exercise, text, path, seed=seed, limits=limits, bench=bench)
        rest = {name: answer for name, answer in others.items() if name != exercise}
        if not alone.passed or not rest:
            return alone

        def beside(company: Mapping[str, Submission]) -> Verdict:
            return grade(exercise, text, path, with_answers=company, seed=alone.seed, limits=limits, bench=bench)

        together = beside(rest)
        if together.passed:
            return replace(alone, seconds=alone.seconds + together.seconds)
        until = time.monotonic() + _ALL_SECONDS * patience()
        guilty = [
            name for name, answer in rest.items() if time.monotonic() < until and not beside({name: answer}).passed
        ]
    named = tuple(guilty or rest)
    called = ", ".join(name.rpartition(":")[2] for name in named)
    note = f"right alone, wrong together with your answer to {called}, which was accepted before: look at it again"
    return replace(together, broken_by=named, note=note)


def needed_by(exercise: str) -> list[str]:
    """The modules from outside that an exercise is graded with. Raises ModuleNotFoundError for one that is absent."""
    return needs(locate(exercise), checks_of(exercise), _step(exercise))


def needs(located: Located, checks: CheckList, step: Step | None = None) -> list[str]:
    """The same, of an exercise that was found already."""
    needed = [*loads(checks.path, located.path), *(step.imports if step else ())]
    missing = absent(needed)
    if missing is not None:
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
    return needed


def _step(exercise: str) -> Step | None:
    try:
        return of_exercise(exercise)
    except UnknownStep:
        return None


def _refused(
    exercise: str,
    checks: CheckList,
    refusal: reading.Refusal | None,
    text: str | reading.Refusal,
    seed: int,
    began: float,
) -> Verdict:
    said = text if isinstance(text, reading.Refusal) else refusal or reading.Refusal("")
    lines = text.splitlines() if isinstance(text, str) else []
    source = lines[said.line - 1].strip() if said.line and said.line <= len(lines) else None
    first, *others = (CheckResult(check.name, check.title, False, NOT_RUN) for check in checks.checks)
    results = (replace(first, line=said.line, source_line=source), *others)
    return Verdict(exercise, False, results, refused=said.sentence, seed=seed, seconds=time.monotonic() - began)


def _with_what_follows(
    graded: Judgement,
    located: Located,
    checks: CheckList,
    place: Workplace,
    bench: Bench,
    left: float,
    suspect: mistakes.Suspect | None,
) -> Verdict:
    """What is worth knowing beside the verdict: a known mistake's name, or how long the reference takes."""
    verdict = graded.verdict
    if left < 0.5:
        return verdict
    if graded.overran:
        took = _reference_seconds([graded.overran], checks, place, bench, verdict.seed, min(left, 2.0 * patience()))
        said = f"The reference needs {max(took, 0.001):.3f} s for this check." if took is not None else ""
        return replace(verdict, note=said)
    if verdict.passed:
        spent = sum(result.seconds for result in verdict.checks)
        if spent < _WORTH_A_LOOK:
            return verdict
        names = [result.name for result in verdict.checks]
        took = _reference_seconds(names, checks, place, bench, verdict.seed, min(left, 5.0 * patience()))
        if took is not None and spent > _SLOW * max(took, 0.001):
            times = spent / max(took, 0.001)
            return replace(verdict, note=f"right, but {times:.0f} times slower than the reference in these checks")
        return verdict
    if verdict.refused or verdict.stopped or suspect is None or not suspect.pattern.failed:
        return verdict
    if graded.outcomes.get(suspect.pattern.failed[0], {}).get("error") in {None, "NotImplementedError"}:
        return verdict
    name = mistakes.name_of(suspect, located, checks, place, bench, seconds=min(left, 6.0 * patience()))
    return replace(verdict, mistake=name)


def _reference_seconds(
    names: list[str], checks: CheckList, place: Workplace, bench: Bench, seed: int, seconds: float
) -> float | None:
    """How long the reference takes for some checks; None where it could not be measured."""
    limits = Limits(check_seconds=seconds, total_seconds=seconds)
    overlay = place.package({})
    told = bench.run(place.job(overlay, checks, names, seed=seed, limits=limits, trusted=True))
    took = [message["seconds"] for message in told.messages if message["kind"] == "result" and message["passed"]]
    return sum(took) if len(took) == len(names) else None

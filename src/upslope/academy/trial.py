"""A trial: one answer of the library's own under its checks, for many seeds at once.

A grading child runs the functions of one module, with one seed. For a trial that module is made for the job and laid
into the overlay: each of its functions runs all checks of the exercise with one seed, up to the first that fails. So
twenty seeds cost one child and one import. What is tried here is ours (the reference, a stub, a planted wrong answer),
so the child is trusted: no sandbox, only the clock.
"""

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from upslope.academy import stub
from upslope.academy.checklist import CheckList
from upslope.academy.grading.bench import Bench
from upslope.academy.grading.limits import Limits
from upslope.academy.grading.wire import Message
from upslope.academy.grading.workplace import Workplace
from upslope.academy.overlay import Answer, Overlay
from upslope.academy.source import Located

FILE = "<a trial>"
_MODULE = "trial_of_seeds"
_LIMITS = Limits(check_seconds=5.0, total_seconds=60.0)

_TEXT = """\
import json
import sys
import zlib

import numpy as np

import {module} as checks

NAMES = {names!r}
TARGETS = {targets!r}


def one(seed):
    for name in NAMES:
        getattr(checks, name)(np.random.default_rng([seed, zlib.crc32(name.encode())]))


def under(seed):
    return lambda rng: one(seed)


for _seed in {seeds!r}:
    globals()[f"seed_{{_seed}}"] = under(_seed)


def called(rng):
    seen = set()

    def look(frame, event, argument):
        if event == "call":
            seen.add((frame.f_globals.get("__name__"), frame.f_code.co_qualname.partition(".<locals>")[0]))

    sys.setprofile(look)
    try:
        one({first})
    except Exception:
        pass  # what ran before a check failed is worth knowing too
    finally:
        sys.setprofile(None)
    ran = {{
        exercise
        for exercise, (module, name) in TARGETS.items()
        for where, what in seen
        if where == module and (what == name or what.startswith(name + "."))
    }}
    raise RuntimeError(json.dumps(sorted(ran)))
"""


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
    overlay = place.package({located.exercise: Answer(located.exercise, text, FILE)})
    outcomes = _run(overlay, checks, [f"seed_{seed}" for seed in seeds], seeds, {}, place, bench)
    if "" in outcomes:
        return Trial(False, (), tuple(seeds), _said(outcomes[""]))
    passed = tuple(seed for seed in seeds if outcomes.get(f"seed_{seed}", {}).get("passed"))
    failed = tuple(seed for seed in seeds if seed not in passed)
    first = next((outcomes[name] for seed in failed if (name := f"seed_{seed}") in outcomes), None)
    return Trial(True, passed, failed, _said(first) if first else "")


def exercises_called(
    located: Located, checks: CheckList, targets: Mapping[str, Located], *, place: Workplace, bench: Bench
) -> set[str]:
    """Which of `targets` (by exercise id) run while the checks grade the reference."""
    answer = Answer(located.exercise, standing_alone(located), FILE)
    overlay = place.package({located.exercise: answer})
    where = {exercise: (target.module, target.qualname) for exercise, target in targets.items()}
    outcomes = _run(overlay, checks, ["called"], [0], where, place, bench)
    try:
        return set(json.loads(outcomes["called"]["message"]))
    except (KeyError, ValueError):
        return set()


def _run(
    overlay: Overlay,
    checks: CheckList,
    names: Sequence[str],
    seeds: Sequence[int],
    targets: Mapping[str, tuple[str, str]],
    place: Workplace,
    bench: Bench,
) -> dict[str, Message]:
    """Lay the module that runs all seeds beside the checks in the overlay, and run it."""
    folder, _, _ = checks.module.rpartition(".")
    text = _TEXT.format(
        module=checks.module,
        names=[check.name for check in checks.checks],
        targets=dict(targets),
        seeds=list(seeds),
        first=seeds[0],
    )
    overlay.root.joinpath(*folder.split("."), f"{_MODULE}.py").write_text(text, encoding="utf-8")
    made = replace(checks, module=f"{folder}.{_MODULE}")
    told = bench.run(place.job(overlay, made, names, seed=0, limits=_LIMITS, trusted=True))
    return {message["check"]: message for message in told.messages if message["kind"] == "result"}


def _said(outcome: Message) -> str:
    """A failure in one line."""
    parts = outcome.get("counterexample") or {}
    words = [parts.get("case", ""), outcome.get("message", "")]
    words += [f"got {parts['got']}, expected {parts['expected']}"] if parts.get("got") and parts.get("expected") else []
    error = outcome.get("error", "")
    return ": ".join(([] if error == "Mismatch" else [error]) + [word for word in words if word])

"""Running the checks: the part of a grading child in which the learner's code is loaded and called.

It runs in a thread of its own and knows neither the secret nor the pipe. It reports what happened, as bytes, to the
main thread, which checks that the rest of the program is unchanged, signs the report and lets the runner continue.
However an answer ends (it returns, raises, or tries to exit), that becomes the outcome of one check.
"""

import builtins
import importlib
import time
import warnings
import zlib
from collections.abc import Callable
from types import FunctionType, ModuleType, TracebackType
from typing import Any

from upslope.academy.grading.child.torch_state import Settings
from upslope.academy.grading.integrity.isolated_copies import Copies
from upslope.academy.grading.protocol.job import Job
from upslope.academy.grading.sandbox.audit_hook import Refused

# The functions below keep the builtins of this moment, whatever the learner's code does to the module later.
globals()["__builtins__"] = dict(vars(builtins))

Say = Callable[[dict[str, Any]], None]
_LONGEST = 2000  # characters of any text that is handed on
_NOTES = 24  # comparisons of one check that are handed on where all are gathered


def examine(job: Job, say: Say, copies: Copies, settings: Settings) -> None:
    """Load the checks, and with them the learner's code, and run them in order.

    `copies`: those with which the checks run, and `settings` of the libraries, both as they are before.
    """
    import numpy as np

    # Bound now: after the learner's code is loaded, these names may mean something else.
    seeds, bits, generator, clock = np.random.SeedSequence, np.random.PCG64, np.random.Generator, time.perf_counter
    catch, filtered, checksum = warnings.catch_warnings, warnings.simplefilter, zlib.crc32
    expect = importlib.import_module("upslope.checks.expect")
    array, errors, read = np.array, np.errstate, importlib.import_module
    mismatch, noted = expect.Mismatch, copies.noted
    settings.begin(job.seed)
    try:
        module = read(job.module)
    except BaseException as error:
        say({"kind": "result", "check": "", "passed": False, "seconds": 0.0, **_fault(error, job, expect)})
        return
    say({"kind": "loaded", "left": settings.left()})  # and looked at: nothing has been replaced up to here
    checks, unequal = copies.namespace(vars(module)), copies.namespace(vars(expect))
    for turn, name in [(turn, name) for turn in range(job.rounds) for name in job.checks]:
        say({"kind": "start", "check": name})
        own, seed = checksum(name.encode()), job.seed + turn
        rng = generator(bits(seeds([seed, own])))
        settings.begin(seed ^ own)
        notes: list[BaseException] | None = [] if job.gather else None
        unequal["NOTES"] = notes
        if job.trusted:
            vars(expect)["NOTES"] = notes  # a trial's checks compare with these
        fault: dict[str, Any] = {}
        began = clock()
        # Settings that an answer left behind, np.seterr(all="ignore"), are not the next check's.
        with catch(record=True) as caught, errors(divide="warn", over="warn", under="ignore", invalid="warn"):
            filtered("always")
            try:
                check = checks[name]
                if notes is None:
                    _canary(unequal, array, mismatch)
                noted.clear()
                check(rng) if _wants_rng(check) else check()
                if notes is None:
                    if noted:  # a demand did not hold, and somebody caught the error
                        fault = _fault(noted[0], job, expect)
                    _canary(vars(expect), array, mismatch)
            except BaseException as error:
                fault = _fault(error, job, expect)
        if fault and not fault.get("line"):
            fault |= _warned(caught, job)
        took = clock() - began
        passed = not fault and not notes
        if notes is not None:
            fault |= {"turn": turn, "notes": [_note(note) for note in notes[:_NOTES]]}
        say({"kind": "result", "check": name, "passed": passed, "seconds": took, "left": settings.left(), **fault})


class Fooled(BaseException):
    """A comparison held that cannot hold: the tools of the checks were changed."""


def _canary(expect: dict[str, Any], array: Callable[[list[float]], Any], mismatch: type[BaseException]) -> None:
    """Compare what is not equal; a comparison that lets it pass is no comparison."""
    unequal: list[tuple[Callable[..., None], Any, Any]] = [
        (expect["close"], array([0.25, 0.75]), array([0.25, 0.5])),
        (expect["equal"], (2, 3), (3, 2)),
        (expect["true"], False, "a canary"),
    ]
    for demand, got, expected in unequal:
        try:
            demand(got, expected)
        except mismatch:
            continue
        raise Fooled


def _wants_rng(check: FunctionType) -> bool:
    return "rng" in check.__code__.co_varnames[: check.__code__.co_argcount]


def _fault(error: BaseException, job: Job, expect: ModuleType) -> dict[str, Any]:
    """What went wrong, as plain data: a message, a counterexample if there is one, and where."""
    found: dict[str, Any]
    if isinstance(error, expect.Mismatch):
        parts = ("problem", "case", "got", "expected", "within")
        counterexample = {part: _clip(getattr(error, part, "")) for part in parts}
        # When a comparison is made the answer has returned, and there is no line of the learner's in the trace. There
        # is one where the comparison stands for an error or a warning that the answer caused.
        cause = error.__cause__ or error.__context__
        found = _place(cause.__traceback__, job) if cause is not None else {}
        return {**found, "error": "Mismatch", "message": counterexample["problem"], "counterexample": counterexample}
    found = _place(error.__traceback__, job)
    found["error"] = _clip(type(error).__name__)
    found["refused"] = isinstance(error, Refused)
    try:
        found["message"] = _clip(str(error))
    except BaseException:
        found["message"] = ""
    return found


def _note(note: Any) -> dict[str, str]:
    """A comparison that did not hold, as plain data, with the numbers that came."""
    parts = {part: _clip(getattr(note, part, "")) for part in ("case", "problem", "got", "expected")}
    values = getattr(note, "values", ())
    return {**parts, "values": " ".join([f"{float(value):.7g}" for value in values])}


def _place(trace: TracebackType | None, job: Job) -> dict[str, Any]:
    """The innermost line in a learner's file, else the innermost line of the checks."""
    learners: dict[str, Any] = {}
    checks: dict[str, Any] = {}
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name in job.learner:
            learners = {"file": name, "line": trace.tb_lineno}
        elif trace.tb_frame.f_globals.get("__name__") == job.module:
            checks = {"check_line": trace.tb_lineno}
        trace = trace.tb_next
    return {**checks, **learners}


def _warned(caught: list[warnings.WarningMessage] | None, job: Job) -> dict[str, Any]:
    """The first warning that came from a learner's line: often the true cause of a wrong number."""
    for warning in caught or ():
        if warning.filename in job.learner:
            return {"file": warning.filename, "line": warning.lineno, "warning": _clip(str(warning.message))}
    return {}


def _clip(text: Any) -> str:
    plain = str(text)
    return plain if len(plain) <= _LONGEST else plain[:_LONGEST] + " ..."

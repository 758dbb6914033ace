"""A verdict and its sentences: from what a grading child reported to what a learner reads.

A pass requires the complete list of expected checks, in order, each with its outcome and the child's confirmation that
the rest of the program was unchanged.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from upslope.academy.checklist import Check, CheckList
from upslope.academy.grading.host.child_process import GradingFailed
from upslope.academy.grading.host.job_monitor import PROBLEMS, Told, exited_by, place_in
from upslope.academy.grading.host.limits import Limits
from upslope.academy.grading.protocol.job import CUT_OFF, DONE
from upslope.academy.grading.protocol.signed_pipe import Message

NOT_RUN = "not run"


@dataclass(frozen=True)
class CheckResult:
    """One check's outcome. Checks after the first that fails are shown as not run, and have not passed."""

    name: str
    title: str
    passed: bool
    message: str = ""
    # The parts of a comparison that did not hold: problem, case, got, expected, within. None for any other fault.
    counterexample: dict[str, str] | None = None
    line: int | None = None  # in the learner's file
    source_line: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What grading found out about one answer."""

    exercise: str
    passed: bool
    checks: tuple[CheckResult, ...]
    stopped: str | None = None  # a sentence: a limit was reached, or the process ended by itself
    refused: str | None = None  # a sentence: the text, or something that it did, is not allowed
    mistake: str | None = None  # the name of a known mistake with the same failures
    seed: int = 0
    seconds: float = 0.0
    sandbox: str = ""  # the sandbox that the answer ran in
    output: str = ""  # what it printed
    note: str = ""  # something worth knowing that decides nothing
    broken_by: tuple[str, ...] = ()  # exercise ids: earlier answers that make a right answer fail

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Judgement:
    """A verdict together with what the search for a known mistake needs."""

    verdict: Verdict
    # The outcome of every check that came to an end, failures after the first included.
    outcomes: dict[str, Message] = field(default_factory=dict)
    overran: str | None = None  # the check in which the time was over


@dataclass(frozen=True)
class GradingRequest:
    """What was asked of the child."""

    exercise: str
    name: str  # softmax
    checks: CheckList
    path: str  # of the learner's file
    texts: dict[str, str]  # by file name: all answers that were put in
    limits: Limits
    seed: int


def sandbox_said(messages: list[Message]) -> str:
    """The sandbox that the answer ran in, as a sentence."""
    ready = next((message for message in messages if message["kind"] == "ready"), None)
    if ready is None or "landlock" not in ready:
        return ""
    layers = [f"Landlock ABI {ready['landlock']}"] if ready["landlock"] else []
    layers += ["system call filter"] if ready["seccomp"] else []
    layers += ["audit guard", "limits"]
    absent = "" if ready["landlock"] else f"; without Landlock{': ' + ready['lacks'] if ready.get('lacks') else ''}"
    return ", ".join(layers) + absent


def judge(told: Told, asked: GradingRequest) -> Judgement:
    """The verdict on what a child told."""
    outcomes, clean, problem = _follow(told.messages, [check.name for check in asked.checks.checks])
    if told.ended == "died" and not any(message["kind"] == "ready" for message in told.messages):
        raise GradingFailed(f"the grading child {exited_by(told.status)} before it began: {told.trace.strip()[:2000]}")
    if told.status == CUT_OFF and told.trace.startswith("grader: ") and not told.trace.startswith("grader: OSError"):
        raise GradingFailed(f"the grading child failed with an internal error: {told.trace.strip()[:2000]}")
    passed = told.ended == "end" and clean and all(outcome["passed"] for outcome in outcomes.values())
    results = [_result(check, outcomes.get(check.name), asked) for check in asked.checks.checks]
    failing = next((k for k, result in enumerate(results) if not result.passed), None)
    stopped = refused = None
    if problem is not None:
        stopped, refused = _deed(problem, asked)
    elif told.ended == "forged":
        refused = "the answer wrote to the pipe that the grader reports on"
    elif told.ended not in {"end", "rest"} and (failing is None or results[failing].message == NOT_RUN):
        stopped = _stop(told, asked)
    elif told.ended == "end" and not passed and failing is None:
        stopped = "the grader's report was incomplete"
    if "" in outcomes:  # the answer could not even be loaded
        results[0] = _result(asked.checks.checks[0], outcomes[""], asked)
        failing = 0
    if stopped and failing is not None and results[failing].message == NOT_RUN:
        results[failing] = _where_it_stood(results[failing], told, asked, stopped)
    if failing is not None:
        after = asked.checks.checks[failing + 1 :]
        results[failing + 1 :] = [CheckResult(check.name, check.title, False, NOT_RUN) for check in after]
    verdict = Verdict(
        exercise=asked.exercise,
        passed=passed,
        checks=tuple(results),
        stopped=stopped,
        refused=refused,
        seed=asked.seed,
        sandbox=sandbox_said(told.messages),
        output=told.output.decode("utf-8", "replace"),
        note=_warning(failing, results, outcomes),
    )
    return Judgement(verdict, outcomes, told.running if told.ended == "time" else None)


def _follow(messages: list[Message], names: list[str]) -> tuple[dict[str, Message], bool, Message | None]:
    """The outcomes in a row of messages; whether the row is exactly what a whole grading says; the first problem."""
    outcomes: dict[str, Message] = {}
    problem = None
    for message in messages:
        if message["kind"] == "result" and message["check"] not in outcomes:
            outcomes[message["check"]] = message
            if message.get("error") == "Fooled" and problem is None:
                problem = {"changed": "the comparisons of the checks"}
        if problem is None and any(_problems(message)):
            problem = message
    told = [(message["kind"], message.get("check")) for message in messages]
    wanted: list[tuple[str, str | None]] = [("ready", None), ("loaded", None), ("verified", None)]
    for name in names:
        wanted += [("start", name), ("result", name), ("verified", None)]
    return outcomes, told == [*wanted, ("end", None)] and problem is None and bool(names), problem


def _problems(message: Message) -> list[Any]:
    return [message.get(name) for name in PROBLEMS]


def _deed(problem: Message, asked: GradingRequest) -> tuple[str | None, str | None]:
    """What the answer did besides answering: (stopped, refused)."""
    if problem.get("tried"):
        return None, f"{problem['tried'][0]}; an answer only computes and returns its result"
    if problem.get("changed"):
        return None, f"the answer replaces {problem['changed']}; an answer only defines {asked.name}"
    if problem.get("poses"):
        return None, f"the answer makes {problem['poses']}"
    if problem.get("left"):
        return None, f"the answer leaves {problem['left']} behind; an answer restores what it changes"
    return "the answer left a thread running; an answer is finished when it returns", None


def _stop(told: Told, asked: GradingRequest) -> str:
    limits = asked.limits
    sentences = {
        "time": f"stopped after {limits.check_seconds:g} s: the answer did not return",
        "total": f"stopped after {limits.total_seconds:g} s: the checks together took too long",
        "memory": f"stopped: the answer took more than {limits.memory_mb} MB of memory",
        "processes": "stopped: the answer started another process",
        "output": f"stopped: the answer printed more than {limits.output_kb} KB",
        "files": f"stopped: the answer wrote more than {limits.files_mb} MB of files",
    }
    if told.ended in sentences:
        return sentences[told.ended]
    if told.status in {DONE, CUT_OFF}:
        return "the answer closed the pipe that the grader reports on"
    if told.status is not None and told.status >= 0:
        return f"the answer ended the whole program (with status {told.status}) before the checks were done"
    return f"the answer's process {exited_by(told.status)} before the checks were done"


def _where_it_stood(result: CheckResult, told: Told, asked: GradingRequest, stopped: str) -> CheckResult:
    """The check in which the answer was stopped, with the learner's line if the process could still say it."""
    place = place_in(told.trace, tuple(asked.texts))
    if place is None:
        return replace(result, message=stopped)
    file, line = place
    if file != asked.path:
        return replace(result, message=f"{stopped} (it was in {file}, line {line})")
    return replace(result, message=stopped, line=line, source_line=_line(asked.texts[file], line))


def _result(check: Check, outcome: Message | None, asked: GradingRequest) -> CheckResult:
    if outcome is None:
        return CheckResult(check.name, check.title, False, NOT_RUN)
    if outcome["passed"]:
        return CheckResult(check.name, check.title, True, seconds=outcome["seconds"])
    message, line = _sentence(outcome, asked), outcome.get("line")
    if line and outcome["file"] != asked.path:
        message, line = f"{message} (in {outcome['file']}, line {line})".strip(), None
    return CheckResult(
        check.name,
        check.title,
        False,
        message=message,
        counterexample=outcome.get("counterexample"),
        line=line,
        source_line=_line(asked.texts[asked.path], line) if line else None,
        seconds=outcome["seconds"],
    )


def _sentence(outcome: Message, asked: GradingRequest) -> str:
    error, message = outcome.get("error", ""), outcome.get("message", "")
    if error == "Mismatch" or outcome.get("refused"):
        return str(message)
    told = {
        "SystemExit": "SystemExit: the answer tried to end the program; it should return a value",
        "KeyboardInterrupt": "KeyboardInterrupt: the answer interrupted itself; it should return a value",
        "RecursionError": "RecursionError: the answer calls itself endlessly",
        "MemoryError": f"MemoryError: the answer needs more than {asked.limits.memory_mb} MB of memory",
    }
    if error == "RuntimeError" and "can't allocate memory" in message:  # how PyTorch says it
        error = "MemoryError"
    sentence = told.get(error) or (f"{error}: {message}" if message else error)
    if "line" not in outcome and "check_line" in outcome:
        lines = asked.checks.path.read_text(encoding="utf-8")
        sentence += f" (where the check says: {_line(lines, outcome['check_line'])})"
    return sentence


def _warning(failing: int | None, results: list[CheckResult], outcomes: dict[str, Message]) -> str:
    """The warning from the learner's own line that came with the failure, if one did."""
    warned = outcomes.get(results[failing].name, {}).get("warning") if failing is not None else None
    return f"line {results[failing].line} gave a warning: {warned}" if warned and failing is not None else ""


def _line(text: str, line: int) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")  # what Python counts as lines
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""

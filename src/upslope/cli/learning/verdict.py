"""How a verdict looks: the verdict first, only the first failure, the learner's own line, the one command to type next.

Nothing is decided here; everything shown comes from the grading.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.format import listed, plural, seconds

if TYPE_CHECKING:
    from upslope.academy.answers import GradedFile
    from upslope.academy.grading.host.grade import CheckResult, Verdict

HINTS = 3
PRINTED = 10  # lines of the learner's own output


def facts(graded: "GradedFile") -> dict[str, Any]:
    """What a program gets to know."""
    return {
        **graded.verdict.to_json(),
        "step": graded.step.name,
        "file": str(graded.file),
        "in_place_in": list(graded.step.labs) if graded.passed else [],
        "opened": list(graded.opened),
        "command": command(graded)[0],
        "recorded": not graded.unrecorded,
    }


def show(screen: Screen, graded: "GradedFile", *, suggest: bool = True) -> None:
    """The whole answer of `upslope check`; `suggest` ends it with the command to type next."""
    verdict = graded.verdict
    _headline(screen, graded)
    if graded.passed:
        _passed(screen, graded)
    else:
        _failed(screen, graded, verdict)
    _printed(screen, verdict.output)
    notes = [] if graded.broken_by else [verdict.note]
    if verdict.sandbox and "without" in verdict.sandbox:
        notes.append(f"Graded with {verdict.sandbox}.")
    if any(notes):
        screen.gap()
    for note in filter(None, notes):
        screen.prose(note, style="dim")
    if graded.unrecorded:
        screen.gap()
        screen.prose(f"This verdict is not recorded: {graded.unrecorded}.", style="yellow")
    if suggest:
        words, note = command(graded)
        screen.gap()
        screen.command(words, note)


def command(graded: "GradedFile") -> tuple[str, str]:
    """The one thing to type next, and what to know about it."""
    name = graded.step.name
    if graded.unrecorded:
        return (f"upslope check {name}", "once it can be written, to have it recorded")
    if graded.passed:
        return (f"upslope learn {graded.next}" if graded.next else "upslope", "")
    if graded.broken_by:
        return (f"upslope check {graded.broken_by[0]}", "")
    if graded.unwritten:
        return (f"upslope learn {name}", "")
    if graded.hints < HINTS:
        return (f"upslope hint {name}", f"({graded.hints + 1} of {HINTS}; hints are counted but cost nothing)")
    return (f"upslope learn {name}", "(all hints are shown; the lesson may still help)")


def _headline(screen: Screen, graded: "GradedFile") -> None:
    verdict, name = graded.verdict, graded.step.name
    held = sum(1 for check in verdict.checks if check.passed)
    if graded.broken_by:
        what = f"right alone, wrong together with your {listed(graded.broken_by)}"
    elif ended := graded.ended:
        what = ended if _fits(screen, graded) else "refused" if verdict.refused else "stopped"
    elif graded.unwritten:
        what = "not written yet"
    else:
        what = f"{held} of {plural(len(verdict.checks), 'check')} passed"
    screen.ends([screen.mark(graded.passed), " ", (name, "bold"), f"     {what}"], seconds(verdict.seconds))


def _passed(screen: Screen, graded: "GradedFile") -> None:
    labs, said = graded.step.labs, []
    if labs:
        said.append(f"In place in {'lab' if len(labs) == 1 else 'labs'} {', '.join(labs)}.")
    if graded.opened:
        said.append(f"{listed(graded.opened)} {'is' if len(graded.opened) == 1 else 'are'} open now.")
    if said:
        screen.prose(" ".join(said))


def _failed(screen: Screen, graded: "GradedFile", verdict: "Verdict") -> None:
    failure = graded.failure
    ended, unwritten = graded.ended, graded.unwritten
    if unwritten:
        screen.gap()
        screen.prose("The file is as upslope init made it. Write the body there:")
        screen.line(_short(graded.file))
    elif ended and not _fits(screen, graded):
        screen.gap()
        screen.prose(ended)
    elif failure is not None and not ended:
        screen.gap()
        _failure(screen, failure)
    if (failure is not None and failure.line and not unwritten) or verdict.mistake:
        screen.gap()
    if verdict.mistake:
        screen.prose(f"This looks like a known mistake: {verdict.mistake}.")
    if failure is not None and failure.line and not unwritten:
        source = f":   {failure.source_line.strip()}" if failure.source_line else ""
        screen.prose(f"{graded.file.name}, line {failure.line}{source}")
    if graded.broken_by:
        names = listed(graded.broken_by)
        screen.gap()
        screen.prose(f"Your answer is right by itself. Look at {names} again, which was accepted before.")


def _failure(screen: Screen, failure: "CheckResult") -> None:
    """The check's title, the case, what came and what was expected."""
    screen.line((failure.title, "bold"))
    case: dict[str, str] = failure.counterexample or {}
    for part in ("case", "problem"):
        if case.get(part):
            screen.block(case[part])
    if not case.get("problem") and failure.message:
        screen.block(failure.message)
    within = f"      ({case['within']})" if case.get("within") else ""
    if case.get("got"):
        _value(screen, "got", case["got"])
    if case.get("expected"):
        _value(screen, "expected", case["expected"] + within)


def _value(screen: Screen, name: str, value: str) -> None:
    import textwrap

    from upslope.cli.terminal.console import clean

    column = 14
    for number, line in enumerate(textwrap.wrap(clean(value), max(20, screen.width - column), break_on_hyphens=False)):
        screen.line((f"    {name if number == 0 else '':<10}", "dim"), line, indent=0)


def _printed(screen: Screen, output: str) -> None:
    lines = output.rstrip().split("\n") if output.strip() else []
    if not lines:
        return
    screen.gap()
    screen.prose("It printed:", style="dim")
    for line in lines[:PRINTED]:
        screen.block(line[:500], style="dim")
    if len(lines) > PRINTED:
        screen.block(f"... and {plural(len(lines) - PRINTED, 'line')} more", style="dim")


def _fits(screen: Screen, graded: "GradedFile") -> bool:
    """Whether that has room in the headline."""
    return len(f"  x {graded.step.name}     {graded.ended}  99.9 s") <= screen.width


def _short(file: Path) -> str:
    from upslope.runs.workspace import short

    return short(file)

"""`upslope hint` and `upslope solution`: help in stages. Hints are counted and marked, but cost nothing."""

from typing import Annotated

import typer

from upslope.cli.learning.migrated import bring_over
from upslope.cli.learning.recorded import recorded
from upslope.cli.terminal.completion import step_names
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug

WHAT = {1: "the idea, and what a right answer does", 2: "the steps", 3: "the body itself"}

Name = Annotated[str, typer.Argument(help="A step: its name or number.", autocompletion=step_names)]


def hint(
    name: Name,
    stage: Annotated[
        int | None, typer.Option("--stage", min=1, max=3, help="This stage instead of the next one.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Show the next hint: the idea, then the steps, then the body."""
    from upslope.academy.hints import STAGES
    from upslope.academy.hints import hint as text_of
    from upslope.academy.progress import Progress
    from upslope.academy.reference import locate
    from upslope.runs.workspace import progress_file

    bring_over()
    screen = Screen()
    step_name, exercise = _exercise(name)
    progress = Progress(progress_file())
    shown = progress.hints(exercise)
    number = stage or min(shown + 1, STAGES)
    text = text_of(locate(exercise), number)
    unseen = recorded(progress, "hint", exercise, stage=number)
    screen.give({"step": step_name, "exercise": exercise, "stage": number, "of": STAGES, "text": text})
    screen.ends([(step_name, "bold"), f"     hint {number} of {STAGES}: {WHAT[number]}"], "")
    screen.gap()
    if number == STAGES:
        screen.code(text)
    elif number == 1:
        screen.docstring(text)
    else:
        for line in text.split("\n"):
            screen.prose(line, indent=4)
    screen.gap()
    if number < STAGES:
        screen.command(f"upslope check {step_name}", f"or upslope hint {step_name} for {WHAT[number + 1]}")
    else:
        marked = "" if unseen else "; it is marked as seen"
        screen.prose(f"That was the solution{marked}. Close it, write your own, then:", style="dim")
        screen.command(f"upslope check {step_name}")
    return Exit.DONE


def solution(name: Name, as_json: AsJson = False, debug: Debug = False) -> int:
    """Show the library's own answer; that it was seen is marked."""
    from upslope.academy.hints import body
    from upslope.academy.progress import Progress
    from upslope.academy.reference import locate
    from upslope.runs.workspace import progress_file

    bring_over()
    screen = Screen()
    step_name, exercise = _exercise(name)
    progress = Progress(progress_file())
    own = exercise in progress.accepted()
    unseen = recorded(progress, "solution", exercise)
    text = body(locate(exercise))
    screen.give({"step": step_name, "exercise": exercise, "text": text, "marked": not own and not unseen})
    screen.line((step_name, "bold"), "     the library's own answer")
    screen.gap()
    screen.code(text)
    screen.gap()
    if own:
        screen.prose("You had passed it before, so nothing is marked.", style="dim")
    else:
        marked = "" if unseen else "It is marked as seen. "
        screen.prose(f"{marked}Close it, write your own, then:", style="dim")
        screen.command(f"upslope check {step_name}")
    return Exit.DONE


def _exercise(name: str) -> tuple[str, str]:
    """The step's name and its exercise id; a lab has no hints."""
    from upslope.academy.lessons import find

    step = find(name)
    if not step.exercise:
        run = f"; it is a lab: upslope lab {step.lab}" if step.lab else ""
        raise UsageError(f"{step.name} asks for no code, so it has no hints{run}")
    return step.name, step.exercise

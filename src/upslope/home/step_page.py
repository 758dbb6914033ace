"""A step's page: the lesson, the learner's file with its live verdict, hints, notes, and the runs that hold the answer.

The file on disk is the one truth. Whoever saves here says which text was read before; if the file has changed since,
both texts are shown and neither is lost.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from starlette.responses import RedirectResponse, Response

from upslope.academy import hints
from upslope.academy.evidence import Evidence, read_evidence
from upslope.academy.lab_parts import whose
from upslope.academy.learner_files import make_files
from upslope.academy.lessons import Step, steps
from upslope.academy.progress import Progress
from upslope.academy.reference import locate
from upslope.academy.step_status import next_step, standings
from upslope.home.grader import Grader
from upslope.home.lesson_html import lesson_html, python_html
from upslope.home.render import page
from upslope.runs import workspace
from upslope.runs.files import make_folder, write_atomically

HINTS = {1: "The idea, and what a right answer does", 2: "The steps", 3: "The body itself"}


@dataclass(frozen=True)
class Note:
    """Something that the learner wrote down."""

    text: str
    when: str


def show(step: Step, grader: Grader, *, theirs: str | None = None, status: int = 200) -> Response:
    """The page; `theirs` is a text that could not be saved because the file had changed meanwhile."""
    progress = Progress(workspace.progress_file())
    evidence = read_evidence(progress.path)
    table = standings(evidence)
    standing = next(each for each in table if each.step.name == step.name)
    place = steps().index(step)
    file = workspace.exercises_folder() / step.file if step.exercise else None
    text = _read(file) if file is not None else ""
    seen = evidence.hints.get(step.exercise or "", 0)
    following = next_step(table[place + 1 :]) or next_step(table)
    return page(
        "step",
        status=status,
        follows="events graded",
        step=step,
        standing=standing,
        before=steps()[place - 1] if place else None,
        after=steps()[place + 1] if place + 1 < len(steps()) else None,
        lesson=lesson_html(step.body),
        file=workspace.short(file) if file is not None else "",
        text=text,
        read=_hash(text),
        theirs=theirs,
        graded=grader.look(step) if step.exercise else None,
        problem=grader.problems.get(step.name, ""),
        busy=grader.busy(step),
        hints=[(stage, HINTS[stage], _hint(step, stage)) for stage in range(1, seen + 1)],
        next_hint=(seen + 1, HINTS[seen + 1]) if step.exercise and seen < hints.STAGES else None,
        notes=[_note(event.payload["text"], event.at) for event in progress.events("note", step.name)],
        returns=_returns(step, evidence),
        following=following if following is not None and following.name != step.name else None,
        waits_for=[each for each in table if each.step.name in standing.waits_for],
        states={each.step.name: each for each in table},
    )


def save(step: Step, text: str, read: str, grader: Grader) -> Response:
    """Write the learner's file, unless it is no longer what the page had read."""
    file = workspace.exercises_folder() / step.file
    text = text.replace("\r\n", "\n")
    there = _read(file)
    if _hash(there) != read and there != text:
        return show(step, grader, theirs=text, status=409)
    if there != text:
        make_folder(file.parent)
        write_atomically(file, text.encode())
    grader.ask(step)
    return RedirectResponse(f"/step/{step.name}#verdict", status_code=303)


def begin(step: Step) -> Response:
    """Make the files that are not there."""
    make_files(workspace.home())
    return RedirectResponse(f"/step/{step.name}#write", status_code=303)


def hint(step: Step) -> Response:
    """Show the next hint; it is counted, and costs nothing."""
    progress = Progress(workspace.progress_file())
    stage = min(progress.hints(str(step.exercise)) + 1, hints.STAGES)
    progress.add("hint", str(step.exercise), stage=stage)
    return RedirectResponse(f"/step/{step.name}#hints", status_code=303)


def note(step: Step, text: str) -> Response:
    """Keep a note."""
    if text.strip():
        Progress(workspace.progress_file()).add("note", step.name, text=text.strip())
    return RedirectResponse(f"/step/{step.name}#notes", status_code=303)


def _hint(step: Step, stage: int) -> object:
    text = hints.hint(locate(str(step.exercise)), stage)
    return python_html(text) if stage == hints.STAGES else text


def _returns(step: Step, evidence: Evidence) -> list[tuple[str, int, int, str]]:
    """The labs in which the answer runs: how many parts are the learner's, of how many, and the newest reached run."""
    found = []
    for lab in step.labs:
        parts = list(whose(lab, evidence.accepted).values())
        run = evidence.reached.get(lab)
        found.append((lab, parts.count("yours"), len(parts), str(run.payload.get("run", "")) if run else ""))
    return found


def _note(text: str, at: float) -> Note:
    return Note(text, datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M"))


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig", "replace").replace("\r\n", "\n")
    except OSError:
        return ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

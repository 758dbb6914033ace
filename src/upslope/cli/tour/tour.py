"""`upslope tour`: a newcomer's first minute. Seven steps, all of them real; it fails if anything shown is not true.

The tour works in a temporary workspace, with the same verbs that a learner types. Only the run and its pictures stay.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import listed, seconds
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.academy.answers import GradedFile
    from upslope.runs.result import Result

ACTS = 7


class Untrue(Exception):
    """Something that the tour says did not happen."""


def tour(as_json: AsJson = False, debug: Debug = False) -> int:
    """Watch one whole step in a minute: a wrong answer, the right one, a network trained with it."""
    import os
    import shutil
    import tempfile

    began = time.perf_counter()
    screen = Screen()
    home = Path(tempfile.mkdtemp(prefix="upslope-tour-")).resolve()
    before = os.environ.get("UPSLOPE_HOME")
    os.environ["UPSLOPE_HOME"] = str(home)
    facts: dict[str, Any] = {}
    try:
        _walk(screen, home, facts)
        for left in home.iterdir():  # the run and its pictures stay, all else goes
            if left.name != "runs":
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    finally:
        os.environ.pop("UPSLOPE_HOME") if before is None else os.environ.update(UPSLOPE_HOME=before)
    took = time.perf_counter() - began
    screen.give({**facts, "true": True, "seconds": round(took, 1)})
    screen.gap()
    screen.prose(f"All of this happened just now, in {seconds(took)}.", style="dim")
    return Exit.DONE


def _walk(screen: Screen, home: Path, facts: dict[str, Any]) -> None:
    from upslope.cli.tour.text import LAB, RIGHT, RIGHT_CODE, STEP, WHAT, WRONG, WRONG_CODE

    _act(screen, 1, "What this is")
    screen.prose(WHAT)

    _act(screen, 2, "An idea: relu")
    _idea(screen)

    _act(screen, 3, "A first answer, and its verdict")
    _write(home, STEP, "")
    screen.code(WRONG_CODE)
    wrong = _check(screen, home, STEP, WRONG)
    facts["wrong"] = judge_wrong(wrong)

    _act(screen, 4, "A second answer, one line changed")
    screen.code(RIGHT_CODE)
    right = _check(screen, home, STEP, RIGHT)
    facts["right"] = judge_right(right)

    _act(screen, 5, "A network, trained from scratch with that answer inside")
    result = _train(screen, LAB)
    facts["run"] = judge_run(result, str(right.step.exercise))

    _act(screen, 6, "What it learned, drawn")
    pictures = judge_pictures(home / "runs" / result.run)
    facts["pictures"] = [str(path) for path in pictures]
    for path in pictures:
        screen.line(f"{path.stem.replace('_', ' ').replace('-', ' '):<22}", str(path))
    screen.line(f"{'all on one page':<22}", str(home / "runs" / result.run / "index.html"))

    _act(screen, 7, "Where you would stand")
    _stand(screen, STEP, LAB)


def judge_wrong(graded: "GradedFile") -> dict[str, Any]:
    """The wrong answer failed, with a counterexample and the mistake's name."""
    failure = graded.failure
    if graded.passed or failure is None:
        raise Untrue("the wrong answer passed")
    if not failure.counterexample:
        raise Untrue("the wrong answer failed without a counterexample")
    if not graded.verdict.mistake:
        raise Untrue("the wrong answer's mistake was not named")
    return {"failed": failure.title, "counterexample": failure.counterexample, "mistake": graded.verdict.mistake}


def judge_right(graded: "GradedFile") -> dict[str, Any]:
    """The right answer passed all checks."""
    if not graded.passed or not graded.verdict.checks:
        raise Untrue("the right answer did not pass")
    return {"checks": len(graded.verdict.checks), "seconds": graded.verdict.seconds}


def judge_run(result: "Result", exercise: str) -> dict[str, Any]:
    """The network reached its target, with the answer in it."""
    if result.parts.get(exercise) != "yours":
        raise Untrue(f"the run did not use the answer: {exercise} is not among its parts")
    if result.reached is not True:
        raise Untrue(f"the target was missed: {result.line()}")
    return {"run": result.run, "metrics": result.metrics, "seconds": result.seconds, "parts": result.parts}


def judge_pictures(folder: Path) -> list[Path]:
    """The run's pictures, each of which shows something."""
    from matplotlib.image import imread

    pictures = sorted((folder / "pictures").glob("*.png"))
    for path in pictures:
        pixels = imread(path)[..., :3]
        if min(pixels.shape[:2]) < 50 or float(pixels.std()) < 0.01:
            raise Untrue(f"the picture {path.name} is blank")
    if not pictures:
        raise Untrue("the run drew no picture")
    if not (folder / "index.html").is_file():
        raise Untrue("the run left no page")
    return pictures


def _act(screen: Screen, number: int, title: str) -> None:
    if number > 1:
        screen.gap()
    screen.ends([(title, "bold magenta")], f"{number} of {ACTS}")
    screen.gap()


def _idea(screen: Screen) -> None:
    """The lesson in a few lines; the numbers are computed here."""
    import numpy as np

    from upslope.cli.tour.text import IDEA

    numbers = np.array([-2.0, 0.0, 3.0])
    words = {
        name: ", ".join(f"{v:g}" for v in a) for name, a in (("numbers", numbers), ("cut", np.maximum(0, numbers)))
    }
    for line in IDEA:
        screen.prose(line.format(**words))


def _write(home: Path, step: str, text: str) -> None:
    """What a learner does: the file from init, and then an editor."""
    from upslope.academy.learner_files import make_files
    from upslope.academy.lessons import find

    if not text:
        make_files(home)
    else:
        (home / "exercises" / find(step).file).write_text(text, encoding="utf-8")


def _check(screen: Screen, home: Path, step: str, text: str) -> "GradedFile":
    from upslope.academy.answers import grade_file
    from upslope.cli.learning.verdict import show

    _write(home, step, text)
    screen.gap()
    screen.command(f"$ upslope check {step}")
    graded = grade_file(step)
    if not screen.quiet:
        show(screen, graded, suggest=False)
    return graded


def _train(screen: Screen, lab: str) -> "Result":
    """The lab as a learner runs it: another process, in which the library holds the answer."""
    from upslope.cli.tour.run import follow
    from upslope.runs.run_dir import list_runs

    screen.command(f"$ upslope lab {lab} --mine")
    code = follow(screen, lab)
    finished = [summary.result for summary in list_runs() if summary.result is not None]
    if not finished:
        raise Untrue(f"lab {lab} ended with exit status {code} and without a result")
    return finished[0]


def _stand(screen: Screen, step: str, lab: str) -> None:
    from upslope.academy.evidence import read_evidence
    from upslope.academy.step_status import standings
    from upslope.cli.learning.dashboard import lab_parts, show_dashboard
    from upslope.runs.workspace import progress_file

    evidence = read_evidence(progress_file())
    proven = [s.step.name for s in standings(evidence) if s.state == "proven"]
    if step not in proven:
        raise Untrue(f"{step} is not proven after its answer passed")
    if lab not in evidence.reached:
        raise Untrue(f"lab {lab} is not counted as reached")
    if lab in evidence.proven:
        raise Untrue(f"lab {lab} is counted as proven, and parts of it are not the learner's")
    show_dashboard(screen, alone=False)
    screen.gap()
    yours, of = lab_parts(evidence)[lab]
    screen.line(screen.mark(True), f" {listed(proven)} is proven: anybody can grade the same answer again")
    screen.line(screen.mark(True), f" lab {lab} is reached; it is proven when all {of} parts are yours, not {yours}")
    screen.gap()
    screen.prose("Go on, in a workspace of your own:")
    screen.commands(
        [
            ("upslope open", "the whole guide in your browser, live"),
            ("upslope learn scalar-backward", "the first lesson, one page"),
            ("upslope roadmap", "every item, in the terminal"),
        ]
    )

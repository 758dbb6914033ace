"""The README's picture: a wrong answer, really graded, recorded as the terminal shows it."""

import os
import re
import tempfile
from io import StringIO
from pathlib import Path

# The mistake that most people make first.
WRONG = """\
import numpy as np

from upslope.scratch.tensor import Tensor


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    e = np.exp(x.data)
    p = e / e.sum(axis=dim, keepdims=True)
    return x.then(p, lambda g: p * (g - (g * p).sum(axis=dim, keepdims=True)))
"""
STEP = "softmax"


def draw(path: Path) -> None:
    """Grade the wrong answer in a workspace of its own and write the screen as an SVG that fetches no fonts."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI

    from upslope.academy.answers import grade_file
    from upslope.academy.learner_files import make_files
    from upslope.academy.lessons import find
    from upslope.cli.learning.verdict import show
    from upslope.cli.terminal.console import Screen

    screen = Screen()
    recorded = Console(
        file=StringIO(), record=True, width=80, force_terminal=True, highlight=False, color_system="truecolor"
    )
    screen.__dict__["console"] = recorded
    before = os.environ.get("UPSLOPE_HOME")
    with tempfile.TemporaryDirectory(prefix="upslope-picture-") as home:
        os.environ["UPSLOPE_HOME"] = home
        try:
            make_files(Path(home))
            (Path(home) / "exercises" / find(STEP).file).write_text(WRONG, encoding="utf-8")
            screen.command(f"$ upslope check {STEP}")
            screen.gap()
            show(screen, grade_file(STEP))
        finally:
            os.environ.pop("UPSLOPE_HOME") if before is None else os.environ.update(UPSLOPE_HOME=before)
    picture = recorded.export_svg(title="", theme=MONOKAI, unique_id="upslope")
    picture = re.sub(r"\s*@font-face \{[^}]*\}", "", picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(picture, encoding="utf-8")

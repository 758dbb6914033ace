"""`upslope check`: the verdict on the learner's file. grading.py makes it, verdict.py shows it."""

from typing import Annotated

import typer

from upslope.cli.learning.migrated import bring_over
from upslope.cli.terminal.completion import step_names
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug


def check(
    name: Annotated[
        str, typer.Argument(metavar="STEP", help="A name, a number, or your file.", autocompletion=step_names)
    ] = "",
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="The random inputs of an earlier verdict.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Grade your answer to a step."""
    from upslope.academy.answers import grade_file
    from upslope.cli.learning.verdict import facts, show

    if seed is not None and not 0 <= seed < 2**32:
        raise UsageError(f"a seed is a whole number from 0 to {2**32 - 1}, not {seed}")
    bring_over()
    screen = Screen()
    graded = grade_file(name, seed=seed)
    screen.give(facts(graded))
    if not screen.quiet:
        show(screen, graded)
    return Exit.DONE if graded.passed else Exit.NOT

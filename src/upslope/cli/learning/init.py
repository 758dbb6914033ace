"""`upslope init`: the learner's files, one stub per exercise. What a learner has changed is never overwritten."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.errors import Missing
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import plural
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.academy.migration import Migration


def init(
    path: Annotated[
        Path | None, typer.Option("--path", help="Where, in place of UPSLOPE_HOME or ~/upslope.", file_okay=True)
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Make your workspace: one file per exercise.

    A file that you have changed is kept as it is. A stub that an older version of Upslope wrote, and that you have not
    touched, is written anew. Files of a workspace in which lessons had other names or numbers are moved.
    """
    from upslope.academy.learner_files import make_files
    from upslope.runs import workspace

    screen = Screen()
    home = path.expanduser().absolute() if path else workspace.home()
    migration = move_files(home)
    files = make_files(home)
    screen.give(
        {
            "home": str(home),
            "files": {str(file): what for file, what in files.items()},
            "moved": {str(old): str(new) for old, new in migration.moved},
        }
    )
    if screen.quiet:
        return Exit.DONE
    _say(screen, home, files, migration, elsewhere=home != workspace.home())
    return Exit.DONE


def move_files(home: Path) -> "Migration":
    """Move the files of an older workspace; nothing new is written while that is refused."""
    from upslope.academy.migration import migrate
    from upslope.cli.learning.migrated import sentences
    from upslope.runs import workspace

    migration = migrate(home / workspace.exercises_folder().name, home / workspace.progress_file().name)
    if migration.refused:
        raise Missing(" ".join(sentences(migration)))
    return migration


def _say(screen: Screen, home: Path, files: dict[Path, str], migration: "Migration", *, elsewhere: bool) -> None:
    from upslope.academy.learner_files import KEPT, MADE, RENEWED, THERE
    from upslope.cli.learning.migrated import sentences
    from upslope.runs.workspace import short

    counts = {what: list(files.values()).count(what) for what in (MADE, RENEWED, KEPT, THERE)}
    screen.line(f"Your workspace is {short(home)}")
    words = {
        MADE: "made",
        RENEWED: "renewed (untouched stubs of an older version)",
        KEPT: "kept as you left them" if counts[KEPT] != 1 else "kept as you left it",
        THERE: "already there, not yet written",
    }
    for what, said in words.items():
        if counts[what]:
            screen.line(f"  {plural(counts[what], 'file')} {said}")
    for sentence in sentences(migration):
        screen.prose(sentence)
    screen.gap()
    if elsewhere:
        screen.prose("Other verbs look there when UPSLOPE_HOME says so:")
        screen.command(f"export UPSLOPE_HOME={home}")
    screen.command("upslope learn", "the roadmap: start with its first step")

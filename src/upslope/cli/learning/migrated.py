"""What is said when files of an older workspace were moved, or could not be; the verbs that need the files call it."""

import sys
from typing import TYPE_CHECKING

from upslope.cli.terminal.format import listed, plural

if TYPE_CHECKING:
    from upslope.academy.migration import Migration

_NAMED = 3  # so many files are named, the rest counted


def bring_over() -> None:
    """Move the files of an older workspace, and say on stderr what was moved: stdout belongs to the verb."""
    from upslope.academy.migration import migrate
    from upslope.runs.workspace import exercises_folder, progress_file

    if not exercises_folder().is_dir():
        return
    for sentence in sentences(migrate(exercises_folder(), progress_file()), again=False):
        print(f"  {sentence}", file=sys.stderr)


def sentences(migration: "Migration", *, again: bool = True) -> list[str]:
    """One sentence for what was moved, and for whatever the learner should know about the rest.

    `again`: also what was said before and still holds.
    """
    said = []
    if migration.moved:
        old, new = migration.moved[0]
        count = len(migration.moved)
        which = f"{old} is now {new}" if count == 1 else f"{plural(count, 'file')}, {old} to {new} among them"
        said.append(f"Moved to where the lessons stand now: {which}.")
    said += [
        f"Both {double.counts} and {double.old} hold work of yours: {double.counts} counts, the other is left as it is."
        for double in migration.doubles
        if again or not double.told
    ]
    if migration.left:
        names = [str(path) for path in migration.left[:_NAMED]]
        more = len(migration.left) - len(names)
        names += [f"{more} more"] if more else []
        said.append(f"Other files of yours stay where they are: {listed(names)}.")
    if migration.refused:
        said.append(f"Your answers stay where an older version put them: {migration.refused}.")
    return said

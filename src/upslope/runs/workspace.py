"""Where a learner's things lie: `UPSLOPE_HOME` moves the workspace, `UPSLOPE_DATA` the data sets.

Asking for a path creates nothing; whoever writes there makes the folder.
"""

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """The workspace: exercises, runs and progress. `UPSLOPE_HOME`, else ~/upslope."""
    return _from_environment("UPSLOPE_HOME") or Path.home() / "upslope"


def runs_folder() -> Path:
    """One folder per run: lenet-0001, lenet-0002, ..."""
    return home() / "runs"


def exercises_folder() -> Path:
    """The learner's own files, one per exercise."""
    return home() / "exercises"


def progress_file() -> Path:
    """The learner's evidence: an SQLite file of events."""
    return home() / "progress.sqlite"


def data_folder() -> Path:
    """The data sets, one folder each. `UPSLOPE_DATA`, else the platform's cache."""
    return _from_environment("UPSLOPE_DATA") or Path(platformdirs.user_cache_dir("upslope", appauthor=False)) / "data"


def short(path: Path) -> str:
    """A path as a person would write it: with ~ for the home folder."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except ValueError:
        return str(path)


def _from_environment(variable: str) -> Path | None:
    value = os.environ.get(variable, "").strip()
    return Path(value).expanduser().absolute() if value else None

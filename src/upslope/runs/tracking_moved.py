"""A workspace that was moved or copied takes its MLflow store along: paths in it are made those of where it lies now.

MLflow writes the whole path of an experiment's folder into its database when the experiment is made, and knows no way
to change it; files of later runs would land at the old place.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

# Every column of MLflow's that holds such a path; older and newer versions have some of them.
_PATHS = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "model_versions": ("source", "storage_location"),
    "logged_models": ("artifact_location",),
}


def settle(database: Path, artifacts: Path) -> None:
    """Let the store in `database` name `artifacts` where it names the folder in which its files lay before."""
    if not database.is_file():
        return
    with closing(sqlite3.connect(database)) as db, db:
        here = artifacts.as_uri()
        for before in _places(db) - {here}:
            for table, columns in _PATHS.items():
                there = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
                for column in there.intersection(columns):
                    db.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                        (here, len(before) + 1, len(before) + 1, f"{before}/"),
                    )


def _places(db: sqlite3.Connection) -> set[str]:
    """The folders in which experiments keep their files by their own names, as ours do."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchone():
        return set()
    rows = db.execute("SELECT name, artifact_location FROM experiments").fetchall()
    ours = [(name, place) for name, place in rows if place and place.startswith("file:") and place.endswith(f"/{name}")]
    return {place.removesuffix(f"/{name}") for name, place in ours}

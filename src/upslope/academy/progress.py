"""The learner's progress: events in one SQLite file, only ever added to.

Everything else (what is proven, what comes next, which code is accepted) is computed from the events. Each event is
committed to disk before the verb that caused it prints anything, so a kill at any moment loses nothing that was
reported. Where it cannot be recorded, the verb shows what it has all the same, and says so.

Reading needs permission to read and nothing else: a folder that cannot be written, or a file that another program
holds, is read from a copy.
"""

import hashlib
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from upslope.academy.overlay import Submission
from upslope.runs.workspace import short

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER IF NOT EXISTS events_last BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
CREATE INDEX IF NOT EXISTS events_but_checks ON events (kind, subject) WHERE kind <> 'check';
CREATE INDEX IF NOT EXISTS events_accepted ON events (subject, id)
    WHERE kind = 'check' AND json_extract(payload, '$.passed');
"""

# Of thousands of graded answers those that count: the newest accepted one of each exercise, with its text, and when
# the first was accepted. The index holds which these are, so no other text is read. (The conditions of the two indices
# are written out in the queries: SQLite takes a partial index only where it sees them.)
_ACCEPTED = """
WITH accepted AS (
    SELECT subject, min(id) AS first, max(id) AS newest FROM events
    WHERE kind = 'check' AND json_extract(payload, '$.passed') GROUP BY subject
)
SELECT id, at, kind, accepted.subject, payload FROM accepted JOIN events ON id = newest
UNION ALL
SELECT id, at, kind, accepted.subject, '{"passed": true}' FROM accepted JOIN events ON id = first WHERE first < newest
"""
# And what else bears on where a learner stands; a run that missed its target does not.
_TELLING = f"""
{_ACCEPTED}
UNION ALL
SELECT id, at, kind, subject, payload FROM events
WHERE kind <> 'check' AND kind IN ('hint', 'solution', 'report', 'review', 'tier', 'served')
UNION ALL
SELECT id, at, kind, subject, payload FROM events
WHERE kind <> 'check' AND kind = 'run' AND json_extract(payload, '$.reached')
ORDER BY id
"""

WAIT = 10.0  # seconds for another program to be done with the file, where an event is added
GLANCE = 1.0  # the same, where there is another way


class BadProgress(RuntimeError):
    """A progress file that cannot be read or written; the message says which and what to do."""


@dataclass(frozen=True)
class Event:
    """One thing that happened."""

    id: int
    at: float  # seconds since 1970
    kind: str  # check, hint, solution, run, report, served, review, tier, stub, moved, double
    subject: str  # exercise id, lab name, id of an item of the guide, name of a tier
    payload: dict[str, Any]


class Progress:
    """The store. Its first event makes the file; several processes may use it at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ready = False  # whether the file is known to have its table

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if not self._ready:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=WAIT)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            if not self._ready:
                db.executescript(_SCHEMA)
                self._ready = True
            yield db

    def _read(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if not self.path.exists():
            return []
        try:
            return _asked(self.path, query, values)
        except sqlite3.OperationalError:  # locked, or in a folder where the log that goes with it cannot be opened
            with tempfile.TemporaryDirectory(prefix="upslope-progress-") as folder:
                for path in (self.path, self.path.with_name(f"{self.path.name}-wal")):
                    if path.exists():
                        shutil.copyfile(path, Path(folder, path.name))
                return _asked(Path(folder, self.path.name), query, values, mode="rw")

    def add(self, kind: str, subject: str, **payload: Any) -> None:
        """Append an event; it is on disk when this returns."""
        row = (time.time(), kind, subject, json.dumps(payload, sort_keys=True))
        try:
            with self._writing() as db, db:
                db.execute("INSERT INTO events (at, kind, subject, payload) VALUES (?, ?, ?, ?)", row)
        except (OSError, sqlite3.Error) as error:
            raise BadProgress(f"the progress file {short(self.path)} {_why(error)}") from None

    def events(self, kind: str | None = None, subject: str | None = None) -> list[Event]:
        """Events in the order they happened."""
        wanted = {"kind": kind, "subject": subject}
        given = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(f"{name} = ?" for name in given) or "TRUE"
        where += " AND kind <> 'check'" if kind not in (None, "check") else ""
        query = f"SELECT id, at, kind, subject, payload FROM events WHERE {where} ORDER BY id"
        return self._events(query, tuple(given.values()))

    def telling(self) -> list[Event]:
        """The events that say where the learner stands, in order: as much as all of them say, and far fewer to read.

        Of each exercise the newest accepted answer is among them, and that there was an earlier one, without its text.
        """
        return self._events(_TELLING)

    def newest(self) -> int:
        """The number of the newest event, 0 before the first: what has changed since can be asked for cheaply."""
        ((number,),) = self._rows("SELECT coalesce(max(id), 0) FROM events") or [(0,)]
        return int(number)

    def graded_paths(self) -> list[tuple[str, str]]:
        """Exercise and file of every graded answer, in order, without the texts."""
        query = "SELECT subject, json_extract(payload, '$.path') FROM events WHERE kind = 'check' ORDER BY id"
        return [(str(exercise), str(path)) for exercise, path in self._rows(query)]

    def _events(self, query: str, values: tuple[Any, ...] = ()) -> list[Event]:
        return [Event(i, at, k, s, json.loads(payload)) for i, at, k, s, payload in self._rows(query, values)]

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._read(query, values)
        except (OSError, sqlite3.Error) as error:
            raise BadProgress(f"the progress file {short(self.path)} cannot be read: {error}") from None

    def add_check(self, exercise: str, text: str, path: str, *, passed: bool, **facts: Any) -> None:
        """A graded answer: the very bytes are kept, because accepted code runs in later labs."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.add("check", exercise, passed=passed, text=text, path=path, sha256=digest, **facts)

    def accepted(self) -> dict[str, Submission]:
        """The newest accepted answer of each exercise, in the order in which they were first accepted."""
        return newest_accepted(self._events(f"{_ACCEPTED} ORDER BY id"))

    def hints(self, exercise: str) -> int:
        """The highest hint stage that was shown."""
        return max((e.payload["stage"] for e in self.events("hint", exercise)), default=0)


def newest_accepted(events: Iterable[Event]) -> dict[str, Submission]:
    """The newest accepted answer of each exercise, in the order in which they were first accepted."""
    answers: dict[str, Submission] = {}
    for event in events:
        if event.kind == "check" and event.payload["passed"]:
            text, path = (str(event.payload.get(name, "")) for name in ("text", "path"))
            answers[event.subject] = Submission(event.subject, text, path)
    return answers


def _asked(path: Path, query: str, values: tuple[Any, ...], *, mode: str = "ro") -> list[tuple[Any, ...]]:
    """The rows that a query gives, from a file that is only read; one without the table has none."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=GLANCE)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
            return []
        return db.execute(query, values).fetchall()


def _why(error: Exception) -> str:
    """What keeps the file from being written, in words that say what to do."""
    said = str(error)
    if "locked" in said or "busy" in said:
        return "is locked by another program: close that, and it can be written again"
    if "readonly" in said or isinstance(error, PermissionError) or "unable to open" in said:
        return "cannot be written; UPSLOPE_HOME can name a folder of yours"
    return f"cannot be used: {error}"

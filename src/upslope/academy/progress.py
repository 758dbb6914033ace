"""The learner's progress: events in one SQLite file, only ever added to.

Everything else (what is proven, what comes next, which code is accepted) is computed from the events. Each event is
committed to disk before the verb that caused it prints anything, so a kill at any moment loses nothing that was
reported.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from upslope.academy.overlay import Submission

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
"""


class BadProgress(RuntimeError):
    """A progress file that cannot be read or written; the message says which and what to do."""


@dataclass(frozen=True)
class Event:
    """One thing that happened."""

    id: int
    at: float  # seconds since 1970
    kind: str  # check, hint, solution, run, stub, moved, double
    subject: str  # exercise id, lab name
    payload: dict[str, Any]


class Progress:
    """The store. Opening it makes the file; several processes may use it at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._open() as db:
                db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise BadProgress(f"the progress file {path} cannot be used: {error}") from None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=60)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            yield db

    def add(self, kind: str, subject: str, **payload: Any) -> None:
        """Append an event; it is on disk when this returns."""
        row = (time.time(), kind, subject, json.dumps(payload, sort_keys=True))
        try:
            with self._open() as db, db:
                db.execute("INSERT INTO events (at, kind, subject, payload) VALUES (?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise BadProgress(f"the progress file {self.path} took no event: {error}") from None

    def events(self, kind: str | None = None, subject: str | None = None) -> list[Event]:
        """Events in the order they happened."""
        query = "SELECT id, at, kind, subject, payload FROM events"
        query += " WHERE (? IS NULL OR kind = ?) AND (? IS NULL OR subject = ?) ORDER BY id"
        try:
            with self._open() as db:
                rows = db.execute(query, (kind, kind, subject, subject)).fetchall()
        except sqlite3.Error as error:
            raise BadProgress(f"the progress file {self.path} cannot be read: {error}") from None
        return [Event(i, at, k, s, json.loads(payload)) for i, at, k, s, payload in rows]

    def add_check(self, exercise: str, text: str, path: str, *, passed: bool, **facts: Any) -> None:
        """A graded answer: the very bytes are kept, because accepted code runs in later labs."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.add("check", exercise, passed=passed, text=text, path=path, sha256=digest, **facts)

    def accepted(self) -> dict[str, Submission]:
        """The newest accepted answer of each exercise, in the order in which they were first accepted."""
        answers: dict[str, Submission] = {}
        for event in self.events("check"):
            if event.payload["passed"]:
                answers[event.subject] = Submission(event.subject, event.payload["text"], event.payload["path"])
        return answers

    def hints(self, exercise: str) -> int:
        """The highest hint stage that was shown."""
        return max((e.payload["stage"] for e in self.events("hint", exercise)), default=0)

    def solution_taken(self, exercise: str) -> bool:
        """Whether the solution was shown before the exercise was first accepted."""
        for event in self.events(subject=exercise):
            if event.kind == "solution" or (event.kind == "hint" and event.payload["stage"] >= 3):
                return True
            if event.kind == "check" and event.payload["passed"]:
                return False
        return False

    def reached_runs(self) -> list[Event]:
        """The runs that reached their lab's target, in the order they happened."""
        return [event for event in self.events("run") if event.payload.get("reached")]

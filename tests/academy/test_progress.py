"""The progress store: only added to, and nothing that was said is lost when the process is killed."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest

from upslope.academy import progress as store
from upslope.academy.evidence import read_evidence
from upslope.academy.progress import BadProgress, Progress

SOFTMAX = "upslope.scratch.ops:softmax"


@pytest.fixture
def progress(tmp_path):
    return Progress(tmp_path / "home" / "progress.db")


def test_the_newest_accepted_text_counts_and_failures_do_not(progress):
    progress.add_check(SOFTMAX, "first", "a.py", passed=True, checks=7)
    progress.add_check(SOFTMAX, "second", "a.py", passed=True)
    progress.add_check(SOFTMAX, "broken", "a.py", passed=False)
    assert progress.accepted()[SOFTMAX].text == "second"


def test_a_solution_counts_only_when_it_was_taken_before_the_pass(progress):
    progress.add_check(SOFTMAX, "own", "a.py", passed=True)
    progress.add("solution", SOFTMAX)
    progress.add_check(SOFTMAX, "again", "a.py", passed=True)
    progress.add("solution", "upslope.scratch.ops:relu")
    assert read_evidence(progress.path).taken == {"upslope.scratch.ops:relu"}


def test_the_third_hint_is_the_solution(progress):
    progress.add("hint", SOFTMAX, stage=2)
    assert (progress.hints(SOFTMAX), read_evidence(progress.path).taken) == (2, frozenset())
    progress.add("hint", SOFTMAX, stage=3)
    assert (progress.hints(SOFTMAX), read_evidence(progress.path).taken) == (3, {SOFTMAX})


@pytest.mark.parametrize("statement", ["DELETE FROM events", "UPDATE events SET kind = 'run'"])
def test_events_are_never_changed_or_deleted(progress, statement):
    progress.add("run", "digits", reached=True)
    with sqlite3.connect(progress.path) as db, pytest.raises(sqlite3.IntegrityError, match="never"):
        db.execute(statement)
    db.close()
    assert len(progress.events()) == 1


def test_kill_9_loses_nothing_that_was_said(progress):
    code = (
        "import sys; from pathlib import Path; from upslope.academy.progress import Progress\n"
        "p = Progress(Path(sys.argv[1]))\n"
        "for n in range(10_000):\n    p.add('run', 'digits', n=n); print(n, flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(progress.path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = [int(child.stdout.readline()) for _ in range(20)]
    child.send_signal(signal.SIGKILL)
    said += [int(line) for line in child.stdout.read().split()]
    child.stdout.close()
    child.wait()
    kept = [event.payload["n"] for event in progress.events()]
    assert kept[: len(said)] == said
    assert len(kept) <= len(said) + 1


def test_two_processes_may_write_at_once(progress):
    code = (
        "import sys; from pathlib import Path; from upslope.academy.progress import Progress\n"
        "p = Progress(Path(sys.argv[1]))\nfor n in range(25): p.add('hint', 'x', stage=1)"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(progress.path)]) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]
    assert len(progress.events()) == 50


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "progress.db"
    path.write_bytes(b"these are not the bytes of a database" * 50)
    with pytest.raises(BadProgress, match=r"progress\.db cannot be read"):
        Progress(path).events()
    with pytest.raises(BadProgress, match=r"progress\.db cannot be used"):
        Progress(path).add("run", "digits")


def test_asking_makes_no_file(progress):
    assert progress.events() == []
    assert not progress.path.parent.exists()


@contextmanager
def held(path):
    """Another program that lets nobody else at the file."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.rollback()


def test_a_file_that_another_program_holds_is_read_and_not_written(progress, monkeypatch):
    monkeypatch.setattr(store, "WAIT", 0.0)
    monkeypatch.setattr(store, "GLANCE", 0.0)
    progress.add_check(SOFTMAX, "own", "a.py", passed=True)
    with held(progress.path):
        assert list(Progress(progress.path).accepted()) == [SOFTMAX]
        for store_of in (progress, Progress(progress.path)):
            with pytest.raises(BadProgress, match="is locked by another program: close that"):
                store_of.add("hint", SOFTMAX, stage=1)
    progress.add("hint", SOFTMAX, stage=1)
    assert len(progress.events()) == 2


def test_a_folder_that_cannot_be_written_can_be_read(progress, monkeypatch):
    """What SQLite says there, whatever the rights of who runs this test."""
    progress.add("hint", SOFTMAX, stage=2)
    monkeypatch.setattr(store, "_asked", only_copies(store._asked, progress.path))
    monkeypatch.setattr(sqlite3, "connect", only_copies(sqlite3.connect, progress.path))
    assert progress.hints(SOFTMAX) == 2
    with pytest.raises(BadProgress, match="cannot be written; UPSLOPE_HOME can name a folder of yours"):
        progress.add("hint", SOFTMAX, stage=3)


def test_the_log_of_a_killed_process_is_read_with_a_copy(progress, tmp_path, monkeypatch):
    """Events lie in the log beside the file until SQLite moves them over."""
    progress.add("hint", SOFTMAX, stage=1)
    with closing(sqlite3.connect(progress.path)) as other:
        other.execute("SELECT count(*) FROM events").fetchone()
        progress.add("hint", SOFTMAX, stage=2)
        assert progress.path.with_name("progress.db-wal").stat().st_size > 0
        monkeypatch.setattr(store, "_asked", only_copies(store._asked, progress.path))
        assert progress.hints(SOFTMAX) == 2


def only_copies(asked, original):
    """As if the file itself could not be opened."""

    def ask(path, *rest, **how):
        if path == original:
            raise sqlite3.OperationalError("unable to open database file")
        return asked(path, *rest, **how)

    return ask

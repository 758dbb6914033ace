"""What the store says is read from few events, and is what all events say."""

import json
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upslope.academy import progress as store
from upslope.academy.evidence import Evidence, evidence_of, read_evidence
from upslope.academy.lab_parts import parts_of
from upslope.academy.progress import Event, Progress

EXERCISES = ("upslope.scratch.ops:relu", "upslope.scratch.ops:softmax", "upslope.scratch.nn:Linear")
YOURS = {"parts": dict.fromkeys(parts_of("digits"), "yours"), "config": {"data": "mnist"}}
OURS = {"parts": dict.fromkeys(parts_of("digits"), "ours")}

_subjects = st.sampled_from(EXERCISES)
events = st.lists(
    st.one_of(
        st.builds(
            lambda e, passed, text: ("check", e, {"passed": passed, "text": text, "path": "a.py"}),
            *(_subjects, st.booleans(), st.text(max_size=3)),
        ),
        st.builds(lambda e, stage: ("hint", e, {"stage": stage}), _subjects, st.integers(1, 3)),
        st.builds(lambda e: ("solution", e, {}), _subjects),
        st.builds(
            lambda reached, parts: ("run", "digits", {"reached": reached, **parts}),
            *(st.booleans(), st.sampled_from([YOURS, OURS, {}])),
        ),
        st.builds(lambda e, passed: ("review", e, {"passed": passed}), _subjects, st.booleans()),
        st.builds(lambda item: ("report", item, {"part": [1, 3]}), st.sampled_from(["1.raw.video", "P.style.users"])),
        st.sampled_from([("tier", "bronze", {"items": 328}), ("stub", EXERCISES[0], {"path": "a.py"})]),
    ),
    max_size=25,
)


def put(path, rows):
    """A store with these events; made by hand, because one transaction for all is quicker."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(store._SCHEMA)
        values = [(1.0 + n, kind, subject, json.dumps(payload)) for n, (kind, subject, payload) in enumerate(rows)]
        db.executemany("INSERT INTO events (at, kind, subject, payload) VALUES (?, ?, ?, ?)", values)
    return Progress(path)


@given(events)
def test_few_events_tell_what_all_tell(tmp_path_factory, rows):
    progress = put(tmp_path_factory.getbasetemp() / "progress.sqlite", rows)
    found, all_of_them = read_evidence(progress.path), evidence_of(progress.events())
    assert found == all_of_them
    assert list(found.accepted) == list(all_of_them.accepted), "in the order in which they were first accepted"
    assert progress.accepted() == found.accepted
    assert progress.newest() == len(rows)


def many(count):
    """So many graded answers of the same few exercises, every third of them accepted."""
    return [
        ("check", EXERCISES[n % 3], {"passed": n % 9 < 3, "text": "x" * 2000, "path": "a.py"}) for n in range(count)
    ]


def test_of_thousands_of_answers_the_newest_accepted_ones_are_read(tmp_path, monkeypatch):
    """Work is counted, not timed: the texts that are parsed, and the pages of the file that SQLite reads."""
    parsed: list[int] = []

    def counted(text, loads=json.loads):
        parsed.append(len(text))
        return loads(text)

    monkeypatch.setattr(store.json, "loads", counted)
    for count in (50, 5000):
        parsed.clear()
        assert len(read_evidence(put(tmp_path / f"{count}.sqlite", many(count)).path).accepted) == 3
        assert len(parsed) == 6
        assert sum(size > 1000 for size in parsed) == 3


@pytest.mark.parametrize("query", [store._TELLING, f"{store._ACCEPTED} ORDER BY id"])
def test_no_query_walks_through_all_events(tmp_path, query):
    progress = put(tmp_path / "progress.sqlite", many(5))
    with closing(sqlite3.connect(progress.path)) as db:
        plan = [row[-1] for row in db.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert any("events_accepted" in step for step in plan)
    assert not any(step.startswith("SCAN events") and "INDEX" not in step for step in plan)


def test_an_older_store_is_read_as_it_is_and_gets_its_indices_with_the_next_event(tmp_path):
    progress = put(tmp_path / "progress.sqlite", many(9))
    with closing(sqlite3.connect(progress.path)) as db, db:
        db.execute("DROP INDEX events_accepted")
        db.execute("DROP INDEX events_but_checks")
    assert len(read_evidence(progress.path).accepted) == 3
    progress.add("hint", EXERCISES[0], stage=1)
    assert len(read_evidence(progress.path).accepted) == 3
    with closing(sqlite3.connect(progress.path)) as db:
        assert len(db.execute("SELECT 1 FROM sqlite_master WHERE type = 'index'").fetchall()) == 2


def test_a_tier_is_held_since_it_was_first_held():
    found = evidence_of([Event(1, 5.0, "tier", "bronze", {"items": 9}), Event(2, 8.0, "tier", "bronze", {"items": 10})])
    assert found.tiers["bronze"].at == 5.0


def test_nothing_is_evidence_of_nothing(tmp_path):
    assert evidence_of([]) == Evidence() == read_evidence(tmp_path / "progress.sqlite")
    assert Progress(tmp_path / "progress.sqlite").newest() == 0

"""The states of steps follow from evidence and from nothing else."""

from pathlib import Path

import pytest

from upslope.academy.evidence import Evidence, read_evidence
from upslope.academy.lab_parts import parts_of
from upslope.academy.lessons import Step
from upslope.academy.overlay import Submission
from upslope.academy.progress import Event, Progress
from upslope.academy.step_status import next_step, opened, standings, unlocks


def step(level, order, name, *, exercise=True, lab=None, needs=()):
    return Step(
        level=level,
        topic="t",
        order=order,
        name=name,
        title=name,
        minutes=1,
        difficulty="easy",
        body="",
        path=Path(f"{name}.md"),
        exercise=f"upslope.x:{name}" if exercise else None,
        lab=lab,
        needs=needs,
    )


ROADMAP = (
    step(0, 1, "warm-up"),
    step(1, 1, "a"),
    step(1, 2, "b", needs=("a",)),
    step(1, 3, "train", exercise=False, lab="digits", needs=("b",)),
    step(1, 4, "read", exercise=False),
    step(2, 1, "c", needs=("a", "b")),
)


def evidence(*names, labs=(), reached=(), taken=()):
    """`labs` are proven; `reached` are labs that met their target with parts of ours."""
    accepted = {f"upslope.x:{name}": Submission(f"upslope.x:{name}", "", "") for name in names}
    runs = {lab: Event(1, 0.0, "run", lab, {}) for lab in (*labs, *reached)}
    proven = {lab: runs[lab] for lab in labs}
    return Evidence(accepted, runs, proven, frozenset(f"upslope.x:{name}" for name in taken))


def test_states_and_what_they_wait_for():
    table = standings(evidence("a", taken=("a",)), ROADMAP)
    assert [s.state for s in table] == ["open", "proven", "open", "waiting", "reading", "waiting"]
    assert table[3].waits_for == ("b",)
    assert table[5].waits_for == ("b",)
    assert [s.taken for s in table] == [False, True, False, False, False, False]
    coming = next_step(table)
    assert coming is not None
    assert coming.name == "warm-up"
    assert unlocks(ROADMAP[2], table) == ["train", "c"]


def test_a_lab_step_is_proven_by_a_run_of_the_learners_parts_and_else_reached():
    assert standings(evidence("b"), ROADMAP)[3].state == "open"
    assert standings(evidence("b", labs=("digits",)), ROADMAP)[3].state == "proven"
    assert standings(evidence("b", reached=("digits",)), ROADMAP)[3].state == "reached"
    assert standings(evidence(reached=("digits",)), ROADMAP)[3].state == "reached"


def test_a_reached_lab_is_next_once_its_parts_are_there():
    """While parts are missing they come first; a later step that needs the lab does not wait for its proof."""
    after = (*ROADMAP[1:4], step(1, 5, "later", needs=("train",)))
    table = standings(evidence("a", reached=("digits",)), after)
    assert [s.state for s in table] == ["proven", "open", "reached", "open"]
    assert next_step(table) is after[1]
    assert next_step(standings(evidence("a", "b", reached=("digits",)), after)) is after[2]


@pytest.mark.parametrize(
    ("lab", "payload", "proven"),
    [
        ("digits", {"parts": dict.fromkeys(parts_of("digits"), "yours")}, True),
        ("digits", {"parts": dict.fromkeys(parts_of("digits"), "ours")}, False),
        ("digits", {"parts": {**dict.fromkeys(parts_of("digits"), "yours"), parts_of("digits")[0]: "ours"}}, False),
        ("digits", {}, False),  # nothing says whose parts they were
        ("digits", {"parts": {}}, True),  # a lab that had no parts
        ("no-such-lab", {}, True),
        # The parts of a run's settings: what is noted is what ran, and a network of another kind adds none.
        ("fashion", {"parts": dict.fromkeys(parts_of("fashion", {"model": "lenet"}), "yours")}, True),
    ],
)
def test_whose_parts_a_run_was_made_of(tmp_path, lab, payload, proven):
    store = Progress(tmp_path / "progress.sqlite")
    store.add("run", lab, run=f"{lab}-0001", reached=True, **payload)
    found = read_evidence(store.path)
    assert list(found.reached) == [lab]
    assert (lab in found.proven) is proven
    store.add("run", lab, run=f"{lab}-0002", reached=True, parts={"upslope.x:a": "ours"})
    assert (lab in read_evidence(store.path).proven) is proven, "a later run takes nothing back"


def test_what_a_pass_opens():
    before, after = standings(evidence("a"), ROADMAP), standings(evidence("a", "b"), ROADMAP)
    assert [s.name for s in opened(before, after)] == ["train", "c"]
    assert opened(after, after) == []


def test_no_progress_file_is_no_evidence_and_none_is_made(tmp_path):
    assert read_evidence(tmp_path / "progress.sqlite") == Evidence()
    assert list(tmp_path.iterdir()) == []

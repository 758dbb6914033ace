"""What `--write` keeps of the checks: rows of the steps that were tried, beside those that have not changed."""

import json
import shutil

import pytest

from upslope.academy import checks_record
from upslope.academy.author import ExerciseReport, Report
from upslope.academy.checks_record import OtherSeeds, changed, keep
from upslope.academy.lessons import exercises
from upslope.academy.mutation import Mutated, MutationReport
from upslope.academy.reference import PACKAGE

STEPS = exercises()


def report(steps, *, seeds=2, wrongs=6):
    return Report(tuple(ExerciseReport(str(s.exercise), s.name, 5, wrongs, wrongs) for s in steps), seeds=seeds)


def rows(path):
    return {row["name"]: row["made"] for row in json.loads(path.read_text())["rows"]}


def test_some_steps_take_the_place_of_their_rows(tmp_path):
    path = keep(report(STEPS), tmp_path)
    assert list(rows(path)) == [step.name for step in STEPS]
    assert changed(Report, tmp_path) == []
    assert changed(MutationReport, tmp_path) == [step.name for step in STEPS]
    keep(report(STEPS[3:5], wrongs=9), tmp_path)
    assert rows(path) == {step.name: 9 if step in STEPS[3:5] else 6 for step in STEPS}


def test_what_has_changed_is_found_and_what_is_gone_leaves(tmp_path, monkeypatch):
    path = keep(report(STEPS), tmp_path)
    found = checks_record.fingerprint
    monkeypatch.setattr(checks_record, "fingerprint", lambda e: "new" if e == STEPS[2].exercise else found(e))
    assert changed(Report, tmp_path) == [STEPS[2].name]
    monkeypatch.setattr(checks_record, "exercises", lambda: STEPS[1:])
    keep(report(STEPS[2:3]), tmp_path)
    assert list(rows(path)) == [step.name for step in STEPS[1:]]
    assert changed(Report, tmp_path) == []


def test_a_fingerprint_is_of_the_reference_of_its_checks_and_of_what_they_share(monkeypatch, tmp_path):
    first = checks_record.fingerprint("upslope.scratch.ops:relu")
    assert first == checks_record.fingerprint("upslope.scratch.ops:relu")
    assert first != checks_record.fingerprint("upslope.scratch.ops:sigmoid"), "in the same file"
    shutil.copytree(PACKAGE / "checks", tmp_path / "checks", ignore=shutil.ignore_patterns("__pycache__"))
    checks = tmp_path / "checks/scratch/ops/test_activations.py"
    monkeypatch.setattr(checks_record, "PACKAGE", tmp_path)
    monkeypatch.setattr(checks_record, "checks_path", lambda located: checks)
    assert first == checks_record.fingerprint("upslope.scratch.ops:relu")
    for path in (checks, tmp_path / "checks/expect.py", tmp_path / "checks/scratch/conftest.py"):
        text = path.read_text() if path.is_file() else ""
        path.write_text(text + "# another\n")
        assert first != checks_record.fingerprint("upslope.scratch.ops:relu"), path
        path.write_text(text)
    beside, now = tmp_path / "checks/scratch/ops/test_pooling.py", checks_record.fingerprint("upslope.scratch.ops:relu")
    beside.write_text("# another\n")
    assert now == checks_record.fingerprint("upslope.scratch.ops:relu"), "other checks are not its own"


def test_rows_of_other_seeds_never_stand_side_by_side(tmp_path):
    keep(report(STEPS), tmp_path)
    with pytest.raises(OtherSeeds, match="made under 2 seeds, not 20"):
        keep(report(STEPS[:1], seeds=20), tmp_path)
    assert json.loads(keep(report(STEPS, seeds=20), tmp_path).read_text())["seeds"] == 20


def test_mutants_are_kept_in_the_same_way(tmp_path):
    mutated = tuple(Mutated(str(step.exercise), step.name, made=40, killed=39, declared=1) for step in STEPS)
    keep(MutationReport(mutated), tmp_path)
    keep(report(STEPS), tmp_path)
    assert changed(MutationReport, tmp_path) == []
    assert f"Of {40 * len(STEPS):,} mutants" in checks_record.checks_markdown(tmp_path)

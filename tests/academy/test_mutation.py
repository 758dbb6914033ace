"""Mutation testing: mutants are made, a weak check is found by the one that survives it, declarations are held to."""

import json

import pytest

from upslope.academy import mutation
from upslope.academy.checklist import BadChecks, CheckList, Survivor, apply, checks_of, without_quotes
from upslope.academy.lessons import exercises, find
from upslope.academy.mutants import mutants, same
from upslope.academy.mutation import author_mutate
from upslope.academy.reference import PACKAGE, locate

SOFTMAX, RELU = "upslope.scratch.ops:softmax", "upslope.scratch.ops:relu"


def edits(exercise):
    return {(mutant.old, mutant.new) for mutant in mutants(locate(exercise))}


def test_every_kind_of_edit_is_made():
    made = edits("upslope.scratch.ops:cross_entropy") | edits(SOFTMAX) | edits("upslope.scratch.optim:Adam")
    assert ("1", "0") in made  # a constant
    assert ("-", "+") in made  # an operator
    assert ("exp", "expm1") in made  # a twin
    assert (", keepdims=True", "") in made  # a keyword
    assert ("True", "False") in made  # a flag
    assert ("self.weight_decay", "True") in made  # a branch
    assert ("1e-3", "1.001") in made  # a default
    assert any(old.startswith("raise") and new == "pass" for old, new in edits("upslope.scratch.ops:matmul"))
    assert any(new == "(x.data)" for _, new in edits(SOFTMAX))  # a term left out


@pytest.mark.parametrize("step", exercises(), ids=lambda step: step.name)
def test_a_mutant_differs_from_the_reference_and_from_every_other(step):
    located = locate(step.exercise)
    made = mutants(located)
    assert made
    assert not any(same(mutant.text, located.source) for mutant in made)
    assert len({mutant.text for mutant in made}) == len(made)
    first = located.source.split('"""')[0]
    assert all(mutant.text.count('"""') == located.source.count('"""') for mutant in made), first


def survivors(checks, monkeypatch, exercise=RELU):
    monkeypatch.setattr(mutation, "checks_of", lambda wanted: checks if wanted == exercise else checks_of(wanted))
    (row,) = author_mutate([next(step.name for step in exercises() if step.exercise == exercise)], processes=1).rows
    return row


def test_a_weak_check_is_found(monkeypatch):
    whole = checks_of(RELU)
    row = survivors(whole, monkeypatch)
    assert (row.survivors, row.problems) == ((), ())
    assert row.killed == row.made > 5
    weak = [check for check in whole.checks if check.name in ("test_relu_shape", "test_relu_by_hand")][:1]
    row = survivors(CheckList(whole.module, whole.path, tuple(weak), whole.wrongs), monkeypatch)
    assert row.survivors
    assert row.killed + len(row.survivors) == row.made


def test_declarations_are_held_to(monkeypatch):
    whole = checks_of(RELU)
    declared = (
        Survivor("np.maximum(x.data, 0)", "np.maximum(x.data, 1)", "a check notices this one"),
        Survivor("np.maximum(x.data, 0)", "np.maximum(x.data, 0.5)", "nobody makes this one"),
        Survivor("np.minimum", "np.maximum", "this stands nowhere"),
    )
    row = survivors(CheckList(whole.module, whole.path, whole.checks, whole.wrongs, declared), monkeypatch)
    said = "\n".join(row.problems)
    assert "a check notices it" in said
    assert "none of the mutants" in said
    assert "stands 0 times" in said
    assert row.declared == 0


def test_a_mutant_that_was_not_tried_is_a_problem(monkeypatch):
    tried = mutation.mutation_run.run_variants
    monkeypatch.setattr(
        mutation.mutation_run,
        "run_variants",
        lambda *args, **more: {k: v for k, v in tried(*args, **more).items() if k != "0"},
    )
    (row,) = author_mutate(["relu"], processes=1).rows
    assert any("was not tried" in problem for problem in row.problems)


@pytest.mark.deep
@pytest.mark.parametrize("name", [step.name for step in exercises()])
def test_no_mutant_survives_undeclared(name):
    report = author_mutate([name], processes=1)
    (row,) = report.rows
    assert not [*row.survivors, *row.problems]
    assert report.passed
    assert report.killed + report.declared == report.made
    assert json.loads(json.dumps(report.to_json()))["made"] == report.made


def test_the_declared_ones_are_mutants():
    """Without running anything: each survivor that a checks file declares is one of the edits that are made."""
    for step in exercises():
        located = locate(step.exercise)
        texts = [mutant.text for mutant in mutants(located)]
        for survivor in checks_of(step.exercise).survivors:
            edited = located.source.replace(survivor.old, survivor.new)
            assert any(same(text, edited) for text in texts), (step.name, survivor.name)


def test_the_learner_does_not_see_what_quotes_the_reference():
    text = (PACKAGE / "checks/scratch/ops/test_probabilities.py").read_text(encoding="utf-8")
    assert "survives(" in text
    shown = without_quotes(text)
    assert "survives(\n" not in shown
    assert "wrong(\n" not in shown
    assert "keepdims=True), " not in shown
    located = locate(find("relu").exercise)
    with pytest.raises(BadChecks, match='survivor "nowhere -> else"'):
        apply(Survivor("nowhere", "else", "why"), located)

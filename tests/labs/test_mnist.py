"""The lab `mnist`: its ladder ends at the recipe, and the page of a run shows what was measured of it."""

import itertools

import pytest

from upslope.cards import discover
from upslope.labs.vision import mnist
from upslope.runs import ablation
from upslope.runs.config import parse_settings
from upslope.runs.launcher import start
from upslope.runs.model_spec import read_spec
from upslope.runs.records import record, write_record

FOUND = discover("labs")["mnist"]


def settings_at(rung):
    changes = [change for _, change in mnist.LADDER[: rung + 1]]
    words = {key: value for change in changes for key, value in change.items()}
    return parse_settings(mnist.Config, [f"{key}={value}" for key, value in words.items()], card=FOUND.card)


def test_the_ladder_leads_to_the_recipe_and_each_rung_changes_something():
    steps = [settings_at(rung) for rung in range(len(mnist.LADDER))]
    assert steps[-1] == parse_settings(mnist.Config, [], card=FOUND.card)
    for before, after in itertools.pairwise(steps):
        assert before != after


def test_the_lowest_rung_is_the_tuned_network_of_the_benchmark():
    """The same work as `benchmarks/mnist.py` measures beside: padded, pooled last, ReLU, two epochs."""
    plain = settings_at(0)
    assert (plain.strided, plain.pool_first, plain.activation, plain.channels_last) == (False, False, "relu", False)
    assert (plain.epochs, plain.batch_size, plain.lr, plain.label_smoothing) == (2, 256, 0.01, 0.0)


@pytest.fixture(scope="module")
def climbed(tmp_path_factory):
    """The lowest and the highest rung on toy data: one seed, a few steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist, "LADDER", (mnist.LADDER[0], mnist.LADDER[-1]))
        root = tmp_path_factory.mktemp("ladder")
        words = ["ladder=1", "data=toy", "batch_size=100", "threads=1"]
        return start(FOUND, words, root=root, quiet=True), root / "mnist-0001"


def test_a_small_ladder_is_climbed(climbed):
    result, folder = climbed
    rungs = result.facts["rungs"]
    assert [rung["name"] for rung in rungs] == ["plain", "one epoch"]
    assert result.metrics["test_accuracy"] == rungs[-1]["scores"][0] > 0.3
    assert rungs[0]["ratios"] == [1.0]
    assert result.metrics["time_ratio"] < 1
    assert len(list((folder / "rungs").iterdir())) == len(rungs)
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "pictures/ladder.png" in page
    assert "one epoch" in page


@pytest.mark.parametrize("measured", [True, False])
def test_the_page_of_a_run_shows_the_measured_ladder(climbed, tmp_path, monkeypatch, measured):
    """Where records are carried; an installation without them trains as well."""
    if measured:
        write_record(record([climbed[0]]), tmp_path / "results")
    monkeypatch.setattr(ablation, "records_folder", lambda: tmp_path / "results" if measured else None)
    start(FOUND, ["data=toy", "batch_size=500"], root=tmp_path, quiet=True)  # too few steps for a curve
    page = (tmp_path / "mnist-0001" / "index.html").read_text(encoding="utf-8")
    assert ("pictures/ladder.png" in page) == measured


def test_a_run_keeps_what_is_typical_of_its_logits(tmp_path):
    """`upslope predict` doubts by it what shows no digit."""
    start(FOUND, ["threads=1"], preset="smoke", root=tmp_path, quiet=True)
    typical = read_spec(tmp_path / "mnist-0001").typical
    assert typical is not None
    assert len(typical["means"]) == len(typical["whitening"]) == 10
    assert typical["threshold"] > 0

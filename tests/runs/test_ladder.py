"""Ladders: every rung under every seed, in turns, beside the lowest; what is finished is not trained again."""

import json
from dataclasses import asdict, replace

import pytest

from upslope.cards import Expect, Found, LabCard, Metric
from upslope.runs import ablation
from upslope.runs.config import LabConfig
from upslope.runs.launcher import start
from upslope.runs.records import read_records, record, results_markdown, write_record
from upslope.runs.run import Run

CARD = LabCard(
    name="rungs",
    title="A lab with rungs",
    paper="",
    claim="higher is better",
    domain="tests",
    seconds={"laptop": 1, "ladder": 1},
    data=(),
    expect=(Expect(metric="test_accuracy", at_least=0.5),),
    presets={"laptop": {}, "ladder": {"seeds": 2}},
    metrics={"test_accuracy": Metric(unit="%"), "time_ratio": Metric(higher_is_better=False)},
)
RUNGS = (("plain", {"high": "0", "quick": "false"}), ("higher", {"high": "1"}), ("quicker", {"quick": "true"}))


class Config(LabConfig):
    """What the rungs change."""

    high: int = 1
    quick: bool = True
    seeds: int = 0


class Lab:
    """Stands in for a lab's module: how accurate and how quick a run is follows from its settings."""

    Config = Config

    def __init__(self):
        self.trained = []  # (high, quick, seed) in the order of training
        self.stop_after = None

    def run(self, config, run):
        if config.seeds:
            rungs = ablation.climb(run, self.found(), RUNGS, seeds=config.seeds, always={"threads": "1"})
            run.picture("ladder", ablation.draw(rungs))
            top = rungs[-1]
            run.finish({"test_accuracy": top.score, "time_ratio": top.ratio}, rungs=ablation.to_json(rungs))
            return
        if len(self.trained) == self.stop_after:
            raise KeyboardInterrupt
        self.trained.append((config.high, config.quick, config.seed))
        run.training_seconds = (2.0 if config.quick else 8.0) + config.seed
        run.finish({"test_accuracy": 0.5 + 0.1 * config.high + 0.01 * config.seed})

    def found(self):
        lab = self

        class Here(Found):
            def load(self):
                return lab

        return Here(CARD, "rungs", None)


@pytest.fixture
def lab():
    return Lab()


def climbed(lab, root):
    return start(lab.found(), preset="ladder", root=root, quiet=True)


def test_each_rung_changes_those_below_it_and_runs_in_turns(lab, tmp_path):
    result = climbed(lab, tmp_path)
    up = [(0, False, 0), (1, False, 0), (1, True, 0)]
    down = [(1, True, 1), (1, False, 1), (0, False, 1)]
    assert lab.trained == up + down
    plain, higher, quicker = (ablation.Rung(**row) for row in result.facts["rungs"])
    assert plain.scores == pytest.approx([0.5, 0.51])
    assert quicker.score == pytest.approx(0.605)
    # Beside the lowest rung under the same seed: 2/8 and 3/9.
    assert quicker.ratios == pytest.approx([2 / 8, 3 / 9])
    assert quicker.ratio == pytest.approx((2 / 8 + 3 / 9) / 2)
    assert (plain.change, higher.change, quicker.change) == ({}, {"high": "1"}, {"quick": "true"})
    assert result.metrics["time_ratio"] == pytest.approx(quicker.ratio)
    assert (tmp_path / "rungs-0001" / "pictures" / "ladder.png").is_file()


@pytest.mark.parametrize("stop_after", [1, 4])
def test_an_interrupted_climb_trains_only_what_is_left(lab, tmp_path, stop_after):
    whole = Lab()
    expected = climbed(whole, tmp_path / "whole").facts["rungs"]
    lab.stop_after = stop_after
    with pytest.raises(KeyboardInterrupt):
        climbed(lab, tmp_path)
    assert len(lab.trained) == stop_after
    lab.stop_after = None
    run = Run.open("rungs-0001", Config, card=CARD, root=tmp_path, quiet=True)
    lab.run(run.config, run)
    assert lab.trained == whole.trained, "each once, in the same order"
    assert json.loads((run.folder / "result.json").read_bytes())["facts"]["rungs"] == expected


def test_a_record_keeps_the_rungs_and_the_page_shows_them(lab, tmp_path):
    made = record([climbed(lab, tmp_path)])
    assert made.name == "rungs-ladder", "beside the lab's own record, not in its place"
    write_record(made, tmp_path / "results")
    (read,) = read_records(tmp_path / "results")
    assert [rung.name for rung in ablation.recorded(read)] == ["plain", "higher", "quicker"]
    assert [asdict(rung) for rung in ablation.recorded(read)] == made.rungs
    text = results_markdown([read], {CARD.name: CARD})
    assert "## rungs-ladder: what each change bought" in text
    assert "| + higher | `high=1` | 60.5 % | 60.0 % | 61.0 % | 1.00 |" in text
    assert "| + quicker | `quick=true` | 60.5 % | 60.0 % | 61.0 % | 0.29 |" in text
    assert "1 of 1" not in text, "a ladder is no row among the labs"


def test_a_ladder_of_before_is_read_and_one_may_go_down(lab, tmp_path):
    """Scores were called accuracies; of a metric that should be small, the worst seed is the largest."""
    made = record([climbed(lab, tmp_path)])
    before = [
        {("accuracies" if key == "scores" else key): row[key] for key in row if key not in ("metric", "unit")}
        for row in made.rungs
    ]
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "old.json").write_text(json.dumps({**asdict(made), "rungs": before}))
    (read,) = read_records(tmp_path / "results")
    assert ablation.recorded(read) == ablation.recorded(made)
    small = replace(CARD, metrics={"test_accuracy": Metric(unit="nats", higher_is_better=False)})
    text = results_markdown([read], {CARD.name: small})
    assert "| + higher | `high=1` | 0.605 nats | 0.61 nats | 0.6 nats | 1.00 |" in text

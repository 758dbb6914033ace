"""Records of runs, and the text that is made from them."""

import json
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from upslope.cards import Ablation, Expect, Metric, discover
from upslope.runs.benchmark_records import read_speed, speed_markdown
from upslope.runs.errors import RunProblem
from upslope.runs.recording import as_wanted, planned
from upslope.runs.records import (
    ablation_of,
    judged,
    lab_cards,
    read_records,
    record,
    results_markdown,
    standings,
    write_record,
)
from upslope.runs.result import Result, Target

RECORDS = Path(__file__).parents[2] / "results"


def result(seed, accuracy, **changes):
    values = {
        "lab": "lenet",
        "title": "LeNet-5",
        "run": f"lenet-{seed:04d}",
        "preset": "laptop",
        "config": {"seed": seed, "epochs": 2},
        "settings": (f"seed={seed}",) if seed else (),
        "seed": seed,
        "metrics": {"test_accuracy": accuracy, "loss": 0.1},
        "targets": (Target("test_accuracy", 0.988, None, accuracy, accuracy >= 0.988, {"frozen filters": 0.9612}),),
        "reached": accuracy >= 0.988,
        "seconds": 10.0 + seed,
        "training_seconds": 7.0,
        "machine": {"cores": 2, "os": "Linux x86_64", "python": "3.11.7", "numpy": "2.4.6"},
        "code": "c0de" * 16,
        "parts": {},
        "facts": {},
        "started": "2026-01-02T03:04:05+00:00",
        "finished": f"2026-01-0{seed + 2}T03:04:05+00:00",
        "resumed": 0,
    }
    return Result(**{**values, **changes})


CARDS = lab_cards()
RUNS = [result(2, 0.9875), result(0, 0.991), result(1, 0.99)]


def test_mean_and_worst_over_seeds(tmp_path):
    made = record(RUNS)
    assert made.seeds == [0, 1, 2]
    assert made.metrics["test_accuracy"] == [0.991, 0.99, 0.9875]
    assert made.mean["test_accuracy"] == pytest.approx(0.9895)
    assert made.worst == {"test_accuracy": 0.9875}
    assert (made.reached, made.seconds, made.date) == (2, [10.0, 11.0, 12.0], "2026-01-04")
    assert made.config == {"epochs": 2}
    path = write_record(made, tmp_path / "results")
    assert path.name == "lenet.json"
    assert read_records(tmp_path / "results") == [made]
    text = path.read_text()
    assert "run" not in json.loads(text)
    assert str(tmp_path) not in text


def test_a_lab_without_a_target_shows_its_accuracy():
    runs = [result(seed, accuracy, targets=(), reached=None) for seed, accuracy in ((0, 0.9), (1, 0.8))]
    (row,) = standings(record(runs, variant="vit"), CARDS["lenet"])
    assert row.said == ("test accuracy", "85.0 %", "80.0 %", "none", "2 seeds")
    assert "| lenet-vit | test accuracy | 85.0 % | 80.0 % | none | 2 seeds |" in results_markdown(
        [record(runs, variant="vit")], CARDS
    )


def test_worst_of_a_metric_that_should_be_small():
    target = Target("loss", None, 0.5, 0.1, True)
    runs = [result(0, 0.99, targets=(target,)), result(1, 0.99, targets=(target,), metrics={"loss": 0.3})]
    assert record(runs).worst == {"loss": 0.3}


def test_a_target_set_after_measuring_counts():
    """The record of runs that knew no target, beside the card's of today; and of runs whose target was lower."""
    card = discover("labs")["lenet"].card
    lower = (Target("test_accuracy", 0.5, None, 0.9, True),)
    for targets, reached in (((), None), (lower, True)):
        runs = [
            result(seed, accuracy, targets=targets, reached=reached, config={"seed": seed, "data": "mnist"})
            for seed, accuracy in ((0, 0.991), (1, 0.987), (2, 0.993))
        ]
        measured = record(runs)
        today = judged(measured, card)
        assert [target["at_least"] for target in today.targets if target["metric"] == "test_accuracy"] == [0.988]
        assert (today.reached, today.worst) == (0, {"test_accuracy": 0.987}), "filters_moved was not measured"
        assert today.metrics == measured.metrics
        assert judged(today, card) == today
        alone = judged(measured, replace(card, expect=card.expect[:1]))
        assert alone.reached == 2
        assert judged(measured, replace(card, expect=())).targets == []


def test_variants_are_named():
    assert record(RUNS, variant="fashion").name == "lenet-fashion"
    mnist = [result(n, 0.9, settings=("data=fashion_mnist", "lr=0.5", f"seed={n}")) for n in (1, 2)]
    assert record(mnist).name == "lenet-fashion-mnist-0-5"
    with pytest.raises(RunProblem, match='got "A b"'):
        record(RUNS, variant="A b")


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (result(0, 0.9), "each seed once"),
        (result(5, 0.9, lab="digits"), "differ in lab"),
        (result(5, 0.9, code="other"), "differ in code"),
        (result(5, 0.9, config={"seed": 5, "epochs": 3}), "different settings"),
        (result(5, 0.9, parts={"upslope.scratch.ops:relu": "yours"}), "learner's parts"),
    ],
)
def test_runs_that_make_no_common_record(other, sentence):
    with pytest.raises(RunProblem, match=sentence):
        record([*RUNS, other])


def test_no_runs_make_no_record():
    with pytest.raises(RunProblem, match="at least one"):
        record([])


def test_markdown_says_the_worst_seed():
    text = results_markdown([record(RUNS)], CARDS)
    assert text == results_markdown([record(list(reversed(RUNS)))], CARDS)
    row = "| lenet | test accuracy | 98.95 % | 98.75 % | >= 98.8 % | 2 of 3 | 11 (7.0) | 2 cores, Linux x86_64 |"
    assert row in text
    assert "test set is used once per seed" in text
    assert text.endswith("\n")


def test_what_is_broken_on_purpose_stands_apart_with_its_best_seed():
    config = {"seed": 0, "epochs": 2, "freeze": "conv"}
    runs = [
        result(seed, accuracy, config={**config, "seed": seed}, settings=("freeze=conv",))
        for seed, accuracy in enumerate([0.97, 0.979])
    ]
    made = record(runs)
    assert made.name == "lenet-conv"
    assert ablation_of(made, CARDS["lenet"]).name == "frozen filters"
    assert ablation_of(record(RUNS), CARDS["lenet"]) is None
    text = results_markdown([made], CARDS)
    assert "| lenet | conv | test accuracy | 97.9 % | >= 98.8 % | 0 of 2 |" in text
    assert text.count("| lenet |") == 1, "not among the results"


def test_an_ablation_is_recorded_with_the_settings_that_it_fits():
    """The U-Net's distance cannot be taken from a network that has none."""
    plan = {each.variant: each.words for each in planned(CARDS["nuclei"])}
    assert plan == {"": (), "without-distance": ("distance=0.0",), "mask-rcnn": ("model=mask-rcnn",)}
    (ablation,) = CARDS["nuclei"].ablations
    assert ablation.fits({})
    assert ablation.fits({"model": "unet", "steps": 3})
    assert not ablation.fits({"model": "mask-rcnn"})


def test_settings_that_older_records_lack_are_those_they_ran_with():
    made = record([result(0, 0.99), result(1, 0.98)])
    card = replace(CARDS["lenet"], expect=(Expect("test_accuracy", at_least=0.985, when={"model": "small"}),))
    assert judged(made, card).targets == []
    assert judged(made, replace(card, added={"model": "small"})).reached == 1
    later = replace(made, config={**made.config, "model": "large"})
    assert judged(later, replace(card, added={"model": "small"})).targets == [], "what is on record counts"


def test_any_metric_and_any_ablation_has_its_row():
    """Nats, of which fewer are better, and a part that is left out by a number."""
    without = Ablation(name="without EMA", settings={"ema": 0.0})
    metrics = {"validation_loss": Metric(unit="nats", higher_is_better=False)}
    card = replace(CARDS["lenet"], metrics=metrics, ablations=(without,), expect=())

    def made(ema, target, *losses):
        targets = (
            (Target("validation_loss", None, 1.6, losses[0], True, {"without EMA": 1.7}, "nats"),) if target else ()
        )
        runs = [
            result(
                n,
                1.0 if ema else 0.0,
                metrics={"validation_loss": loss},
                targets=targets,
                config={"seed": n, "ema": ema},
            )
            for n, loss in enumerate(losses)
        ]
        return record(runs, variant="without-ema" if ema == 0 else "")

    text = results_markdown([made(0.99, True, 1.552, 1.5841), made(0.0, True, 1.81, 1.79)], {"lenet": card})
    assert "| lenet | validation loss | 1.568 nats | 1.584 nats | <= 1.6 nats | 2 of 2 |" in text
    assert "| lenet | without EMA | validation loss | 1.79 nats | <= 1.6 nats | 0 of 2 |" in text
    assert without.word == "without-ema"
    (row,) = standings(made(0.99, False, 1.552, 1.5841), card)
    assert row.said == ("validation loss", "1.568 nats", "1.584 nats", "none", "2 seeds"), "the worst is the largest"


def test_networks_stand_side_by_side_once_two_of_them_are_on_record():
    def cells(model, map50, error):
        config = {"seed": 0, "data": "bccd", "model": model, "freeze": "none"}
        metrics = {"test_map50": map50, "test_map": 0.5, "test_count_error": error}
        return record([result(0, 0.9, lab="detect", config=config, metrics=metrics, targets=())], variant=model)

    yolo, ssd = cells("yolo", 0.9, 0.3), cells("ssd", 0.8, 0.2)
    assert "side by side" not in results_markdown([yolo], CARDS)
    text = results_markdown([ssd, yolo], CARDS)
    assert "## detect: its networks side by side" in text
    assert text.index("| yolo-small |") < text.index("| ssd-small |")
    assert "| ssd-small | 778,720 | 80.0 % | **50.0 %** | **20.0 %** | 1 |" in text


def test_all_that_a_card_names_is_recorded():
    """The names of the records that there are; a preset of the lab's own is one run."""
    names = {"-".join(filter(None, (name, plan.variant))) for name, card in CARDS.items() for plan in planned(card)}
    assert names == {made.name for made in read_records(RECORDS)}
    plans = {plan.variant: plan for plan in planned(CARDS["mnist"])}
    assert (plans["ladder"].preset, plans["ladder"].seeds) == ("ladder", 1)
    assert plans["conv"].words == ("freeze=conv",)
    assert {plan.seeds for name, plan in plans.items() if name != "ladder"} == {CARDS["mnist"].seeds}
    for runs, plan, wanted in (
        (RUNS, plans[""], False),
        ([result(n, 0.99) for n in range(10)], plans[""], True),
        ([result(0, 0.5)], plans["conv"], True),
        (RUNS, plans["conv"], False),
        ([result(0, 0.5, targets=())], plans[""], True),
        (RUNS, replace(plans[""], may_miss=1), True),
        ([*RUNS, result(7, 0.5)], replace(plans[""], may_miss=1), False),
    ):
        assert as_wanted(record(runs, variant="x"), plan) == wanted


SPEED = {"results": [{"case": "step", "threads": 1, "ratio": 0.7912, "bound": 0.8}], "broken": [], "numpy": "2.4.6"}


def test_speed_is_said_as_ratios(tmp_path):
    (tmp_path / "engine.json").write_text(json.dumps(SPEED))
    text = speed_markdown(read_speed(tmp_path))
    assert "| engine | step | 1 | 0.79 | 0.8 |" in text
    assert "`python benchmarks/engine.py`; numpy 2.4.6." in text


def test_a_damaged_speed_record_is_named(tmp_path):
    (tmp_path / "engine.json").write_text("{")
    with pytest.raises(RunProblem, match=r"engine\.json is not a record of a benchmark"):
        read_speed(tmp_path)


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "x.json").write_text('{"lab": "x"}')
    with pytest.raises(RunProblem, match=r"x\.json is not a record of runs"):
        read_records(tmp_path)


def test_a_result_is_immutable():
    with pytest.raises(FrozenInstanceError):
        RUNS[0].seed = 3

"""Every lab keeps the promises of its card: smoke in seconds, learning that can be seen, pictures, an exact resume."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from safetensors.numpy import load_file

from upslope.academy.lab_parts import settings_said
from upslope.academy.lessons import exercises
from upslope.cards import LabCard, discover
from upslope.runs.config import LabConfig, parse_settings, setting_words, settings_of
from upslope.runs.errors import ConfigProblem, RunProblem
from upslope.runs.launcher import resume, start
from upslope.runs.metrics import last_step
from upslope.runs.records import ablation_of, read_records
from upslope.runs.run import Run

LABS = discover("labs")


def test_cards_are_complete(found):
    card, module = found.card, found.load()
    assert isinstance(card, LabCard)
    assert issubclass(module.Config, LabConfig)
    assert set(card.presets) == set(card.seconds) >= {"smoke", "laptop", "full"}
    assert found.path.parent.name == card.domain
    for preset in card.presets:
        parse_settings(module.Config, (), card=card, preset=preset)
    assert all(setting.help for setting in settings_of(module.Config, card=card)), "every setting says what it is"
    assert set(card.data) <= set(discover("data"))
    assert card.claim in " ".join(module.__doc__.split()), "the docstring states the claim of the card"


def test_cards_of_metrics_and_ablations_hold_together(found):
    """Targets are of named metrics and in their direction; ablations are settings that change each variant they fit."""
    card, module = found.card, found.load()
    assert card.metrics
    assert card.seeds >= 3
    for expect in card.expect:
        assert (expect.at_least is not None) == card.metrics[expect.metric].higher_is_better
        assert (expect.at_most is None) == card.metrics[expect.metric].higher_is_better
    names = [ablation.name for ablation in card.ablations]
    assert len(set(names)) == len(names)
    assert {name for expect in card.expect for name in expect.ablations} == set(names), "each has its score, and a name"
    for settings in card.variants.values():
        plain = parse_settings(module.Config, setting_words(settings), card=card)
        assert not any(each.settings.items() <= plain.model_dump(mode="json").items() for each in card.ablations)
        for ablation in (each for each in card.ablations if each.fits(settings)):
            broken = parse_settings(module.Config, setting_words({**settings, **ablation.settings}), card=card)
            assert ablation.settings.items() <= broken.model_dump(mode="json").items()


def test_targets_lie_above_what_is_broken(found):
    """Each target names at least one ablation, and all of them miss it by more than a rounding."""
    assert found.card.expect
    for expect in found.card.expect:
        bound = expect.at_least if expect.at_least is not None else expect.at_most
        assert expect.ablations
        for score in expect.ablations.values():
            assert not expect.reached(score)
            assert abs(score - bound) > 0.005 * abs(bound)


def test_smoke_learns_in_seconds(found, smoked):
    card, result, folder = found.card, smoked.result, smoked.folder
    assert card.seconds["smoke"] <= 10
    assert last_step(folder / "metrics.jsonl") < 1000, "so many steps take seconds on any machine"
    assert result.reached is None, "toy data have no target"
    assert (folder / "result.json").is_file()
    about = next(iter(card.metrics))
    assert about in result.metrics, "the first metric of a card is what the lab is about"
    assert set(result.metrics) <= set(card.metrics), "the card says how each is read"
    assert all(math.isfinite(value) for value in result.metrics.values())
    assert better_than_guessing(card.metrics[about], result.metrics[about])


def better_than_guessing(metric, value):
    """Clearly: a share lies half way from chance to 1; anything else is a fifth better than chance."""
    if metric.chance is None:
        return True
    if metric.unit == "%":
        return value >= metric.chance + 0.45 * (1 - metric.chance)
    return value > 1.2 * metric.chance if metric.higher_is_better else value < 0.8 * metric.chance


def test_what_smoke_logs_gets_better(found, smoked):
    """Every series that the card gives a direction, from its first quarter to its last."""
    rows = [json.loads(line) for line in (smoked.folder / "metrics.jsonl").read_text().splitlines()]
    looked_at = []
    for name, metric in found.card.metrics.items():
        values = [row[name] for row in rows if name in row]
        if len(values) >= 4:
            quarter = len(values) // 4
            first, last = np.mean(values[:quarter]), np.mean(values[-quarter:])
            # What rises may have reached its end before the first quarter is over.
            assert last >= first if metric.higher_is_better else last < 0.8 * first, name
            looked_at.append(name)
    assert looked_at, "no metric of the card is logged while it learns"


def test_smoke_draws(found, smoked):
    names = {path.stem for path in (smoked.folder / "pictures").glob("*.png")}
    assert "curves" in names
    assert len(names) >= 2
    if "test_accuracy" in found.card.metrics:
        assert {"confusion", "mistakes"} < names
    page = (smoked.folder / "index.html").read_text()
    for name in names:
        picture = imread(smoked.folder / "pictures" / f"{name}.png")[:, :, :3]
        assert (picture < 0.7).any(axis=2).mean() > 0.001, f"{name} is empty"
        assert f"pictures/{name}.png" in page


def test_confusion_has_a_row_per_true_class(found, smoked):
    """Toy test sets hold each class equally often; predictions do not."""
    if "test_accuracy" not in found.card.metrics:
        pytest.skip("it does not sort into classes")
    (matrix,) = smoked.confusions
    assert len(set(matrix.sum(axis=1))) == 1
    assert len(set(matrix.sum(axis=0))) > 1
    assert np.trace(matrix) / matrix.sum() == pytest.approx(smoked.result.metrics["test_accuracy"])


def test_smoke_moves_every_weight(smoked):
    """A layer that gets no gradient would still let the others learn something."""
    assert all(value > 0.05 for name, value in smoked.result.metrics.items() if name.endswith("moved"))
    for name, value in smoked.result.facts.get("moved", {}).items():
        assert value > 0.01, f"{name} did not move"
    for name, array in load_file(smoked.folder / "model.safetensors").items():
        assert np.isfinite(array).all(), name


@pytest.mark.usefixtures("undrawn")
def test_an_interrupted_lab_ends_with_the_same_bits(found, smoked, tmp_path, monkeypatch):
    """Ctrl-C in the middle of the third checkpoint interval; the same seed gives the same bits all the same."""
    steps = Run.steps
    monkeypatch.setattr(Run, "steps", lambda self, total, **kw: steps(self, total, **{**kw, "checkpoint_steps": 5}))
    log = Run.log

    def interrupted(self, step, **metrics):
        log(self, step, **metrics)
        if step >= 12:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Run, "log", interrupted)
        with pytest.raises(KeyboardInterrupt):
            start(found, preset="smoke", root=tmp_path, quiet=True)
    resumed = resume(f"{found.card.name}-0001", root=tmp_path, quiet=True)
    assert resumed.resumed == 1
    assert resumed.files == smoked.result.files
    assert resumed.metrics == smoked.result.metrics
    with pytest.raises(RunProblem, match="is finished"):
        resume(tmp_path / f"{found.card.name}-0001", quiet=True)


@pytest.mark.deep
@pytest.mark.usefixtures("undrawn")
def test_another_seed_gives_other_bits(found, smoked, tmp_path):
    other = start(found, ["seed=1"], preset="smoke", root=tmp_path, quiet=True)
    assert other.files != smoked.result.files


@pytest.mark.deep
@pytest.mark.usefixtures("undrawn")
def test_ablations_are_what_they_say(found, smoked, tmp_path):
    """Another network comes out, and what is frozen stays as it was."""
    for ablation in found.card.ablations:
        words = setting_words({**ablation.when, **ablation.settings})
        result = start(found, words, preset="smoke", root=tmp_path / ablation.word, quiet=True)
        assert result.files != smoked.result.files
        moved = [value for name, value in result.metrics.items() if name.endswith("moved")]
        assert "freeze" not in ablation.settings or max(moved) == 0.0


def test_a_misspelt_setting_starts_nothing(found, tmp_path):
    name = list(found.load().Config.model_fields)[-1]
    with pytest.raises(ConfigProblem, match=f"did you mean {name}"):
        start(found, [f"{name}x=3"], root=tmp_path)
    assert list(tmp_path.iterdir()) == []


# Where the parts run, beside what the lessons say: "returns in" of each step.


def returning(found, words):
    """The steps that say that they return in this lab under these settings."""
    config = parse_settings(found.load().Config, words, card=found.card, preset="smoke").model_dump(mode="json")
    lab = found.card.name
    return {s.name for s in exercises() if any(place.name == lab and place.holds(config) for place in s.returns)}


def test_the_parts_that_run_are_those_that_lessons_say_return(found, smoked):
    assert smoked.ran == returning(found, ())


def named_by_lessons(lab):
    """The settings, other than its own, for which lessons say that they return in this lab."""
    own = settings_said(LABS[lab], preset="smoke")
    places = {place for step in exercises() for place in step.returns if place.name == lab and not place.holds(own)}
    return sorted(tuple(f"{key}={value}" for key, value in place.settings) for place in places)


@pytest.mark.deep
@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("lab", "words"), [(lab, words) for lab in LABS for words in named_by_lessons(lab)])
def test_under_other_settings_too(lab, words, trace, tmp_path):
    _, ran = trace(LABS[lab], words, tmp_path)
    assert ran == returning(LABS[lab], words)


RECORDS = Path(__file__).parents[2] / "results"


@pytest.mark.skipif(not RECORDS.is_dir(), reason="the records are in a checkout")
def test_the_broken_scores_on_the_card_are_those_of_the_records(found):
    """A card says how far ablations come; the runs that found it out are on record, and no seed came further."""
    card = found.card
    records = [record for record in read_records(RECORDS) if record.lab == card.name]
    for expect in card.expect:
        # The seed that came nearest to the target; where small is good, that is the smallest.
        sign = 1 if expect.at_least is not None else -1
        for ablation in (each for each in card.ablations if each.name in expect.ablations):
            (record,) = (
                record
                for record in records
                if ablation_of(record, card) == ablation and expect.when.items() <= record.under(card).items()
            )
            score = max(sign * score for score in record.metrics[expect.metric])
            # Rounded up, so that a card never makes its ablation look further from the target than it is.
            assert score <= sign * expect.ablations[ablation.name] <= score + 0.002, (card.name, expect.metric)


def test_lenet_is_the_papers_size():
    from upslope.labs.vision.lenet import LeNet5

    assert sum(p.numel() for p in LeNet5(rng=np.random.default_rng(0)).parameters()) == 61_706


def test_digits_reaches_its_target_and_frozen_it_does_not(tmp_path):
    """The real thing, whole: the data come with scikit-learn, and a run takes a second."""
    reached = start(LABS["digits"], ["seed=11"], root=tmp_path, quiet=True)
    assert reached.reached is True, reached.line()
    assert reached.cause == ""
    assert "target >= 97.0 %   reached" in reached.line()
    frozen = start(LABS["digits"], ["seed=11", "freeze=hidden"], root=tmp_path, quiet=True)
    assert frozen.reached is False
    assert "frozen hidden layer" in frozen.cause
    assert [target.reached for target in frozen.targets] == [False, False]


@pytest.mark.deep
@pytest.mark.needs("data")
def test_lenet_learns_real_digits(tmp_path):
    """One epoch in large batches is enough to see that it learns; the records hold the claim."""
    result = start(LABS["lenet"], ["epochs=1", "batch_size=512", "workers=1"], root=tmp_path, quiet=True)
    assert result.metrics["test_accuracy"] > 0.95

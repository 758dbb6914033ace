"""Every lab keeps the promises of its card: smoke in seconds, learning that can be seen, pictures, an exact resume."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from safetensors.numpy import load_file

from upslope.cards import LabCard, discover
from upslope.runs import pictures
from upslope.runs.config import LabConfig, parse_settings, settings_of
from upslope.runs.execute import resume, start
from upslope.runs.metrics import last_step
from upslope.runs.problem import ConfigProblem, RunProblem
from upslope.runs.records import read_records
from upslope.runs.run import Run

LABS = discover("labs")
CHANCE = 0.1


@pytest.fixture
def undrawn(monkeypatch):
    """Leaves out the pictures, which take most of a smoke run's time."""
    monkeypatch.setattr(Run, "picture", lambda *args, **kwargs: None)


@pytest.fixture(params=sorted(LABS))
def found(request):
    return LABS[request.param]


@pytest.fixture(scope="module")
def drawn():
    """The confusion matrices that smoke runs drew, by lab."""
    return {}


@pytest.fixture(scope="module")
def smoked(tmp_path_factory, drawn):
    """One smoke run of each lab, shared by the tests that only look."""
    done = {}

    def smoke(found):
        name = found.card.name
        if name not in done:
            root = tmp_path_factory.mktemp(name)
            draw = pictures.confusion
            with pytest.MonkeyPatch.context() as patch:
                keep = drawn.setdefault(name, []).append
                patch.setattr(pictures, "confusion", lambda matrix, classes: keep(matrix) or draw(matrix, classes))
                done[name] = start(found, preset="smoke", root=root, quiet=True), root / f"{name}-0001"
        return done[name]

    return smoke


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


def test_targets_lie_above_what_is_broken(found):
    """Each target names at least one broken variant, and all of them miss it by more than a rounding."""
    assert found.card.expect
    for expect in found.card.expect:
        bound = expect.at_least if expect.at_least is not None else expect.at_most
        assert expect.broken
        for score in expect.broken.values():
            assert not expect.reached(score)
            assert abs(score - bound) > 0.005 * bound


def test_smoke_learns_in_seconds(found, smoked):
    result, folder = smoked(found)
    assert found.card.seconds["smoke"] <= 10
    assert last_step(folder / "metrics.jsonl") < 1000, "so many steps take seconds on any machine"
    assert result.reached is None, "toy data have no target"
    assert result.metrics["test_accuracy"] > 5 * CHANCE
    assert (folder / "result.json").is_file()
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if "loss" in row]
    quarter = max(1, len(losses) // 4)
    assert np.mean(losses[-quarter:]) < 0.8 * np.mean(losses[:quarter])


def test_smoke_draws(found, smoked):
    _, folder = smoked(found)
    names = {path.stem for path in (folder / "pictures").glob("*.png")}
    assert {"curves", "confusion", "mistakes"} < names
    page = (folder / "index.html").read_text()
    for name in names:
        picture = imread(folder / "pictures" / f"{name}.png")[:, :, :3]
        assert (picture < 0.7).any(axis=2).mean() > 0.001, f"{name} is empty"
        assert f"pictures/{name}.png" in page


def test_confusion_has_a_row_per_true_class(found, smoked, drawn):
    """Toy test sets hold each class equally often; predictions do not."""
    result, _ = smoked(found)
    (matrix,) = drawn[found.card.name]
    assert len(set(matrix.sum(axis=1))) == 1
    assert len(set(matrix.sum(axis=0))) > 1
    assert np.trace(matrix) / matrix.sum() == pytest.approx(result.metrics["test_accuracy"])


def test_smoke_moves_every_weight(found, smoked):
    """A layer that gets no gradient would still let the others learn something."""
    result, folder = smoked(found)
    assert all(value > 0.05 for name, value in result.metrics.items() if name.endswith("moved"))
    for name, value in result.facts.get("moved", {}).items():
        assert value > 0.01, f"{name} did not move"
    for name, array in load_file(folder / "model.safetensors").items():
        assert np.isfinite(array).all(), name


@pytest.mark.usefixtures("undrawn")
def test_the_same_seed_gives_the_same_bits(found, smoked, tmp_path):
    result, _ = smoked(found)
    again = start(found, preset="smoke", root=tmp_path, quiet=True)
    assert again.files == result.files
    assert again.metrics == result.metrics
    other = start(found, ["seed=1"], preset="smoke", root=tmp_path, quiet=True)
    assert other.files != result.files


@pytest.mark.usefixtures("undrawn")
def test_an_interrupted_lab_ends_with_the_same_bits(found, smoked, tmp_path, monkeypatch):
    """Ctrl-C in the middle of the third checkpoint interval."""
    result, _ = smoked(found)
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
    assert resumed.files == result.files
    assert resumed.metrics == result.metrics
    with pytest.raises(RunProblem, match="is finished"):
        resume(tmp_path / f"{found.card.name}-0001", quiet=True)


@pytest.mark.usefixtures("undrawn")
def test_frozen_parts_stay_as_they_were(found, tmp_path):
    """The broken variant of the card is what it says it is."""
    frozen = {"lenet": "conv", "mnist": "conv", "twins": "conv", "fashion": "features"}.get(found.card.name, "hidden")
    result = start(found, [f"freeze={frozen}"], preset="smoke", root=tmp_path, quiet=True)
    moved = [value for name, value in result.metrics.items() if name.endswith("moved")]
    assert moved
    assert max(moved) == 0.0


def test_a_misspelt_setting_starts_nothing(found, tmp_path):
    with pytest.raises(ConfigProblem, match="did you mean epochs"):
        start(found, ["epoch=3"], root=tmp_path)
    assert list(tmp_path.iterdir()) == []


RECORDS = Path(__file__).parents[2] / "results"


@pytest.mark.skipif(not RECORDS.is_dir(), reason="the records are in a checkout")
def test_the_broken_scores_on_the_card_are_those_of_the_records(found):
    """A card says how far broken variants come; the runs that found it out are on record, and no seed came further."""
    card = found.card
    records = [r for r in read_records(RECORDS) if r.lab == card.name and r.broken]
    for expect in card.expect:
        # The seed that came nearest to the target; where small is good, that is the smallest.
        sign = 1 if expect.at_least is not None else -1
        scores = [
            max(sign * score for score in r.metrics[expect.metric])
            for r in records
            if all(r.config[key] == value for key, value in expect.when.items())
        ]
        said = list(expect.broken.values())
        assert len(scores) == len(said)
        # Rounded up, so that a card never makes its broken variant look further from the target than it is.
        for score, broken in zip(scores, said, strict=True):
            assert score <= sign * broken <= score + 0.002, (card.name, expect.metric)


def test_lenet_is_the_papers_size(smoked):
    result, _ = smoked(LABS["lenet"])
    assert result.facts["parameters"] == 61_706


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


@pytest.mark.needs("data")
def test_lenet_learns_real_digits(tmp_path):
    """One epoch in large batches is enough to see that it learns; the records hold the claim."""
    result = start(LABS["lenet"], ["epochs=1", "batch_size=512", "workers=1"], root=tmp_path, quiet=True)
    assert result.metrics["test_accuracy"] > 0.95

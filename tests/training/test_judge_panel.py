"""Three judges together: known faults are found, yardsticks are in order, copies of training images are named."""

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="judges are made of PyTorch")

from upslope.data import fashion_mnist
from upslope.training import judge_yardsticks
from upslope.training.judge_panel import panel_of
from upslope.training.judge_yardsticks import yardsticks_of


@pytest.fixture(scope="module")
def train():
    return fashion_mnist.toy(rng=np.random.default_rng(0), count=1000)


@pytest.fixture(scope="module")
def real():
    return fashion_mnist.toy(rng=np.random.default_rng(1), count=500)


@pytest.fixture(scope="module")
def unseen():
    return fashion_mnist.toy(rng=np.random.default_rng(2), count=500)


@pytest.fixture(scope="module")
def panel(train, real):
    return panel_of("toy", train, real, quiet=True)


def test_results_name_three_judges_and_their_yardsticks(panel):
    facts = json.loads(json.dumps(panel.facts()))
    assert len(set(facts["judges"])) == 3
    assert all(len(name) == 64 for name in facts["judges"])
    for each in facts["yardsticks"]:
        assert each["training"] < each["missing_class"] < min(each["repeated"], each["noise"])
        assert each["coverage"] > 0.8


def test_real_images_have_lost_nothing(panel, unseen):
    said = panel.measure(unseen["image"])
    assert 0 <= said["lost_classes_least"] <= said["lost_classes"] <= said["lost_classes_most"] < 0.5
    assert said["image_coverage"] > 0.9
    assert said["density"] == pytest.approx(1, abs=0.2)
    assert said["smallest_class"] == pytest.approx(0.1, abs=0.03)
    assert said["nearest_training"] == pytest.approx(1, abs=0.15)
    assert panel.accuracy() > 0.9
    assert panel.obeyed(unseen["image"], unseen["label"]) > 0.9
    assert panel.obeyed(unseen["image"], (unseen["label"] + 1) % 10) < 0.1


def test_a_missing_class_is_one_lost_class(panel, unseen):
    lost = [panel.measure(unseen["image"][unseen["label"] != label])["lost_classes"] for label in (0, 3, 7)]
    assert 0.3 < np.mean(lost) < 3
    assert panel.measure(unseen["image"][unseen["label"] != 3])["smallest_class"] < 0.01


def test_a_collapsed_generator_covers_little(panel, unseen):
    said = panel.measure(np.repeat(unseen["image"][:5], 100, axis=0))
    assert said["image_coverage"] < 0.1
    assert said["lost_classes"] > 1


def test_training_images_learned_by_heart_are_found(panel, train):
    copies = train["image"][40:240]
    found = panel.nearest(copies)
    assert np.array_equal(found.index, np.arange(40, 240))
    assert panel.measure(copies)["nearest_training"] < 0.02


def test_yardsticks_are_measured_once_for_the_same_images(panel, train, real, unseen, tmp_path, monkeypatch):
    monkeypatch.setenv("UPSLOPE_DATA", str(tmp_path))
    judge = panel.judges[0]
    first = yardsticks_of(judge, train, real)
    assert first == panel.yardsticks[0]
    with monkeypatch.context() as patch:
        patch.setattr(judge_yardsticks, "measured", lambda *_: pytest.fail("they were measured again"))
        assert yardsticks_of(judge, train, real) == first
    assert yardsticks_of(judge, train, unseen) != first, "other images have yardsticks of their own"
    (path,) = (tmp_path / "judges").iterdir()
    assert judge.sha256 in path.name
    for damaged in ("", "[]", "{}", '{"images": "0"}', json.dumps(dataclasses.asdict(first))):
        path.write_text(damaged)
        assert yardsticks_of(judge, train, real) == first

"""The judge of generated images: what it says is about images, and its figures move the way they should."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="judges are made of PyTorch")

import torch

from upslope.data import fashion_mnist
from upslope.training import judge as judges
from upslope.training.judge import Judge, judge_of


@pytest.fixture(scope="module")
def train():
    return fashion_mnist.toy(rng=np.random.default_rng(0), count=1000)


@pytest.fixture(scope="module")
def judge(train):
    return judge_of("toy", train)


@pytest.fixture(scope="module")
def real():
    return fashion_mnist.toy(rng=np.random.default_rng(1), count=300)


def test_it_reads_what_it_learned(judge, real):
    assert judge.accuracy(real) >= 0.9
    assert judge.read(real["image"]).features.shape == (300, judges.FEATURES)
    assert not any(parameter.requires_grad for parameter in judge.parameters())


def test_one_machine_trains_the_same_bits(judge, train):
    threads = torch.get_num_threads()
    torch.manual_seed(123)
    torch.set_num_threads(2)
    try:
        assert judge_of("toy", train).sha256 == judge.sha256
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert Judge(classes=10).sha256 != judge.sha256


def test_it_is_trained_once_and_kept(train, tmp_path, monkeypatch):
    monkeypatch.setenv("UPSLOPE_DATA", str(tmp_path))
    monkeypatch.setattr(judges, "EPOCHS", 1)
    first = judge_of("fashion_mnist", train)
    monkeypatch.setattr(judges, "train_judge", lambda *_, **__: pytest.fail("it was trained again"))
    assert judge_of("fashion_mnist", train).sha256 == first.sha256
    monkeypatch.undo()
    monkeypatch.setenv("UPSLOPE_DATA", str(tmp_path))
    monkeypatch.setattr(judges, "EPOCHS", 1)
    (path,) = (tmp_path / "judges").iterdir()
    path.write_bytes(path.read_bytes()[:1000])  # half written by something else
    assert judge_of("fashion_mnist", train).sha256 == first.sha256


def test_figures_move_as_they_should(judge, real):
    beside = judge.read(real["image"])
    own = judge.compare(beside, beside)
    assert own["frechet_distance"] == pytest.approx(0, abs=1e-3)
    assert own["coverage"] == 1
    assert own["smallest_class"] == pytest.approx(0.1, abs=0.03)
    rng = np.random.default_rng(2)
    noisy = np.clip(real["image"] + 0.3 * rng.standard_normal(real["image"].shape), 0, 1).astype(np.float32)
    repeated = np.repeat(real["image"][:1], 300, axis=0)
    lost = real["image"][real["label"] != 3]
    for images, coverage in ((noisy, None), (repeated, 0.1), (lost, 0.9)):
        said = judge.compare(judge.read(images), beside)
        assert said["frechet_distance"] > 1
        assert coverage is None or said["coverage"] == pytest.approx(coverage)


@pytest.mark.parametrize(("factor", "offset"), [(255, 0), (2, -1)])
def test_other_ranges_are_refused(judge, real, factor, offset):
    with pytest.raises(ValueError, match=r"^pixels lie between .* a judge reads images in \[0, 1\]$"):
        judge.read(real["image"] * np.float32(factor) + np.float32(offset))
    with pytest.raises(ValueError, match="pixels lie between"):
        judge.read(np.full((2, 28, 28), np.nan, dtype=np.float32))

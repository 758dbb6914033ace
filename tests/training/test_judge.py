"""The judge of generated images: what it says is about images, and its figures move the way they should."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="judges are made of PyTorch")

import torch

from upslope.data import fashion_mnist, mnist
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
    assert path.stem.endswith(first.sha256), "a judge lies under the hash of its weights"
    path.write_bytes(path.read_bytes()[:1000])  # half written by something else
    assert judge_of("fashion_mnist", train).sha256 == first.sha256
    other = judge_of("fashion_mnist", train, seed=2)
    assert other.sha256 != first.sha256
    (theirs,) = (each for each in (tmp_path / "judges").iterdir() if other.sha256 in each.name)
    path.write_bytes(theirs.read_bytes())  # whole, but not what its name says
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


def test_handwriting_is_not_mirrored(monkeypatch):
    seen = []
    forward = Judge.forward
    monkeypatch.setattr(Judge, "forward", lambda self, x: seen.append(x.clone()) or forward(self, x))
    monkeypatch.setattr(judges, "EPOCHS", 1)
    for data, mirrored in ((mnist, False), (fashion_mnist, True)):
        images = data.toy(rng=np.random.default_rng(0), count=128)
        judges.train_judge(images)
        real = {image.tobytes() for image in images["image"]}
        assert all(image.numpy().tobytes() in real for image in seen.pop()[:, 0]) is not mirrored


def test_the_distance_is_that_of_torchmetrics_on_the_same_features(judge, real):
    from torchmetrics.image.fid import FrechetInceptionDistance

    class Features(torch.nn.Module):
        """The judge as torchmetrics wants a network: images in, features out."""

        num_features = judges.FEATURES

        def forward(self, images):
            return judge.read(images.numpy()).features.double()

    noisy = np.clip(real["image"] + 0.1 * np.random.default_rng(2).standard_normal(real["image"].shape), 0, 1)
    collapsed = np.repeat(real["image"][:2], 150, axis=0)  # its covariance has rank 1: no matrix root by inversion
    for images in (noisy.astype(np.float32), collapsed, real["image"][:100]):
        theirs = FrechetInceptionDistance(feature=Features())
        theirs.update(torch.tensor(real["image"]), real=True)
        theirs.update(torch.tensor(images), real=False)
        ours = judge.compare(judge.read(images), judge.read(real["image"]))["frechet_distance"]
        assert ours == pytest.approx(theirs.compute().item(), abs=1e-3)


def test_fewer_images_than_features_are_warned_of(judge, real):
    few, many = judge.read(real["image"][:50]), judge.read(real["image"])
    for pair in ((few, many), (many, few)):
        with pytest.warns(UserWarning, match="Fréchet distance of 50 images by 64 features is mostly chance"):
            judge.compare(*pair)
    judge.compare(judge.read(real["image"][:64]), many)  # enough: a warning would be an error here


@pytest.mark.parametrize(("factor", "offset"), [(255, 0), (2, -1)])
def test_other_ranges_are_refused(judge, real, factor, offset):
    with pytest.raises(ValueError, match=r"^pixels lie between .* a judge reads images in \[0, 1\]$"):
        judge.read(real["image"] * np.float32(factor) + np.float32(offset))
    with pytest.raises(ValueError, match="pixels lie between"):
        judge.read(np.full((2, 28, 28), np.nan, dtype=np.float32))

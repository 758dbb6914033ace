"""Nobody stands in two folds, nobody who is held out is learned from, and the older ways get the same people."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="tasks are made of PyTorch")

import torch

from upslope.data import olivetti
from upslope.image import eigenfaces as module
from upslope.models.build import built
from upslope.training import verification_folds
from upslope.training.batches import Batches, by_class
from upslope.training.tasks.image_feature_extraction import ImageFeatureExtraction
from upslope.training.verification_folds import VerificationFolds

WITHOUT = [(0,), (1,), (2,), (3,), ()]
SMALL = {"widths": (4, 4, 4, 4), "dim": 8}


@pytest.fixture(scope="module")
def data():
    return olivetti.toy(rng=np.random.default_rng(0), count=120)


def embedder(n=0):
    return built("face-embedder-64", seed=n, **SMALL)


def task_of(data, without=(), **more):
    people = data["label"][~np.isin(data["fold"], without)]
    return ImageFeatureExtraction(embedder().module, people=people, look=data.features["image"], **more)


@pytest.fixture
def task(data, monkeypatch):
    monkeypatch.setattr(verification_folds, "AXES", 20)
    return VerificationFolds([task_of(data, left) for left in WITHOUT], without=WITHOUT, column="fold")


def test_nobody_stands_in_two_folds(data):
    for person in np.unique(data["label"]):
        assert len(np.unique(data["fold"][data["label"] == person])) == 1


@pytest.mark.needs("data")
def test_nobody_of_the_real_ones_either():
    real = olivetti.load(quiet=True)
    assert np.bincount(real["label"]).tolist() == [10] * 40
    assert np.bincount(real["fold"]).tolist() == [100] * 4
    assert all(len(np.unique(real["fold"][real["label"] == person])) == 1 for person in range(40))
    assert len(np.unique(real["image"].reshape(400, -1), axis=0)) == 400, "no picture is there twice"
    mean = real["image"].mean(axis=0)
    assert np.abs(mean - mean[:, ::-1]).mean() < np.abs(mean - mean[::-1]).mean() / 2, "faces are upright"


def test_a_network_has_centers_for_its_own_people_only(task):
    assert [len(each.people) for each in task.tasks] == [30, 30, 30, 30, 40]
    assert [len(each.model.centers) for each in task.tasks] == [30, 30, 30, 30, 40]
    for fold, each in enumerate(task.tasks[:4]):
        assert not (each.people % 4 == fold).any()


def test_no_gradient_comes_from_who_is_held_out(task, data):
    batch = task.collate(data)
    batch["image"].requires_grad_()
    task.eval()
    for number, each in enumerate(task.tasks):
        only = VerificationFolds([each], without=[WITHOUT[number]], column="fold")
        batch["image"].grad = None
        only.eval()
        only(batch)["loss"].backward()
        reached = (batch["image"].grad.abs().amax(dim=(1, 2, 3)) > 0).numpy()
        np.testing.assert_array_equal(reached, data["fold"] != number)


def test_the_older_ways_learn_from_the_same_people(task, data, monkeypatch):
    seen = []

    def noted(pictures, *, count):
        seen.append(pictures)
        return module.eigenfaces(pictures, count=count)

    monkeypatch.setattr(verification_folds, "eigenfaces", noted)
    task.metrics(task.predict(data), data)
    pixels = data["image"].reshape(len(data), -1)
    assert len(seen) == 4
    for fold, pictures in enumerate(seen):
        np.testing.assert_array_equal(pictures, pixels[data["fold"] != fold])


def test_metrics_are_those_of_each_fold_and_their_means(task, data):
    metrics = task.metrics(task.predict(data), data)
    assert metrics["auc"] == pytest.approx(np.mean([metrics[f"auc_{fold}"] for fold in "abcd"]))
    assert metrics["auc_worst"] == min(metrics[f"auc_{fold}"] for fold in "abcd")
    assert metrics["over_eigenfaces"] == pytest.approx(metrics["auc"] - metrics["auc_of_eigenfaces"])
    spec = task.spec(embedder())
    assert -1 < spec.preprocessing["threshold"] < 1
    assert spec.preprocessing["look"] == "portrait"
    assert spec.inputs["image"]["shape"] == [1, 64, 64]


def test_a_picture_and_its_mirror_image_have_one_embedding_of_length_1(data):
    task = task_of(data)
    mirrored = type(data)({**data.columns, "image": data["image"][:, :, ::-1].copy()}, data.features)
    there, back = task.predict(data), task.predict(mirrored)
    np.testing.assert_allclose(there, back, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(there, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("loss", ["arcface", "triplet", "softmax"])
def test_each_loss_falls_when_a_batch_is_learned(data, loss):
    task = task_of(data, loss=loss, margin=0.3)
    batch = task.collate(data.take(np.flatnonzero(data["label"] < 6)))
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=5e-3)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        losses.append(task(batch)["loss"])
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]
    assert (task.model.centers.numel() == 0) == (loss == "triplet")


def test_softmax_is_arcface_without_its_margin(data):
    batch = task_of(data).collate(data)
    one, other = task_of(data, loss="softmax", margin=0.7), task_of(data, loss="arcface", margin=0.0)
    torch.testing.assert_close(one(batch)["loss"], other(batch)["loss"])


def test_by_class_keeps_pictures_of_a_person_together(data):
    order = by_class("label", each=3)(data, np.random.default_rng(0))
    assert sorted(order) == list(range(len(data)))
    assert (np.ptp(data["label"][order].reshape(-1, 3), axis=1) == 0).all()
    batch = Batches(data, batch_size=30, seed=0, order=by_class("label", each=3)).at(1)
    assert (np.bincount(batch["label"])[np.unique(batch["label"])] >= 3).all()
    odd = by_class("label", each=2)(data, np.random.default_rng(0))
    assert sorted(odd) == list(range(len(data)))

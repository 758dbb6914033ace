"""Translation between edges and garments: data without pairs, whose turn it is, modes that do not differ."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="tasks are made of PyTorch")

import torch

from upslope.cards import discover
from upslope.image.canny import canny
from upslope.training.tasks.image_to_image import HIGH, LOW, ImageToImage, f1, fooling, missed, with_edges

SHAPE = {"width": 4, "blocks": 1}


@pytest.fixture(scope="module")
def garments():
    return discover("data")["fashion_mnist"].load().toy(rng=np.random.default_rng(0), count=200)


@pytest.fixture(scope="module")
def task(garments):
    return ImageToImage(garments, data="toy", seed=0, shape=SHAPE, weight=10.0)


def test_without_pairs_no_garment_is_seen_both_ways(garments):
    unpaired, paired = with_edges(garments, most=20, paired=False), with_edges(garments, most=20)
    assert (len(unpaired), len(paired)) == (10, 20)
    assert np.array_equal(unpaired["image"], garments["image"][:10])
    assert np.array_equal(unpaired["edges"], paired["edges"][10:])
    assert np.array_equal(unpaired["label"], garments["label"][10:20]), "the label is that of the edges"
    assert np.array_equal(paired["edges"][3], canny(garments["image"][3], low=LOW, high=HIGH))


def test_the_losses_by_hand():
    assert float(missed(torch.tensor([1.0, 1.0]), torch.tensor([0.0]))) == 0
    assert float(missed(torch.tensor([0.0]), torch.tensor([1.0]))) == 1
    assert float(fooling(torch.tensor([0.0, 1.0]))) == 0.5
    edges = np.array([[True, True, False, False]])
    assert f1(np.array([[True, False, True, False]]), edges) == 0.5
    assert f1(edges, edges) == 1


def test_each_turn_moves_its_own_networks(task, garments):
    batch = task.collate(with_edges(garments, most=8))
    task.discriminators.requires_grad_(False)
    made = task(batch)
    made["loss"].backward()
    assert all(p.grad is not None for p in task.generators.parameters())
    assert not any(made[name].requires_grad for name in ("fake_edges", "fake_garment"))
    task.discriminators.requires_grad_(True)
    task.zero_grad()
    task({**batch, **{name: made[name] for name in ("fake_edges", "fake_garment")}})["loss"].backward()
    assert all(p.grad is not None for p in task.discriminators.parameters())
    assert all(p.grad is None for p in task.generators.parameters())


def test_training_and_evaluation_do_not_differ(task, garments):
    """Neither running statistics nor dropout: a forgotten eval() changes nothing, nor does the rest of a batch."""
    data = with_edges(garments, most=6)
    whole, alone = task.predict(data), task.predict(data.take(np.array([4])))
    np.testing.assert_allclose(whole.garments[4], alone.garments[0], atol=1e-5)
    x = task.collate(data)["edges"]
    with torch.no_grad():
        torch.testing.assert_close(task.model.train()(x), task.model.eval()(x))


def test_real_garments_are_named_in_full(task, garments):
    data = with_edges(garments, most=100)
    perfect = task.metrics(type(task.predict(data))(data["image"], data["edges"]), data)
    assert perfect == {"named_of_real": 1.0, "edges_f1": 1.0}

"""An autoencoder in use: samples by seed and number, pictures with bounds, and exports that give the same."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch

from upslope.data import mnist
from upslope.models.build import built
from upslope.ship import formats
from upslope.ship.pipelines.autoencoder import SAMPLES, Autoencoder, Rebuilt, Sampled
from upslope.ship.pipelines.pipeline import LoadedModel, Options
from upslope.ship.predictor import from_file, in_torch
from upslope.training.tasks import autoencoder as training


@pytest.fixture(scope="module")
def network():
    network = built("vae-mnist", seed=0, hidden=(16,), latent=3)
    task = training.Autoencoder(network.module, train=mnist.toy(rng=np.random.default_rng(0), count=10))
    spec = task.spec(network)
    weights = {name: value.numpy() for name, value in network.module.state_dict().items()}
    module = formats.built(spec, weights)
    return LoadedModel("vae-0001", spec, in_torch(module, spec), module)


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    from PIL import Image

    path = tmp_path_factory.mktemp("pictures") / "seven.png"
    paper = np.full((60, 50), 255, dtype=np.uint8)
    paper[10:15, 10:40] = 0
    paper[10:50, 33:40] = 0
    Image.fromarray(paper).save(path)
    return path


def said(network, words=(), **options):
    return list(Autoencoder(network).answers([str(word) for word in words], Options(**options)))


def test_a_sample_is_a_function_of_seed_and_number(network):
    three, five = said(network, count=3, seed=4), said(network, count=5, seed=4)
    for one, other in zip(three, five, strict=False):
        np.testing.assert_allclose(one.image, other.image, atol=1e-6)
    (alone,) = said(network, count=1, first=4, seed=4)
    np.testing.assert_allclose(alone.image, five[4].image, atol=1e-6)
    assert alone.point.number == 4
    latents = [each.point.latent for each in five]
    assert not np.array_equal(latents[0], latents[1])
    assert not np.array_equal(latents[0], said(network, seed=5)[0].point.latent)
    model = network.module.unwrapped
    expected = model.decode(torch.from_numpy(np.stack(latents))).sigmoid().detach().numpy()
    np.testing.assert_allclose(np.stack([each.image for each in five]), expected, atol=1e-6)
    art = five[0].text(Options()).split("\n")
    assert len(art) == 14
    assert five[0].facts(Options())["number"] == 0


def test_the_bounds_of_a_picture_are_those_of_training(network, picture):
    """Other noise, the same expectation: the training's bound of the same black and white image."""
    (answer,) = said(network, [picture], seed=1)
    assert isinstance(answer, Rebuilt)
    assert set(np.unique(answer.image)) == {0.0, 1.0}
    model, image = network.module.unwrapped, torch.from_numpy(answer.image[None])
    with torch.no_grad():
        many = [training.bounds(model, image, SAMPLES, seed=seed) for seed in range(20)]
        out = model(image)
    reconstruction, kl, bound = (torch.stack(column).mean() for column in list(zip(*many, strict=True))[:3])
    assert answer.nats["kl"] == pytest.approx(kl.item(), rel=1e-4)
    assert answer.nats["evidence_lower_bound"] == pytest.approx(-(reconstruction + kl).item(), rel=0.01)
    assert answer.nats["importance_weighted_bound"] == pytest.approx(-bound.item(), rel=0.01)
    assert answer.nats["importance_weighted_bound"] >= answer.nats["evidence_lower_bound"]
    np.testing.assert_allclose(answer.reconstruction, out.reconstruction[0].sigmoid().numpy(), atol=1e-6)
    assert next(words for _, words, _ in answer.rows(Options())).endswith(" nats")


def test_an_empty_sheet_is_doubted_and_a_wrong_file_is_said(network, tmp_path):
    from PIL import Image

    Image.new("L", (40, 40), 255).save(tmp_path / "empty.png")
    (empty,) = said(network, [tmp_path / "empty.png"])
    assert "empty.png in black and white" in empty.doubt
    (unread,) = said(network, [tmp_path / "none.png"])
    assert "none.png" in unread.reason


@pytest.mark.parametrize("kind", ["safetensors", "pt2", "onnx"])
def test_an_exported_file_says_the_same(network, picture, tmp_path, kind):
    if kind == "onnx":
        for module in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(module)
    path = tmp_path / f"vae.{kind}"
    formats.WRITERS[kind](network.module, network.spec, path)
    other = from_file(path)
    assert other.spec.to_json() == json.loads(json.dumps(network.spec.to_json()))
    for one, two in zip(said(network, count=3), said(other, count=3), strict=True):
        np.testing.assert_allclose(one.image, two.image, atol=1e-5)
    (one,), (two,) = said(network, [picture]), said(other, [picture])
    assert two.nats == pytest.approx(one.nats, rel=1e-4)


def test_the_export_is_compared_on_images_of_the_data(network):
    pipeline = Autoencoder(network)
    inputs = pipeline.rows(mnist.toy(rng=np.random.default_rng(0), count=7))
    assert {name: array.shape for name, array in inputs.items()} == {"image": (7, 1, 28, 28), "latent": (7, 3)}
    assert set(np.unique(inputs["image"])) == {0.0, 1.0}
    assert set(network.forward(inputs)) == set(network.spec.outputs)


def test_figures_and_the_card(network, picture):
    pipeline = Autoencoder(network)
    samples = said(network, count=11)
    assert all(isinstance(each, Sampled) for each in samples)
    (axis,) = pipeline.draw(samples).axes
    assert len(axis.images) == 12, "three rows of four"
    files = dict(pipeline.images([*samples[:2], *said(network, [picture])]))
    assert list(files) == ["seed0-0000", "seed0-0001", "0002-seven-rebuilt"]
    assert {(pixels.shape, pixels.dtype) for pixels in files.values()} == {((28, 28), np.dtype("uint8"))}
    assert len(pipeline.draw(said(network, [picture])).axes) == 3
    assert set(pipeline.card()) == {"What it does", "How pictures are prepared", "Limits"}

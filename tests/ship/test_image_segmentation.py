"""Segmentation in use: pictures of any size, in tiles, masks as run lengths, uncertainty."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

from PIL import Image

from upslope.data import isbi2012_membrane
from upslope.data.loading.dataset import Dataset
from upslope.features import Mask
from upslope.image.run_lengths import decode
from upslope.models.build import built
from upslope.ship import formats
from upslope.ship.pipelines.image_segmentation import ImageSegmentation, Segmented
from upslope.ship.pipelines.pipeline import LoadedModel, Options, UnreadableInput
from upslope.ship.predictor import from_file, in_torch
from upslope.training.tasks import image_segmentation as training


@pytest.fixture(scope="module")
def slices():
    return isbi2012_membrane.toy(rng=np.random.default_rng(0), count=6)


@pytest.fixture(scope="module")
def network(slices):
    network = built("unet-small", seed=0, widths=(4, 6, 8))
    spec = training.ImageSegmentation(network.module, train=slices).spec(network)
    module = formats.built(spec, {name: value.numpy() for name, value in network.module.state_dict().items()})
    return LoadedModel("segment-0001", spec, in_torch(module, spec), module)


def dark(inputs):
    """A network that calls membrane what is dark, the surer the darker."""
    grey = inputs["image"][:, 0]
    return {"logits": np.stack([10 * (grey - 0.5), 10 * (0.5 - grey)], axis=1).astype(np.float32)}


@pytest.mark.parametrize("size", [(64, 64), (150, 97), (20, 300), (10, 10)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_masks_have_the_size_of_the_picture(network, tmp_path, size, mode):
    rng = np.random.default_rng(0)
    pixels = np.where(rng.random(size) < 0.3, 20, 230).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(tmp_path / "slice.png")
    pipeline = ImageSegmentation(LoadedModel("dark", network.spec, dark))
    (answer,) = pipeline.answers([str(tmp_path / "slice.png")], Options())
    assert isinstance(answer, Segmented)
    assert np.array_equal(answer.mask == 1, pixels < 100)
    facts = answer.facts(Options())
    assert facts["size"] == [size[1], size[0]]
    membrane = facts["classes"][1]
    assert membrane["class"] == "membrane"
    assert np.array_equal(decode(membrane["mask"]), pixels < 100)
    assert membrane["share"] == pytest.approx((pixels < 100).mean(), abs=1e-6)
    assert json.dumps(facts)


def test_void_is_no_mistake(network, slices):
    """Pixels that nobody named are behind the classes: they are in no score."""
    masks = np.array(slices["mask"])
    outputs = {"logits": np.eye(2)[masks].transpose(0, 3, 1, 2)}
    masks[:, :20] = 2
    features = {**slices.features, "mask": Mask(("cell", "membrane", "void"))}
    street = Dataset({"image": slices["image"], "mask": masks}, features)
    assert ImageSegmentation(network).score(outputs, street) == ("pixel accuracy", 1.0)


def test_uncertainty_is_one_where_nothing_is_known(network, tmp_path):
    pixels = np.full((64, 64), 128, dtype=np.uint8)
    pixels[:, 32:] = 255
    Image.fromarray(pixels).save(tmp_path / "half.png")
    pipeline = ImageSegmentation(LoadedModel("dark", network.spec, dark))
    (answer,) = pipeline.answers([str(tmp_path / "half.png")], Options())
    assert answer.uncertainty[:, :20].min() > 0.99
    assert answer.uncertainty[:, 44:].max() < 0.1


def test_a_picture_of_the_set_is_answered_as_in_training(network, slices, tmp_path):
    Image.fromarray(np.rint(255 * slices["image"][0]).astype(np.uint8)).save(tmp_path / "0.png")
    (answer,) = ImageSegmentation(network).answers([str(tmp_path / "0.png")], Options())
    task = training.ImageSegmentation(network.module.unwrapped, train=slices)
    np.testing.assert_allclose(answer.probabilities, task.predict(slices)[0], atol=0.02)


def test_an_onnx_file_says_the_same(network, slices, tmp_path):
    pytest.importorskip("onnxscript")
    formats.write_onnx(network.module, network.spec, tmp_path / "slices.onnx")
    other = from_file(tmp_path / "slices.onnx")
    inputs = ImageSegmentation(network).rows(slices)
    np.testing.assert_allclose(other.forward(inputs)["logits"], network.forward(inputs)["logits"], atol=1e-4)
    name, score = ImageSegmentation(network).score(network.forward(inputs), slices)
    assert name == "pixel accuracy"
    assert 0 <= score <= 1


def test_what_was_said_is_drawn_and_what_is_no_picture_is_said(network, tmp_path):
    Image.fromarray(np.zeros((30, 40), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("words")
    pipeline = ImageSegmentation(LoadedModel("dark", network.spec, dark))
    first, second = pipeline.answers([str(tmp_path / "a.png"), str(tmp_path / "b.png")], Options())
    assert isinstance(second, UnreadableInput)
    drawn = pipeline.draw([first])
    assert [axis.get_title() for axis in drawn.axes] == ["a.png", "cell, membrane", "uncertainty"]
    assert pipeline.card()["Limits"]
    assert [row[0] for row in first.rows(Options())] == ["cell", "membrane"]


def test_many_classes_have_a_key(network, tmp_path):
    Image.fromarray(np.zeros((30, 40), np.uint8)).save(tmp_path / "a.png")
    names = ["sky", "building", "pole", "road", "pavement"]
    spec = replace(network.spec, outputs={"logits": {"classes": names}})
    some = {"logits": np.zeros((1, 5, 64, 64), np.float32)}
    pipeline = ImageSegmentation(LoadedModel("street", spec, lambda _: some))
    drawn = pipeline.draw(list(pipeline.answers([str(tmp_path / "a.png")], Options())))
    assert drawn.axes[1].get_title() == "5 classes"
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == names

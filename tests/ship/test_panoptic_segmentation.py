"""Pictures divided in use: any size, segments in their own pixels, the same in an ONNX file."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

from PIL import Image

from upslope.data import scenes
from upslope.data.loading.things_in_memory import with_classes
from upslope.image.run_lengths import decode
from upslope.models.build import built
from upslope.ship import formats
from upslope.ship.pipelines.panoptic_segmentation import PanopticSegmentation
from upslope.ship.pipelines.pipeline import LoadedModel, Options, pipeline_of
from upslope.ship.predictor import from_file, in_torch
from upslope.training.tasks import panoptic_segmentation as training


@pytest.fixture(scope="module")
def garments():
    return scenes.toy(rng=np.random.default_rng(0), count=4)


@pytest.fixture(scope="module")
def network(garments):
    network = built("panoptic-deeplab-toy", seed=0, in_channels=1, num_classes=13)
    spec = training.PanopticSegmentation(network.module, train=garments, side=32).spec(network)
    module = formats.built(spec, {name: value.numpy() for name, value in network.module.state_dict().items()})
    return LoadedModel("panoptic-0001", spec, in_torch(module, spec), module)


def bright(inputs):
    """Bright is a boot (12), dark is grass (1); a dimmer pixel of a boot is its center, and all point at themselves."""
    grey = inputs["image"][:, 0]
    logits = np.zeros((len(grey), 13, *grey.shape[1:]), dtype=np.float32)
    logits[:, 12], logits[:, 1] = grey > 0.3, grey <= 0.3
    maps = [logits, 0.9 * ((grey > 0.5) & (grey < 0.7))[:, None], np.zeros((len(grey), 2, *grey.shape[1:]))]
    return {"maps": np.concatenate(maps, axis=1).astype(np.float32)}


@pytest.mark.parametrize("size", [(64, 64), (50, 97), (20, 90)])
def test_two_boots_on_grass_are_segments_in_the_pixels_of_the_picture(network, tmp_path, size):
    pixels = np.zeros(size, dtype=np.uint8)
    pixels[5:15, 10:20] = pixels[5:15, 34:44] = 250
    pixels[9, 14] = pixels[9, 38] = 150
    pixels[17, 40:44] = 250  # without a center of its own it goes to the nearest
    Image.fromarray(pixels).save(tmp_path / "boots.png")
    pipeline = PanopticSegmentation(LoadedModel("bright", network.spec, bright))
    (answer,) = pipeline.answers([str(tmp_path / "boots.png")], Options())
    facts = answer.facts(Options())
    assert json.dumps(facts)
    assert facts["size"] == [size[1], size[0]]
    kinds = [(each["class"], each["number"]) for each in facts["segments"]]
    assert kinds == [("boot", 1), ("boot", 2), ("grass", None)]
    together = sum(decode(each["mask"]).astype(int) for each in facts["segments"])
    assert (together == 1).all(), "every pixel once"
    assert [row[0] for row in answer.rows(Options())] == ["boot", "grass"]
    assert answer.rows(Options())[0][1].startswith("2 found, ")
    (axis,) = pipeline.draw([answer]).axes
    assert axis.get_title() == "boots.png: grass, boot"


def test_a_picture_without_things_is_an_answer_with_a_doubt(network, tmp_path):
    Image.fromarray(np.full((40, 40), 9, np.uint8)).save(tmp_path / "a.png")
    pipeline = PanopticSegmentation(LoadedModel("bright", network.spec, bright))
    (answer,) = pipeline.answers([str(tmp_path / "a.png")], Options())
    assert answer.doubt.startswith("nothing that can be counted")
    assert [each["class"] for each in answer.segments()] == ["grass"]


def test_it_is_found_by_its_tag_and_answers_as_in_training(network, garments):
    assert pipeline_of("panoptic-segmentation") is PanopticSegmentation
    pipeline = PanopticSegmentation(network)
    data = with_classes(garments)
    task = training.PanopticSegmentation(network.module.model, train=data, side=32)
    maps = task.predict(data.take([0]))[0]
    np.testing.assert_allclose(pipeline.maps(data["image"][0]), maps, atol=1e-5)
    for one, other in zip(pipeline.divided(maps), task.divided(maps), strict=True):
        np.testing.assert_array_equal(one, other)
    assert {"What it does", "Limits"} <= set(pipeline.card())


def test_an_onnx_file_says_the_same(network, garments, tmp_path):
    pytest.importorskip("onnxscript")
    formats.write_onnx(network.module, network.spec, tmp_path / "panoptic.onnx")
    other = from_file(tmp_path / "panoptic.onnx")
    pipeline = PanopticSegmentation(network)
    inputs = pipeline.rows(garments)
    np.testing.assert_allclose(other.forward(inputs)["maps"], network.forward(inputs)["maps"], atol=1e-4)
    name, score = pipeline.score(network.forward(inputs), garments)
    assert name == "pq"
    assert 0 <= score <= 1

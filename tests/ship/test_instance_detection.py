"""Things found by a detector, in use: pictures of any size at their size, as in training, and from a file."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

from PIL import Image

from upslope.data import dsb2018
from upslope.data.loading.things_in_memory import with_distances
from upslope.image.run_lengths import decode
from upslope.models.build import built
from upslope.runs.errors import RunProblem
from upslope.ship import formats
from upslope.ship.pipelines.instance_detection import InstanceDetection
from upslope.ship.pipelines.pipeline import LoadedModel, Options, pipeline_of
from upslope.ship.predictor import from_file, in_torch
from upslope.training.tasks import instance_detection as training

TINY = {"widths": (4, 6, 8), "channels": 6, "hidden": 8, "cells": 2, "mask_cells": 4, "mask_depth": 1}


@pytest.fixture(scope="module")
def blobs():
    return dsb2018.toy(rng=np.random.default_rng(0), count=4)


@pytest.fixture(scope="module")
def network(blobs):
    network = built("mask-rcnn-small", seed=0, **TINY)
    task = training.InstanceDetection(network.module, train=with_distances(blobs), side=64)
    task.threshold = 0.3  # what has learned nothing is as sure of things as of ground
    spec = task.spec(network)
    module = formats.built(spec, {name: value.numpy() for name, value in network.module.state_dict().items()})
    return LoadedModel("nuclei-0001", spec, in_torch(module, spec), module)


def two(inputs):
    """A network that finds the same two boxes everywhere, the second in part where the first is."""
    most = 500
    boxes, scores = np.zeros((1, most, 4), np.float32), np.zeros((1, most), np.float32)
    boxes[0, :2] = [[10, 5, 24, 15], [20, 5, 34, 15]]
    scores[0, :2] = 0.9, 0.8
    return {"boxes": boxes, "scores": scores, "masks": np.ones((1, most, 14, 14), np.float32)}


def test_the_tag_finds_it(network):
    assert pipeline_of(network.spec.task) is InstanceDetection


@pytest.mark.parametrize("size", [(64, 64), (20, 90), (162, 51)])
@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_boxes_and_masks_are_things_in_the_pixels_of_the_picture(network, tmp_path, size, mode):
    Image.fromarray(np.full(size, 9, np.uint8)).convert(mode).save(tmp_path / "cells.png")
    pipeline = InstanceDetection(LoadedModel("two", network.spec, two))
    (answer,) = pipeline.answers([str(tmp_path / "cells.png")], Options())
    facts = answer.facts(Options())
    assert (answer.count, answer.labels.shape, facts["size"]) == (2, size, [size[1], size[0]])
    assert [thing["box"] for thing in facts["things"]] == [[10, 5, 24, 15], [24, 5, 34, 15]], "shared pixels once"
    assert [decode(thing["mask"]).sum() for thing in facts["things"]] == [140, 100]
    assert json.dumps(facts)
    assert len(pipeline.draw([answer]).axes[0].collections) == 2
    assert pipeline.card()["Limits"]


def test_a_picture_is_answered_as_in_training(network, blobs, tmp_path):
    """Of a size that fits no map."""
    levels = np.rint(255 * blobs["image"][0][:50, :61]).astype(np.uint8)
    Image.fromarray(levels).save(tmp_path / "0.png")
    pipeline = InstanceDetection(network)
    (item,) = pipeline.read([str(tmp_path / "0.png")], Options())
    task = training.InstanceDetection(network.module.model, train=with_distances(blobs), side=64)
    task.threshold = 0.3
    (found,) = task.predict(type(blobs)({"image": item.pixels[None]}, {"image": blobs.features["image"]}))
    things = pipeline.things(item.pixels)
    assert things.shape == (50, 61)
    assert things.any()
    np.testing.assert_array_equal(things, task.things(found))


def test_nothing_sure_enough_is_an_answer_with_a_doubt(network, tmp_path):
    def none(inputs):
        return {name: 0 * array for name, array in two(inputs).items()}

    Image.fromarray(np.full((40, 30), 9, np.uint8)).save(tmp_path / "a.png")
    (answer,) = InstanceDetection(LoadedModel("none", network.spec, none)).answers([str(tmp_path / "a.png")])
    assert (answer.count, answer.doubt[:24]) == (0, "no nucleus was found in ")


def test_a_file_of_weights_says_the_same_and_a_graph_is_refused(network, blobs, tmp_path):
    formats.write_safetensors(network.module, network.spec, tmp_path / "nuclei.safetensors")
    other = from_file(tmp_path / "nuclei.safetensors")
    pipeline = InstanceDetection(network)
    inputs = pipeline.rows(blobs)
    assert inputs["image"].shape == (4, 1, 64, 64)
    said, again = network.forward(inputs), other.forward(inputs)
    assert {name: array.shape for name, array in said.items()} == {
        "boxes": (4, 500, 4),
        "scores": (4, 500),
        "masks": (4, 500, 8, 8),
    }
    for name, array in said.items():
        np.testing.assert_array_equal(again[name], array)
    name, score = pipeline.score(said, blobs)
    assert name == "f1"
    assert 0 <= score <= 1
    with pytest.raises(RunProblem, match="no graph can hold"):
        formats.write_onnx(network.module, network.spec, tmp_path / "nuclei.onnx")

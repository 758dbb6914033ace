"""Things told apart in use: pictures of any size, counts, boxes and run lengths in their own pixels."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

from PIL import Image

from upslope.data import dsb2018
from upslope.data.loading.things_in_memory import with_distances
from upslope.image.run_lengths import decode
from upslope.models.build import built
from upslope.ship import formats
from upslope.ship.pipelines.instance_segmentation import Counted, InstanceSegmentation
from upslope.ship.pipelines.pipeline import LoadedModel, Options, UnreadableInput
from upslope.ship.predictor import from_file, in_torch
from upslope.training.tasks import instance_segmentation as training


@pytest.fixture(scope="module")
def blobs():
    return dsb2018.toy(rng=np.random.default_rng(0), count=4)


@pytest.fixture(scope="module")
def network(blobs):
    network = built("unet-small", seed=0, widths=(4, 6, 8))
    spec = training.InstanceSegmentation(network.module, train=with_distances(blobs), side=32).spec(network)
    module = formats.built(spec, {name: value.numpy() for name, value in network.module.state_dict().items()})
    return LoadedModel("nuclei-0001", spec, in_torch(module, spec), module)


def bright(inputs):
    """A network that calls foreground what is bright, and peak what is brightest."""
    grey = inputs["image"][:, 0]
    return {"maps": np.stack([grey > 0.3, grey], axis=1).astype(np.float32)}


@pytest.mark.parametrize("size", [(64, 64), (50, 97), (20, 90), (162, 51)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_two_that_touch_are_counted_in_the_pixels_of_the_picture(network, tmp_path, size, mode):
    """Bright at both ends and dimmer where they meet."""
    pixels = np.zeros(size, dtype=np.uint8)
    pixels[5:15, 10:20] = pixels[5:15, 24:34] = 250
    pixels[8:12, 20:24] = 110
    Image.fromarray(pixels).convert(mode).save(tmp_path / "cells.png")
    pipeline = InstanceSegmentation(LoadedModel("bright", network.spec, bright))
    (answer,) = pipeline.answers([str(tmp_path / "cells.png")], Options())
    assert isinstance(answer, Counted)
    assert (answer.count, answer.labels.shape) == (2, size)
    facts = answer.facts(Options())
    assert (facts["size"], facts["count"], facts["thing"]) == ([size[1], size[0]], 2, "nucleus")
    left, right = facts["things"]
    assert left["box"][:2] == [10, 5]
    assert right["box"][2:] == [34, 15]
    together = np.zeros(size, dtype=int)
    for thing in facts["things"]:
        mask = decode(thing["mask"])
        assert mask.sum() == thing["area"]
        rows, columns = np.nonzero(mask)
        assert thing["box"] == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        together += mask
    assert np.array_equal(together, pixels > 0)
    assert json.dumps(facts)
    assert answer.rows(Options())[0][1].startswith("2 found")


def test_a_picture_without_any_is_an_answer_with_a_doubt(network, tmp_path):
    Image.fromarray(np.full((40, 30), 9, np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("words")
    pipeline = InstanceSegmentation(LoadedModel("bright", network.spec, bright))
    first, second = pipeline.answers([str(tmp_path / "a.png"), str(tmp_path / "b.png")], Options())
    assert (first.count, first.facts(Options())["things"]) == (0, [])
    assert first.doubt.startswith("no nucleus was found in")
    assert first.rows(Options()) == [("nucleus", "none", None)]
    assert isinstance(second, UnreadableInput)
    assert [axis.get_title() for axis in pipeline.draw([first]).axes] == ["a.png: 0"]


def test_outlines_are_drawn(network, tmp_path):
    pixels = np.zeros((64, 64), dtype=np.uint8)
    pixels[5:20, 5:20] = pixels[30:50, 30:50] = 250
    Image.fromarray(pixels).save(tmp_path / "cells.png")
    pipeline = InstanceSegmentation(LoadedModel("bright", network.spec, bright))
    (answer,) = pipeline.answers([str(tmp_path / "cells.png")], Options())
    (axis,) = pipeline.draw([answer]).axes
    assert axis.get_title() == "cells.png: 2"
    assert len(axis.collections) == 2
    assert pipeline.card()["Limits"]


def test_a_picture_of_the_set_is_answered_as_in_training(network, blobs, tmp_path):
    levels = np.rint(255 * blobs["image"][0]).astype(np.uint8)
    Image.fromarray(levels).save(tmp_path / "0.png")
    pipeline = InstanceSegmentation(network)
    (item,) = pipeline.read([str(tmp_path / "0.png")], Options())
    blobs = with_distances(blobs)
    task = training.InstanceSegmentation(network.module.model, train=blobs, side=32)
    np.testing.assert_allclose(pipeline.maps(item.pixels), task.predict(blobs.take([0]))[0], atol=0.02)


def test_an_onnx_file_says_the_same(network, blobs, tmp_path):
    pytest.importorskip("onnxscript")
    formats.write_onnx(network.module, network.spec, tmp_path / "nuclei.onnx")
    other = from_file(tmp_path / "nuclei.onnx")
    pipeline = InstanceSegmentation(network)
    inputs = pipeline.rows(blobs)
    assert inputs["image"].shape == (4, 1, 32, 32)
    np.testing.assert_allclose(other.forward(inputs)["maps"], network.forward(inputs)["maps"], atol=1e-4)
    name, score = pipeline.score(network.forward(inputs), blobs)
    assert name == "f1"
    assert 0 <= score <= 1

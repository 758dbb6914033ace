"""Detection in use: boxes in the picture's own pixels, whatever its size, by PyTorch and by ONNX."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")


from PIL import Image

from upslope.data import bccd
from upslope.data.loading.boxed_pictures import at_size
from upslope.models.build import built
from upslope.runs.errors import RunProblem
from upslope.ship import formats
from upslope.ship.pipelines.object_detection import Detected, ObjectDetection
from upslope.ship.pipelines.pipeline import LoadedModel, Options, UnreadableInput
from upslope.ship.predictor import from_file, in_torch
from upslope.training.tasks import object_detection as training

TOY = {"widths": (4, 8, 8, 8, 8), "depths": (1, 1, 1, 1), "bins": 8}


@pytest.fixture(scope="module")
def cells():
    return bccd.toy(rng=np.random.default_rng(0), count=8)


@pytest.fixture(scope="module")
def network(cells):
    network = built("yolo-small", seed=0, **TOY)
    task = training.ObjectDetection(network.module, train=at_size(cells, 64, 96))
    task.threshold = 0.0095
    spec = task.spec(network)
    weights = {name: value.numpy() for name, value in network.module.state_dict().items()}
    module = formats.built(spec, weights)
    return LoadedModel("detect-0001", spec, in_torch(module, spec), module)


class White:
    """A network that finds what is white: one box around it, as parts of the canvas."""

    def __call__(self, inputs):
        boxes, scores = [], []
        for image in inputs["image"]:
            rows, columns = np.nonzero(image[0] > 0.9)
            height, width = image.shape[1:]
            edges = [columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height]
            boxes.append([edges, edges])
            scores.append([[0, 0.9, 0], [0, 0.4, 0]])
        return {"boxes": np.array(boxes, np.float32), "scores": np.array(scores, np.float32)}


@pytest.mark.parametrize("size", [(480, 640), (162, 519), (300, 40), (50, 50)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_boxes_come_back_to_the_pixels_of_the_picture(network, tmp_path, size, mode):
    height, width = size
    pixels = np.zeros((height, width), dtype=np.uint8)
    top, left = height // 3, width // 4
    pixels[top : top + height // 2, left : left + width // 2] = 255
    Image.fromarray(pixels).convert(mode).save(tmp_path / "white.png")
    pipeline = ObjectDetection(LoadedModel("white", network.spec, White()))
    (answer,) = pipeline.answers([str(tmp_path / "white.png")], Options())
    assert isinstance(answer, Detected)
    facts = answer.facts(Options())
    assert facts["size"] == [width, height]
    assert facts["counts"] == {"RBC": 0, "WBC": 1, "Platelets": 0}, "the second box is the first one again"
    near = max(1.0, 1.5 * max(height / 64, width / 96))
    expected = [left, top, left + width // 2, top + height // 2]
    np.testing.assert_allclose(facts["boxes"][0]["box"], expected, atol=near)
    assert json.dumps(facts)


def test_a_picture_turned_by_its_camera_has_its_boxes_upright(network, tmp_path):
    upright = np.zeros((60, 90), dtype=np.uint8)
    upright[10:30, 50:80] = 255
    turned = Image.fromarray(np.rot90(upright))
    exif = turned.getexif()
    exif[0x0112] = 6  # what was turned to the left is turned back
    turned.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    pipeline = ObjectDetection(LoadedModel("white", network.spec, White()))
    (answer,) = pipeline.answers([str(tmp_path / "turned.jpg")], Options())
    np.testing.assert_allclose(answer.found.boxes[0], [50, 10, 80, 30], atol=2)


def test_an_onnx_file_finds_the_same(network, cells, tmp_path):
    pytest.importorskip("onnxscript")
    formats.write_onnx(network.module, network.spec, tmp_path / "cells.onnx")
    other = from_file(tmp_path / "cells.onnx")
    pipeline = ObjectDetection(network)
    inputs = pipeline.rows(cells)
    for count in (1, 5):
        some = {name: array[:count] for name, array in inputs.items()}
        one, two = network.forward(some), other.forward(some)
        for name in ("boxes", "scores"):
            np.testing.assert_allclose(one[name], two[name], atol=1e-5)
    assert 0 <= one["boxes"].min() <= one["boxes"].max() <= 1
    assert 0 <= one["scores"].min() <= one["scores"].max() <= 1


def test_what_is_no_picture_and_nothing_found_are_said(network, tmp_path):
    (tmp_path / "words.png").write_text("words")
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / "black.png")
    unsure = {"boxes": np.zeros((1, 3, 4), np.float32), "scores": np.zeros((1, 3, 3), np.float32)}
    strict = LoadedModel("strict", network.spec, lambda _: unsure)
    first, second = ObjectDetection(strict).answers(
        [str(tmp_path / "words.png"), str(tmp_path / "black.png")], Options()
    )
    assert isinstance(first, UnreadableInput)
    assert second.doubt.endswith("black.png: none of RBC, WBC, Platelets")
    assert second.rows(Options()) == []


def test_what_was_found_is_drawn(network, cells, tmp_path):
    paths = []
    for number in range(2):
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray((255 * cells["image"][number]).astype(np.uint8)).save(paths[-1])
    pipeline = ObjectDetection(network)
    answers = list(pipeline.answers(paths, Options()))
    drawn = pipeline.draw(answers)
    boxes = sum(len(answer.found.scores) for answer in answers)
    assert sum(len(axis.patches) for axis in drawn.axes) == boxes > 0
    assert pipeline.card()["What it does"]


def test_boxes_of_a_strip_are_drawn_on_their_things(network, tmp_path):
    """Of 3,000 x 37 pixels the drawn copy has 11 columns, not 11.1: each side has a factor of its own."""
    pixels = np.zeros((3000, 37), dtype=np.uint8)
    pixels[2400:2990] = 255
    Image.fromarray(pixels).save(tmp_path / "strip.png")
    pipeline = ObjectDetection(LoadedModel("white", network.spec, White()))
    (answer,) = pipeline.answers([str(tmp_path / "strip.png")], Options())
    (axis,) = pipeline.draw([answer]).axes
    shown = axis.images[0].get_array()
    rows = np.nonzero(shown[..., 0] > 0.5)[0]
    (box,) = axis.patches
    expected = answer.found.boxes[0][[1, 3]] * len(shown) / answer.item.done.height
    np.testing.assert_allclose([box.get_y(), box.get_y() + box.get_height()], expected, atol=0.5)
    assert rows.max() < len(shown)


def test_two_stages_answer_and_are_no_graph(cells, tmp_path):
    """A run of Faster R-CNN predicts; exporting it as a graph says why not, and safetensors holds it."""
    network = built("faster-rcnn-small", seed=0, widths=(4, 6, 8), channels=6, hidden=8, cells=2)
    spec = training.ObjectDetection(network.module, train=at_size(cells, 64, 96)).spec(network)
    module = formats.built(spec, {name: value.numpy() for name, value in network.module.state_dict().items()})
    pipeline = ObjectDetection(LoadedModel("faster", spec, in_torch(module, spec), module))
    Image.fromarray((255 * cells["image"][0]).astype(np.uint8)).save(tmp_path / "0.png")
    (answer,) = pipeline.answers([str(tmp_path / "0.png")], Options())
    assert answer.facts(Options())["size"] == [96, 72]
    for kind in ("onnx", "pt2"):
        with pytest.raises(RunProblem, match="looks at as many places as it finds, which no graph can hold"):
            formats.WRITERS[kind](module, spec, tmp_path / f"x.{kind}")
    formats.WRITERS["safetensors"](module, spec, tmp_path / "x.safetensors")
    again = from_file(tmp_path / "x.safetensors")
    inputs = pipeline.rows(cells)
    np.testing.assert_allclose(again.forward(inputs)["scores"], pipeline.network.forward(inputs)["scores"], atol=1e-6)

"""Translation in use: the edges of a picture, prepared as in training, and what was made of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from upslope.image.canny import canny
from upslope.runs.model_spec import ModelSpec
from upslope.ship.pictures import Shown
from upslope.ship.pipelines.image_to_image import ImageToImage
from upslope.ship.pipelines.pipeline import LoadedModel, Options

SPEC = ModelSpec(
    task="image-to-image",
    model="cyclegan",
    arguments={},
    inputs={"image": {"shape": [1, 12, 12], "dtype": "float32"}},
    outputs={"image": {"low": -1.0, "high": 1.0}},
    preprocessing={"look": "product", "canny": [0.8, 1.6]},
    data="fashion_mnist",
)
SQUARE = np.zeros((1, 12, 12), dtype=np.float32)
SQUARE[0, 3:9, 3:9] = 1


@pytest.fixture
def pipeline():
    return ImageToImage(LoadedModel("cyclegan-0001", SPEC, lambda inputs: {"image": -inputs["image"]}))


def answered(pipeline, seen):
    item = Shown(Path("one.png"), seen, None)
    (answer,) = pipeline.postprocess(pipeline.network.forward(pipeline.preprocess([item])), [item])
    return answer


def test_what_goes_in_are_edges_as_in_training(pipeline):
    (edges,) = pipeline.preprocess([Shown(Path("one.png"), SQUARE, None)])["image"]
    assert set(np.unique(edges)) == {-1.0, 1.0}
    assert np.array_equal(edges[0] == 1, canny(SQUARE[0], low=0.8, high=1.6))


def test_pixels_come_back_in_their_range(pipeline):
    answer = answered(pipeline, SQUARE)
    np.testing.assert_allclose(answer.image, 1 - answer.lines)
    facts = json.loads(json.dumps(answer.facts(Options())))
    assert (facts["path"], facts["doubt"]) == ("one.png", None)
    assert facts["lines"] == pytest.approx(answer.lines.mean())
    assert pipeline.draw([answer]).axes[2].get_title() == "filled in"


def test_a_picture_without_edges_is_doubted(pipeline):
    assert "hardly any edges" in answered(pipeline, np.zeros_like(SQUARE)).doubt

"""Painting in use: any picture of any size and mode, tiles that equal the whole, exported files."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch
from PIL import Image

from upslope.image.tiles import tile_and_crop
from upslope.models.build import built
from upslope.runs.model_spec import ModelSpec
from upslope.ship import formats
from upslope.ship.pipelines import image_to_image as module
from upslope.ship.pipelines.image_to_image import ImageToImage
from upslope.ship.pipelines.pipeline import LoadedModel, Options, UnreadableInput
from upslope.ship.predictor import from_file, in_torch
from upslope.ship.steady_tiles import steadied


@pytest.fixture(scope="module")
def network():
    network = built("transformer-net-toy", seed=0)
    shape = [3, 32, 32]
    spec = ModelSpec(
        task="image-to-image",
        model=network.model,
        arguments=network.arguments,
        inputs={"image": {"shape": shape, "dtype": "float32"}},
        outputs={"painted": {"shape": shape}},
        preprocessing={"painting": "udnie"},
    )
    weights = {name: value.numpy() for name, value in network.module.state_dict().items()}
    built_again = formats.built(spec, weights)
    return LoadedModel("paint-0001", spec, in_torch(built_again, spec), built_again)


def scene(height, width, *, seed=0):
    """Smooth areas of every level, more contrast on the right than on the left."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((3, -(-height // 8), -(-width // 8)), dtype=np.float32)
    fine = coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
    return 0.5 + (fine - 0.5) * np.linspace(0.1, 1, width, dtype=np.float32)


def said(network, *paths):
    return list(ImageToImage(network).answers([str(path) for path in paths], Options()))


MODES = {
    "alpha": lambda rgb: np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]),
    "grey": lambda rgb: rgb[..., 0],
    "cmyk": lambda rgb: Image.fromarray(rgb).convert("CMYK"),
    "16-bit": lambda rgb: rgb[..., 0].astype(np.uint16) * 257,
}


@pytest.mark.parametrize("mode", MODES)
def test_pictures_of_every_mode_are_painted(network, tmp_path, mode):
    rgb = np.rint(255 * scene(33, 47).transpose(1, 2, 0)).astype(np.uint8)
    made = MODES[mode](rgb)
    path = tmp_path / ("picture.tif" if mode == "cmyk" else "picture.png")
    (made if isinstance(made, Image.Image) else Image.fromarray(made)).save(path)
    (answer,) = said(network, path)
    assert answer.picture.shape == (33, 47, 3)
    assert answer.picture.dtype == np.uint8
    expected = rgb if mode in ("alpha", "cmyk") else rgb[..., :1].repeat(3, axis=2)
    np.testing.assert_allclose(answer.before.transpose(1, 2, 0), expected / 255, atol=0.02)
    with torch.no_grad():
        whole = network.module(torch.from_numpy(answer.before[None])).clamp(0, 1)[0].numpy()
    np.testing.assert_allclose(answer.after, whole, atol=1e-5)
    json.dumps(answer.facts(Options()))


def test_too_small_a_picture_is_refused_with_its_size(network, tmp_path):
    Image.fromarray(np.zeros((4, 90, 3), np.uint8)).save(tmp_path / "thin.png")
    (answer,) = said(network, tmp_path / "thin.png")
    assert isinstance(answer, UnreadableInput)
    assert answer.reason == "thin.png has 4 x 90 pixels, and each side needs at least 5"


def test_tiles_equal_the_whole(network):
    """With the contrast of the whole, a picture in tiles is the whole picture, at odd sizes as well."""
    picture = scene(151, 203)
    model = steadied(network.module, picture[None])
    whole = model.forward(picture[None])[0]
    with torch.no_grad():
        first = network.module(torch.from_numpy(picture[None])).clamp(0, 1)[0].numpy()
    np.testing.assert_allclose(whole, first, atol=1e-4)
    tiled = tile_and_crop(picture, model.forward, tile=50, reach=model.reach, grid=model.grid)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    # The reach is needed, and so is the contrast of the whole.
    short = tile_and_crop(picture, model.forward, tile=50, reach=4, grid=model.grid)
    assert np.abs(short - whole).max() > 1e-3

    def alone(part):
        with torch.no_grad():
            return network.module(torch.from_numpy(np.ascontiguousarray(part))).clamp(0, 1).numpy()

    own = tile_and_crop(picture, alone, tile=50, reach=model.reach, grid=model.grid)
    assert np.abs(own - whole).max() > 0.05


def test_a_large_picture_is_close_to_the_whole_without_seams(network, monkeypatch):
    pipeline, picture = ImageToImage(network), scene(180, 230)
    whole = pipeline.painted(picture)
    monkeypatch.setattr(module, "WHOLE", 1000)
    monkeypatch.setattr(module, "TILE", 96)
    tiled = pipeline.painted(picture)
    assert np.abs(tiled - whole).mean() < 0.03
    model = steadied(network.module, module.spread_tiles(picture))
    np.testing.assert_allclose(tiled, model.forward(picture[None])[0], atol=1e-5)
    assert network.module.training is False
    np.testing.assert_allclose(pipeline.network.forward({"image": picture[None]})["painted"].clip(0, 1)[0], whole)


def test_an_exported_file_paints_tiles_and_says_so(network, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    path = tmp_path / "paint.onnx"
    formats.write_onnx(network.module, network.spec, path)
    exported = from_file(path)
    own = scene(32, 32)
    np.testing.assert_allclose(ImageToImage(exported).painted(own), ImageToImage(network).painted(own), atol=1e-4)
    Image.fromarray(np.rint(255 * scene(50, 40).transpose(1, 2, 0)).astype(np.uint8)).save(tmp_path / "a.png")
    (answer,) = said(exported, tmp_path / "a.png")
    assert answer.picture.shape == (50, 40, 3)
    assert answer.doubt.startswith("paint.onnx takes tiles of 32 x 32 only")


def test_it_is_drawn_and_described(network, tmp_path):
    Image.fromarray(np.rint(255 * scene(40, 30).transpose(1, 2, 0)).astype(np.uint8)).save(tmp_path / "a.png")
    pipeline, answers = ImageToImage(network), said(network, tmp_path / "a.png")
    assert len(pipeline.draw(answers).axes) == 2
    ((name, picture),) = pipeline.images(answers)
    assert (name, picture.shape) == ("a", (40, 30, 3))
    assert "udnie" in pipeline.card()["What it does"][0]
    assert answers[0].rows(Options())[0][:2] == ("pixels", "40 x 30")

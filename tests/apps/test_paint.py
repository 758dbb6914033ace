"""Painting pictures and clips: sizes, colors that stay, two styles, the rates, errors."""

import json

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("torch", reason="the pipeline's module is looked up with it")

from PIL import Image

from upslope.apps.frames import Clip, Footage, opened
from upslope.apps.paint import STAGES, Manner, paint, with_colors_of
from upslope.cli.main import main
from upslope.cli.terminal.exits import Exit
from upslope.image.color_spaces import rgb_to_ycbcr
from upslope.runs.model_spec import ModelSpec
from upslope.ship.pipelines.image_to_image import ImageToImage
from upslope.ship.pipelines.pipeline import LoadedModel

SHAPE = {"shape": [3, 16, 16], "dtype": "float32"}
SPEC = ModelSpec("image-to-image", "transformer-net", {}, {"image": SHAPE}, {"painted": {}})


def painter(name, change):
    return ImageToImage(LoadedModel(name, SPEC, lambda inputs: {"painted": change(inputs["image"])}, module=object()))


@pytest.fixture
def negative():
    return painter("negative", lambda x: 1 - x)


@pytest.fixture
def black():
    return painter("black", lambda x: 0 * x)


def frame(number, *, height=24, width=36):
    return np.full((height, width, 3), (10 * number, 60, 200), np.uint8)


def footage(count):
    return Footage("frames", False, 25.0, iter([frame(number) for number in range(count)]), count)


def test_every_frame_is_painted_and_timed(negative):
    made = []
    rates = paint(Manner(negative), footage(5), each=made.append)
    assert (rates.frames, rates.to_the_end) == (5, True)
    assert set(rates.stages) == set(STAGES)
    assert rates.slowest in STAGES
    assert rates.per_second > 0
    for number, picture in enumerate(made):
        assert np.array_equal(picture, 255 - frame(number))


def test_two_styles_are_mixed_by_their_share(negative, black):
    made = []
    paint(Manner(negative, black, share=0.25), footage(1), each=made.append)
    np.testing.assert_allclose(made[0], 0.75 * (255 - frame(0).astype(float)), atol=1)


def test_colors_that_are_kept_are_the_frames_own(negative):
    made = []
    mild = np.full((24, 36, 3), (100, 110, 140), np.uint8)
    paint(Manner(negative, keep_colors=True), Footage("one", False, 25.0, iter([mild])), each=made.append)
    before, after = (rgb_to_ycbcr(each).astype(int) for each in (mild, made[0]))
    assert np.abs(before[..., 1:] - after[..., 1:]).max() <= 1
    assert np.abs(255 - before[..., 0] - after[..., 0]).max() <= 1
    grey = np.full((4, 4, 3), 90, np.uint8)
    assert np.array_equal(with_colors_of(grey, 2 * grey), 2 * grey)


def test_longest_bounds_the_longer_side(negative):
    made = []
    paint(Manner(negative, longest=18), footage(1), each=made.append)
    assert made[0].shape == (12, 18, 3)


@pytest.fixture
def command(monkeypatch, negative):
    monkeypatch.setattr("upslope.ship.predictor.load", lambda word: negative)
    return lambda *words: main(["app", "paint", "negative", *map(str, words)])


def test_a_picture_becomes_a_picture(command, tmp_path, capsys):
    Image.fromarray(frame(3)).save(tmp_path / "in.png")
    assert command(tmp_path / "in.png", "--out", tmp_path / "out.png", "--json") == Exit.DONE
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), 255 - frame(3))
    said = json.loads(capsys.readouterr().out)
    assert said["frames"] == 1
    assert said["slowest"] in STAGES
    assert command(tmp_path / "in.png", "--out", tmp_path / "out.png") == Exit.USAGE
    assert "exists already" in capsys.readouterr().err


def test_a_clip_becomes_a_clip(command, tmp_path):
    clip = Clip(tmp_path / "in.mp4", 25)
    for number in range(6):
        clip.add(frame(number))
    clip.close()
    assert command(tmp_path / "in.mp4", "--out", tmp_path / "out.mp4", "--frames", 4) == Exit.DONE
    with opened(str(tmp_path / "out.mp4")) as painted:
        frames = list(painted.frames)
    assert len(frames) == 4
    assert frames[0].shape == (24, 36, 3)
    assert abs(int(frames[0][12, 18, 2]) - 55) < 25


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("in.png", "--out", "out.txt"), "and out.txt ends in neither"),
        (("in.png", "--out", "out.png", "--share", "1.5"), "--share is a number from 0 to 1, not 1.5"),
        (("0", "--out", "out.png"), "0 gives many pictures: --out names a clip (.mp4)"),
        (("in.png", "--out", "out.png", "--longest", "3"), "--longest is at least 5 pixels, not 3"),
        (("in.png", "--out", "out.mp4", "--frames", "0"), "--frames is at least 1, not 0"),
    ],
)
def test_errors_are_sentences(command, capsys, words, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command(*words) == Exit.USAGE
    assert sentence in " ".join(capsys.readouterr().err.split())

"""A second look: eight positions, uncertainty that finds what is wrong, places to look at, and errors in words."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="the pipeline's module is looked up with it")

from PIL import Image

from upslope.apps.medical import NOTICE, eightfold, entropy, examine, judge, look_here
from upslope.cli.main import main
from upslope.cli.terminal.exits import Exit
from upslope.data.loading.masks import read_mask
from upslope.image.read import UnreadablePicture
from upslope.runs.model_spec import ModelSpec
from upslope.ship.pipelines.image_segmentation import ImageSegmentation
from upslope.ship.pipelines.pipeline import LoadedModel

SPEC = ModelSpec(
    task="image-segmentation",
    model="unet",
    arguments={},
    inputs={"image": {"shape": [1, 64, 64], "dtype": "float32"}},
    outputs={"logits": {"classes": ["cell", "membrane"]}},
    preprocessing={"mean": [0.5], "std": [0.2]},
)


def dark(inputs):
    """Calls membrane what is dark, the surer the darker."""
    grey = inputs["image"][:, 0]
    return {"logits": np.stack([8 * (grey - 0.5), 8 * (0.5 - grey)], axis=1).astype(np.float32)}


@pytest.fixture
def pipeline():
    return ImageSegmentation(LoadedModel("dark", SPEC, dark))


def test_eight_positions_are_turned_back():
    """A network that looks at single pixels says the same in every position; one that sees a corner is evened out."""
    pixels = np.random.default_rng(0).random((1, 30, 50)).astype(np.float32)
    shapes = []

    def ask(x):
        shapes.append(x.shape)
        return np.concatenate([x, 1 - x])

    np.testing.assert_allclose(eightfold(ask, pixels), np.concatenate([pixels, 1 - pixels]), atol=1e-6)
    assert sorted(set(shapes)) == [(1, 30, 50), (1, 50, 30)]
    assert len(shapes) == 8

    def corner(x):
        said = np.zeros((1, *x.shape[1:]), dtype=np.float32)
        said[0, 0, 0] = 1
        return said

    said = eightfold(corner, pixels)[0]
    assert [said[y, x] for y in (0, -1) for x in (0, -1)] == pytest.approx([0.25] * 4)


def test_entropy_is_zero_for_what_is_certain_and_one_for_what_is_not():
    p = np.array([[[1.0, 0.5, 1 / 3]], [[0.0, 0.5, 1 / 3]], [[0.0, 0.0, 1 / 3]]], dtype=np.float32)
    np.testing.assert_allclose(entropy(p), [[0, np.log(2) / np.log(3), 1]], atol=1e-6)


def test_places_to_look_at_do_not_overlap_and_come_in_order():
    unsure = np.random.default_rng(1).random((200, 300)).astype(np.float32) * 0.1
    unsure[150:198, 10:58] = 0.9
    unsure[5:53, 250:298] = 0.7
    spots = look_here(unsure)
    assert (spots[0].left, spots[0].top) == (10, 150)
    assert (spots[1].left, spots[1].top) == (250, 5)
    assert [s.uncertainty for s in spots] == sorted((s.uncertainty for s in spots), reverse=True)
    for one in spots:
        assert 0 <= one.left <= 300 - one.side
        assert 0 <= one.top <= 200 - one.side
        assert all(o is one or abs(o.left - one.left) >= 48 or abs(o.top - one.top) >= 48 for o in spots)
    assert look_here(np.zeros((20, 90), np.float32))[0].side == 20


def test_what_is_marked_is_measured_and_counted(pipeline):
    pixels = np.full((1, 80, 120), 0.9, dtype=np.float32)
    pixels[0, 10:20, 10:40], pixels[0, 40:60, 60:70], pixels[0, 70, 70] = 0.1, 0.1, 0.1
    finding = examine(pipeline, pixels)
    assert finding.areas == {"cell": 80 * 120 - 501, "membrane": 501}
    assert finding.counts == {"membrane": 2}, "a single pixel is no thing"
    assert finding.judged == {}


def test_the_uncertainty_finds_what_is_wrong():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, (60, 60))
    sure = rng.random((60, 60)) * 0.5 + 0.5
    wrong = rng.random((60, 60)) < 1 - sure  # as often as the probabilities say
    said = np.where(wrong, 1 - truth, truth)
    p = np.where(np.arange(2)[:, None, None] == said, sure, 1 - sure).astype(np.float32)
    judged = judge(p, entropy(p), truth)
    assert judged["uncertainty_auc"] > 0.65
    assert judged["calibration_error"] < 0.03
    with pytest.raises(ValueError, match="they must be equal"):
        judge(p, entropy(p), truth[:50])


@pytest.fixture
def loaded(monkeypatch, pipeline):
    monkeypatch.setattr("upslope.ship.predictor.load", lambda word: pipeline)


def test_the_verb(loaded, tmp_path, capsys):
    pixels = np.full((90, 130), 230, np.uint8)
    pixels[20:40, 20:90] = 20
    Image.fromarray(pixels).save(tmp_path / "slice.png")
    Image.fromarray(np.where(pixels < 100, 0, 255).astype(np.uint8)).save(tmp_path / "truth.png")
    words = ["app", "medical", "dark", str(tmp_path / "slice.png"), "--out", str(tmp_path / "out.png")]
    assert main([*words, "--truth", str(tmp_path / "truth.png"), "--json"]) == Exit.DONE
    said = json.loads(capsys.readouterr().out)
    assert said["judged"]["dice"] == 1
    assert said["areas"]["membrane"] == 20 * 70
    assert said["notice"] == NOTICE
    with Image.open(tmp_path / "out.png") as drawn:
        assert drawn.size[0] > 900
    assert main(words) == Exit.DONE
    assert NOTICE in " ".join(capsys.readouterr().out.split())


def membrane():
    """What was traced, as classes."""
    return np.kron(np.array([[0, 1, 0], [1, 1, 0]]), np.ones((8, 8), int)).astype(np.uint8)


def with_palette(classes, *colours):
    picture = Image.new("P", classes.shape[::-1])
    picture.putpalette(sum(colours, ()))
    picture.putdata(classes.ravel().tolist())
    return picture


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(Image.fromarray(255 * (1 - membrane())), id="0 and 255, dark is what was traced"),
        pytest.param(Image.fromarray(255 * (1 - membrane())).convert("RGB"), id="the same in three channels"),
        pytest.param(Image.fromarray(255 * (1 - membrane())).convert("1"), id="the same in one bit"),
        pytest.param(Image.fromarray(membrane()), id="numbers of classes"),
        pytest.param(with_palette(membrane(), (0, 0, 0), (128, 0, 0)), id="numbers behind a palette, as VOC has them"),
        pytest.param(with_palette(membrane(), (255, 0, 0), (0, 255, 0)), id="colours that are equally bright"),
        pytest.param(with_palette(membrane(), (255, 255, 255), (0, 0, 0)), id="a palette of black and white"),
    ],
)
def test_masks_of_every_form_say_the_same(picture, tmp_path):
    picture.save(tmp_path / "mask.png")
    assert np.array_equal(read_mask(tmp_path / "mask.png", classes=2), membrane())


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (Image.fromarray(np.dstack([255 * membrane(), 0 * membrane(), 0 * membrane()])), "mask.png is in colour"),
        (Image.fromarray(np.array([[0, 128, 255]], np.uint8)), "has 3 levels of grey, and a mask of 2 classes"),
        (
            with_palette(np.array([[0, 1, 2]], np.uint8), (9, 0, 0), (0, 9, 0), (0, 0, 9)),
            "holds 2 behind its colours, and the classes are 0 to 1",
        ),
    ],
)
def test_masks_that_cannot_be_understood_are_refused(picture, said, tmp_path):
    picture.save(tmp_path / "mask.png")
    with pytest.raises(UnreadablePicture, match=said):
        read_mask(tmp_path / "mask.png", classes=2)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--out", "x.jpg"], "--out writes a PNG picture, and x.jpg does not end in .png"),
        (["--truth", "small.png"], "must have the same size; they have 10 x 10 and 64 x 64 pixels"),
        (["--truth", "grey.png"], "grey.png has 100 levels of grey, and a mask of 2 classes has at most that many"),
    ],
)
def test_what_does_not_fit_is_said(loaded, tmp_path, capsys, monkeypatch, extra, said):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((64, 64), np.uint8)).save("slice.png")
    Image.fromarray(np.zeros((10, 10), np.uint8)).save("small.png")
    Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10)).save("grey.png")
    assert main(["app", "medical", "dark", "slice.png", *extra]) == Exit.USAGE
    assert said in " ".join(capsys.readouterr().err.split())

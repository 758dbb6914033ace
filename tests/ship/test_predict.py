"""Whatever a picture's file looks like, the network is shown the same picture, and each answer stands by its own file.

The networks here are matrices: what they are shown and what they must say can be computed beside them. Most of them
take pictures as they are; those that learned from handwriting take seconds for twenty.
"""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from upslope.runs.errors import RunProblem
from upslope.runs.model_spec import ModelSpec
from upslope.ship.pipelines import image_classification
from upslope.ship.pipelines.image_classification import ImageClassification
from upslope.ship.pipelines.pipeline import LoadedModel, Prediction, Remark, UnreadableInput

ORIENTATION = 0x0112
SHAPES = {
    "7": [(60, 50), (140, 50), (90, 160)],
    "1": [(100, 40), (100, 160)],
    "L": [(70, 40), (70, 150), (140, 150)],
    "Z": [(60, 50), (140, 50), (60, 150), (140, 150)],
    "V": [(60, 40), (100, 160), (140, 40)],
    "-": [(40, 100), (160, 100)],
    "N": [(60, 150), (60, 50), (140, 150), (140, 50)],
}


def written(shape, *, size=200):
    """Black strokes on white paper, as a grey picture."""
    image = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(image).line(SHAPES[shape], fill=0, width=14, joint="curve")
    return image.resize((size, size))


def coloured():
    """No two quarters, and no two channels, alike."""
    image = Image.new("RGB", (160, 160), (230, 30, 60))
    draw = ImageDraw.Draw(image)
    draw.rectangle((80, 0, 160, 80), fill=(20, 200, 90))
    draw.rectangle((0, 80, 80, 160), fill=(40, 60, 220))
    return image


class Matrix:
    """A network that multiplies, and remembers what it was shown."""

    def __init__(self, data="", shape=(1, 28, 28), gain=1 / 28):
        rng = np.random.default_rng(11)
        self.weights = gain * rng.standard_normal((int(np.prod(shape)), 10))
        self.batches = []
        spec = ModelSpec(
            task="image-classification",
            model="matrix",
            arguments={},
            inputs={"image": {"shape": list(shape), "dtype": "float32"}},
            outputs={"logits": {"classes": list("abcdefghij")}},
            preprocessing={"mean": [0.0], "std": [1.0]},
            data=data,
        )
        self.reader = ImageClassification(LoadedModel("matrix-0001", spec, self.forward))

    def forward(self, inputs):
        pictures = inputs["image"]
        self.batches.append(pictures)
        return {"logits": (pictures.reshape(len(pictures), -1) @ self.weights).astype(np.float32)}

    def says_all(self, paths):
        return list(self.reader.answers(list(map(str, paths))))

    def says(self, path):
        """The one answer about this file, as probabilities in the order of the classes."""
        (answer,) = self.reader.answers([str(path)])
        assert isinstance(answer, Prediction), answer
        return by_class(answer)


def by_class(answer):
    return np.array([share for _, share in sorted(zip(answer.classes, answer.probabilities, strict=True))])


def saved(image, path, **how):
    image.save(path, **how)
    return path


@pytest.fixture
def pictures(tmp_path):
    """Seven pictures, all different."""
    return [saved(written(shape), tmp_path / f"{n}.png") for n, shape in enumerate(SHAPES)]


def test_an_answer_is_a_softmax_over_the_scores(pictures):
    network = Matrix()
    (answer,) = network.says_all(pictures[:1])
    scores = answer.item.seen.reshape(-1).astype(np.float64) @ network.weights
    expected = np.exp(scores) / np.exp(scores).sum()
    assert by_class(answer) == pytest.approx(expected, abs=1e-6)
    assert answer.classes[0] == "abcdefghij"[int(np.argmax(scores))]
    assert list(answer.probabilities) == sorted(answer.probabilities, reverse=True)
    assert sum(answer.probabilities) == pytest.approx(1, abs=1e-5)


def test_answers_stand_in_the_order_of_the_files(pictures, tmp_path, monkeypatch):
    """With unreadable ones between them, folders among them, a file twice, and few pictures in memory at once."""
    monkeypatch.setattr(ImageClassification, "together", 2)
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    folder, bare = tmp_path / "folder", tmp_path / "bare"
    folder.mkdir()
    bare.mkdir()
    inside = [saved(written(shape), folder / f"{shape}.png") for shape in ("7", "L", "Z")]
    (folder / "notes.txt").write_text("no picture, and nobody said that it were")
    missing = tmp_path / "missing.png"
    asked = [pictures[4], bad, pictures[0], pictures[1], bad, folder, bare, missing, pictures[0]]
    expected = [pictures[4], bad, pictures[0], pictures[1], bad, *inside, folder, bare, missing, pictures[0]]
    network = Matrix()
    found = list(network.says_all(asked))
    assert [one.subject for one in found] == list(map(str, expected))
    assert [one.subject for one in found if isinstance(one, UnreadableInput)] == list(
        map(str, [bad, bad, bare, missing])
    )
    for one in found:
        if isinstance(one, Prediction):
            assert np.array_equal(by_class(one), network.says(one.path)), one.path
        elif isinstance(one, Remark):
            assert one.sentence == f"1 in {folder} left out, as their names are not read here: 1 .txt"
        else:
            assert one.subject.rpartition("/")[2] in one.reason


@pytest.mark.parametrize("together", [1, 3, 7, 64])
def test_one_by_one_is_all_at_once(pictures, monkeypatch, together):
    alone = [Matrix().says(path) for path in pictures]
    assert len({tuple(shares) for shares in alone}) == len(pictures), "no two pictures alike"
    monkeypatch.setattr(ImageClassification, "together", together)
    network = Matrix()
    found = list(network.says_all(pictures))
    for one, expected in zip(found, alone, strict=True):
        assert by_class(one) == pytest.approx(expected, abs=1e-6)
    assert max(map(len, network.batches)) == min(together, len(pictures))
    assert sum(map(len, network.batches)) == len(pictures)


# How the sensor saw what stands upright, by the orientations of the EXIF standard (CIPA DC-008, 4.6.6).
TURNED = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, 3),
}


@pytest.mark.parametrize(("data", "orientation"), [*(("", k) for k in TURNED), ("mnist", 6)])
def test_a_turned_camera_changes_nothing(data, orientation, tmp_path):
    network = Matrix(data, (1, 28, 28) if data else (3, 32, 32))
    upright = np.asarray(written("7").convert("RGB") if data else coloured())[:, 20:180]
    expected = network.says(saved(Image.fromarray(upright), tmp_path / "upright.png"))
    stored = Image.fromarray(np.ascontiguousarray(TURNED[orientation](upright)))
    if orientation > 1:
        untagged = network.says(saved(stored, tmp_path / "untagged.png"))
        assert np.abs(untagged - expected).max() > 0.01, "the turn must matter to this network"
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    assert np.array_equal(network.says(saved(stored, tmp_path / "tagged.png", exif=exif)), expected)
    photograph = saved(stored, tmp_path / "tagged.jpg", exif=exif, quality=95, subsampling=0)
    assert network.says(photograph) == pytest.approx(expected, abs=0.01)


def _transparent(image):
    """The picture's darkness as the opacity of black ink: what a drawing program saves without a background."""
    clear = Image.new("RGBA", image.size, (0, 0, 0, 0))
    clear.putalpha(image.convert("L").point(lambda level: 255 - level))
    return clear


MODES = {
    "L.png": lambda image: image,
    "1.png": lambda image: image.convert("1", dither=Image.Dither.NONE),
    "RGB.png": lambda image: image.convert("RGB"),
    "RGBA.png": lambda image: image.convert("RGBA"),
    "LA.png": lambda image: image.convert("LA"),
    "P.png": lambda image: image.convert("P"),
    "P.gif": lambda image: image.convert("RGB").quantize(32),
    "16 bits.png": lambda image: Image.fromarray(np.asarray(image, dtype=np.uint16) * 257),
    "clear.png": _transparent,
    "L.jpg": lambda image: image,
    "CMYK.jpg": lambda image: image.convert("CMYK"),
    "CMYK.tif": lambda image: image.convert("CMYK"),
}


@pytest.mark.parametrize(("data", "name"), [*(("", name) for name in MODES), ("mnist", "1.png"), ("mnist", "CMYK.jpg")])
def test_how_a_drawing_was_saved_changes_nothing(data, name, tmp_path):
    network = Matrix(data, gain=0.1)
    expected = network.says(saved(written("Z"), tmp_path / "grey.png"))
    path = saved(MODES[name](written("Z")), tmp_path / name, **({"quality": 95} if name.endswith("jpg") else {}))
    assert network.says(path) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("name", ["RGBA.png", "P.gif", "CMYK.jpg", "CMYK.tif"])
def test_colours_stay_what_they_are(name, tmp_path):
    network = Matrix(shape=(3, 32, 32))
    expected = network.says(saved(coloured(), tmp_path / "colours.png"))
    path = saved(MODES[name](coloured()), tmp_path / name, **({"quality": 95} if name.endswith("jpg") else {}))
    assert network.says(path) == pytest.approx(expected, abs=0.02)


def test_a_network_gets_as_many_channels_as_it_was_trained_on(tmp_path):
    path = saved(coloured(), tmp_path / "colours.png")
    truth = np.asarray(coloured(), dtype=np.float32) / 255
    quarters = [(8, 8), (8, 24), (24, 8), (24, 24)]  # the same places in 32 x 32 as 5 times as far in 160 x 160
    three, one = Matrix(shape=(3, 32, 32)), Matrix(shape=(1, 32, 32))
    (seen,) = (answer.item.seen for answer in three.says_all([path]))
    assert seen.shape == (3, 32, 32)
    for row, column in quarters:
        assert seen[:, row, column] == pytest.approx(truth[5 * row, 5 * column], abs=1e-3)
    (seen,) = (answer.item.seen for answer in one.says_all([path]))
    assert seen.shape == (1, 32, 32)
    for row, column in quarters:
        assert seen[0, row, column] == pytest.approx(truth[5 * row, 5 * column].mean(), abs=1e-3)
    assert [batch.shape for batch in three.batches] == [(1, 3, 32, 32)]
    assert [batch.dtype for batch in one.batches] == [np.float32]


def test_handwriting_for_a_network_with_three_channels(pictures):
    (grey,) = Matrix("mnist", (1, 28, 28)).says_all(pictures[:1])
    (colour,) = Matrix("mnist", (3, 28, 28)).says_all(pictures[:1])
    assert grey.item.seen.max() > 0.9, "ink is 1"
    assert colour.item.seen.shape == (3, 28, 28)
    assert all(np.array_equal(channel, grey.item.seen[0]) for channel in colour.item.seen)


@pytest.mark.parametrize("data", ["mnist", "fashion_mnist", ""])
@pytest.mark.parametrize("level", [255, 100])
def test_a_blank_page_is_doubted(data, level, tmp_path):
    network = Matrix(data, gain=5.0)
    path = saved(Image.new("L", (120, 90), level), tmp_path / "blank.png")
    (answer,) = network.says_all([path])
    assert answer.doubt == f"no clear object in {path}: ignore this prediction"


def test_doubt_follows_the_first_share(pictures):
    (flat,) = Matrix(gain=0.0).says_all(pictures[:1])
    assert flat.probabilities == pytest.approx([0.1] * 10)
    assert flat.doubt == f"no class stands out for {pictures[0]}: it may show none of them"
    (sure,) = Matrix(gain=2.0).says_all(pictures[:1])
    assert sure.probabilities[0] > 0.9
    assert sure.doubt == ""


def test_logits_unlike_those_of_the_data_are_doubted(pictures):
    """The softmax is sure of the same class; what the run kept of its validation data says that it never saw such."""
    network = Matrix(gain=2.0)
    (sure,) = network.says_all(pictures[:1])
    logits = sure.item.seen.reshape(-1).astype(np.float64) @ network.weights
    for away, doubted in ((0.0, False), (5.0, True)):
        typical = {"means": np.tile(logits + away, (10, 1)).tolist(), "whitening": np.eye(10).tolist(), "threshold": 9}
        network.reader.spec.outputs["logits"]["typical"] = typical
        (answer,) = network.says_all(pictures[:1])
        assert answer.probabilities == sure.probabilities
        said = f"{pictures[0]} looks unlike the pictures that matrix-0001 knows: it may show none of its classes"
        assert answer.doubt == (said if doubted else "")


def test_several_characters_and_several_frames_are_said(tmp_path):
    two = Image.new("L", (400, 200), 255)
    two.paste(written("7").crop((40, 20, 160, 180)), (40, 20))
    two.paste(written("Z").crop((40, 20, 160, 180)), (240, 20))
    path = saved(two, tmp_path / "two.gif", save_all=True, append_images=[written("L", size=200).resize((400, 200))])
    (answer,) = Matrix("mnist", gain=2.0).says_all([path])
    assert answer.doubt.startswith(f"{path} shows 2 characters, and only the ")
    assert answer.notes == (f"{path} holds 2 pictures, and the first is looked at",)
    (alone,) = Matrix("mnist", gain=2.0).says_all([saved(written("7"), tmp_path / "one.gif")])
    assert (alone.doubt, alone.notes) == ("", ())


def test_white_ink_without_a_background_is_found(tmp_path):
    ink = Image.new("RGBA", (200, 200), (255, 255, 255, 0))
    ink.putalpha(written("7").point(lambda level: 255 - level))
    network = Matrix("mnist", gain=0.1)
    black = network.says(saved(written("7"), tmp_path / "black.png"))
    assert network.says(saved(ink, tmp_path / "white.png")) == pytest.approx(black, abs=0.03)


def test_scores_that_are_no_numbers_are_no_answer(pictures):
    """A network whose training diverged."""
    network = Matrix()
    network.weights[3, 4] = np.nan
    with pytest.raises(RunProblem, match="matrix-0001 gives outputs that are not numbers"):
        list(network.says_all(pictures[:2]))


def test_a_figure_holds_no_more_than_fits(pictures, monkeypatch):
    found = list(Matrix().says_all(pictures))
    assert len(Matrix().reader.draw(found).axes) == 2 * len(pictures)
    monkeypatch.setattr(image_classification, "DRAWN", 3)
    figure = Matrix().reader.draw(found)
    assert [axes.get_title() for axes in figure.axes[::2]] == ["0.png", "1.png", "2.png"]


def test_a_figure_shows_the_picture_and_what_was_seen(pictures, tmp_path):
    """Also where the file is gone by then; a name is text, whatever is in it."""
    odd = saved(written("7"), tmp_path / "a$\\x$\x07.png")
    long = saved(written("V"), tmp_path / f"{'long' * 20}.png")
    found = list(Matrix(gain=0.0).says_all([odd, long]))
    odd.unlink()
    figure = Matrix().reader.draw(found)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "a$\\x$?.png"
    assert len(titles[2]) < 40
    assert titles[2].startswith("longlong")
    assert titles[2].endswith("long.png")
    assert titles[1] == "a?   10.0 %", "a doubt is a question mark"
    drawn, seen = (axes.get_images()[0].get_array() for axes in figure.axes[:2])
    assert drawn.shape[:2] == (200, 200)
    assert np.abs(np.asarray(drawn)[..., 0] - np.asarray(written("7")) / 255).max() < 0.02
    assert np.array_equal(np.asarray(seen), found[0].item.seen[0])
    figure.savefig(tmp_path / "figure.png")
    (sure,) = Matrix(gain=2.0).says_all(pictures[:1])
    assert "?" not in Matrix().reader.draw([sure]).axes[1].get_title()

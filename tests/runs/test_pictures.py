"""Pictures show something: ink where there is data, the right words, and no state left behind."""

from io import BytesIO

import matplotlib.image
import numpy as np
import pytest

from upslope.runs import figures
from upslope.runs.reports.classification import worst


def pixels(figure):
    """The picture as (height, width, 3) numbers in [0, 1]."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=60)
    drawn.seek(0)
    return matplotlib.image.imread(drawn)[:, :, :3]


def words(figure):
    """All text in a figure."""
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def has_ink(figure):
    shot = pixels(figure)
    return shot.shape[0] > 30 and (shot < 0.7).any(axis=2).mean() > 0.002


ROWS = [{"step": float(n), "loss": 1 / n} for n in range(1, 200)] + [{"step": 199.0, "validation_accuracy": 0.9}]


def test_curves():
    figure = figures.curves(
        ROWS, {"training loss": ["loss"], "accuracy": ["validation_accuracy"]}, smooth=10, per_epoch=50
    )
    assert has_ink(figure)
    loss, accuracy = figure.axes
    assert loss.get_xlabel() == "epoch"
    raw, smooth = loss.lines
    assert raw.get_xdata().max() == pytest.approx(199 / 50)
    assert smooth.get_ydata()[0] == pytest.approx(np.mean([1 / n for n in range(1, 11)]))
    assert accuracy.lines[0].get_ydata().tolist() == [0.9]


def test_curves_of_a_diverged_run():
    assert has_ink(figures.curves([{"step": 1.0, "loss": float("nan")}], {"loss": ["loss", "never logged"]}))


def test_confusion_counts_mistakes():
    figure = figures.confusion(np.array([[5, 1, 0], [0, 7, 0], [2, 0, 3]]), ("cat", "dog", "emu"))
    assert has_ink(figure)
    said = words(figure)
    assert "3 mistakes in 18" in said
    assert {"cat", "7", "2", "true", "predicted"} <= set(said)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3)], ids=["grey", "colour"])
def test_samples_of_bytes_look_like_those_in_unit_range(shape):
    """Grey levels of a byte are not all black, and colour stays colour."""
    images = np.random.default_rng(0).integers(0, 256, (4, *shape), dtype=np.uint8)
    labels = np.array([0, 1, 0, 1])
    drawn = [pixels(figures.samples(each, labels, ("cat", "dog"))) for each in (images, (images / 255).astype("f4"))]
    assert np.allclose(*drawn, atol=0.01)
    assert (np.ptp(drawn[0], axis=2).max() > 0.3) == (len(shape) == 3)


def test_mistakes_come_worst_first():
    images = np.random.default_rng(0).random((4, 8, 8)).astype(np.float32)
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]])
    labels = np.array([0, 0, 0, 1])
    rows = worst(probabilities, labels)
    assert rows.tolist() == [2, 1]
    figure = figures.mistakes(images, labels, probabilities, ("a", "b"), rows=rows)
    assert has_ink(figure)
    assert [title for title in words(figure) if "read as" in title] == ["a, read as b\n80 %", "a, read as b\n60 %"]
    assert np.allclose(figure.axes[0].images[0].get_array(), images[2])


def test_no_mistakes():
    figure = figures.mistakes(np.zeros((1, 8, 8)), np.array([0]), np.array([[1.0, 0.0]]), ("a", "b"), rows=[])
    assert "no mistakes" in words(figure)


def test_filters_share_one_scale():
    weight = np.random.default_rng(0).standard_normal((6, 2, 5, 5))
    figure = figures.filters(weight, title="first layer")
    assert has_ink(figure)
    (axis,) = figure.axes
    assert len(axis.images) == 12
    assert np.array_equal(axis.images[7].get_array(), weight[1, 1])
    limits = {image.get_clim() for image in axis.images}
    assert limits == {(-np.abs(weight).max(), np.abs(weight).max())}
    assert "first layer: 6 filters of 2 x 5 x 5" in words(figure)


def test_many_filters_go_on_in_the_next_block():
    weight = np.arange(20 * 2).reshape(20, 2, 1, 1) * np.ones((1, 1, 3, 3))
    (axis,) = figures.filters(weight).axes
    assert len(axis.images) == 40
    seventeenth = [image for image in axis.images if image.get_array()[0, 0] in (32, 33)]
    lefts, tops = zip(*((image.get_extent()[0], image.get_extent()[3]) for image in seventeenth), strict=True)
    assert set(lefts) == {0.0}
    assert tops[0] < tops[1]


def test_samples():
    figure = figures.samples(np.ones((3, 8, 8), dtype=np.float32), np.array([0, 1, 1]), ("a", "b"))
    assert has_ink(figure)
    assert [word for word in words(figure) if word] == ["a", "b", "b"]


def test_no_pyplot_state():
    import sys

    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()

"""Mean IoU, Dice and the area under the curve against scikit-learn; pictures drawn without a word too many."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score, roc_auc_score

from upslope.runs.reports import segmentation


def drawn(rng, classes=4, size=(3, 20, 30)):
    truth = rng.integers(0, classes, size)
    said = np.where(rng.random(size) < 0.6, truth, rng.integers(0, classes, size))
    return truth, said


def test_confusion_iou_and_dice_are_scikit_learns(seeds):
    for seed in seeds:
        truth, said = drawn(np.random.default_rng(seed))
        matrix = segmentation.confusion(truth, said, classes=4)
        assert np.array_equal(matrix, confusion_matrix(truth.ravel(), said.ravel(), labels=range(4)))
        expected = jaccard_score(truth.ravel(), said.ravel(), average="macro")
        assert segmentation.mean_iou(matrix) == pytest.approx(expected, abs=1e-12)
        scores = f1_score(truth.ravel(), said.ravel(), average=None)
        assert [segmentation.dice(matrix, k) for k in range(4)] == pytest.approx(scores.tolist(), abs=1e-12)


def test_void_is_in_nothing():
    truth, said = drawn(np.random.default_rng(1))
    truth[0, :5] = 11
    matrix = segmentation.confusion(truth, said, classes=4, ignore=11)
    assert matrix.sum() == (truth != 11).sum()


def test_the_area_under_the_curve_is_scikit_learns(seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        positive = rng.random((2, 15, 15)) < 0.2
        scores = np.round(rng.random(positive.shape) + 0.3 * positive, 1)  # with many ties
        expected = roc_auc_score(positive.ravel(), scores.ravel())
        assert segmentation.pixel_auc(scores, positive) == pytest.approx(expected, abs=1e-12)
    with pytest.raises(ValueError, match="pixels of both kinds"):
        segmentation.pixel_auc(np.ones(4), np.ones(4, dtype=bool))


def test_a_class_that_is_nowhere_has_a_dice_of_one():
    assert segmentation.dice(np.zeros((2, 2), dtype=int), 1) == 1.0


def test_rows_of_pictures_are_drawn():
    truth, said = drawn(np.random.default_rng(0), classes=2, size=(2, 16, 16))
    figure = segmentation.side_by_side(np.zeros((2, 16, 16)), truth, said, ("cell", "membrane"))
    assert len(figure.axes) == 8
    assert [axis.get_title() for axis in figure.axes[:4]] == ["picture", "truth", "network", "wrong"]


def test_void_has_a_colour_of_its_own_and_is_never_wrong():
    truth, said = drawn(np.random.default_rng(0), classes=3, size=(1, 16, 16))
    truth[0, :4] = 3
    figure = segmentation.side_by_side(np.zeros((1, 16, 16, 3)), truth, said, ("sky", "road", "tree"))
    _, true, _, wrong = (axis.images[0].get_array() for axis in figure.axes)
    assert true.mask[:4].all()
    assert not true.mask[4:].any()
    assert not wrong[:4].any()
    assert np.array_equal(wrong[4:], (truth != said)[0, 4:])
    (key,) = figure.legends
    assert [text.get_text() for text in key.get_texts()] == ["sky", "road", "tree", "void"]


def test_every_class_of_a_street_has_a_colour_of_its_own():
    assert len(set(segmentation.PALETTE)) == len(segmentation.PALETTE) >= 12


def test_the_iou_of_each_class_has_their_mean():
    truth, said = drawn(np.random.default_rng(3), classes=3)
    matrix = segmentation.confusion(truth, said, classes=4)
    each = segmentation.iou(matrix)
    assert np.isnan(each).tolist() == [False, False, False, True], "a class that is nowhere has none"
    assert np.nanmean(each) == pytest.approx(segmentation.mean_iou(matrix), abs=1e-12)

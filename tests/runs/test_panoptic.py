"""Classes and numbers as segments: what has a number, what has none, what is nobody's."""

import numpy as np

from upslope.runs.reports.detection.panoptic_quality import panoptic_scores
from upslope.runs.reports.panoptic import divided_pictures, segments

CLASSES = np.array([[0, 0, 1, 1, 9], [0, 0, 2, 2, -1]])
NUMBERS = np.array([[0, 0, 1, 2, 0], [0, 0, 3, 0, 0]])


def test_each_number_is_a_segment_and_so_is_each_class_without():
    made = segments((CLASSES, NUMBERS), things=[1, 2], void=9)
    assert (made.ids[:, 4] == 0).all(), "void, and what has no class"
    assert len(set(made.ids.ravel()) - {0}) == 5
    assert sorted(made.classes.values()) == [0, 1, 1, 2, 2]
    assert made.classes[int(made.ids[1, 3])] == 2, "things without a number are one thing"
    assert panoptic_scores([made], [made]).pq == 1


def test_numbers_on_stuff_do_not_count():
    made = segments((np.zeros((2, 2), np.uint8), np.array([[1, 1], [2, 2]])), things=[1], void=9)
    assert len(np.unique(made.ids)) == 1
    assert list(made.classes.values()) == [0]


def test_bytes_do_not_overflow():
    classes = np.array([[250, 251]], dtype=np.uint8)
    made = segments((classes, np.array([[0, 200]], dtype=np.uint8)), things=[251], void=255)
    assert sorted(made.classes.values()) == [250, 251]


def test_things_of_a_class_that_merge_are_not_found():
    truth = segments((np.full((1, 4), 1), np.array([[1, 1, 2, 2]])), things=[1], void=9)
    merged = segments((np.full((1, 4), 1), np.zeros((1, 4), int)), things=[1], void=9)
    assert panoptic_scores([truth], [merged]).pq == 0


def test_pictures_are_drawn():
    pair = (CLASSES, NUMBERS)
    names = ("ground", "shoe", "boot")
    figure = divided_pictures([np.random.default_rng(0).random((2, 5))] * 2, [pair] * 2, [pair] * 2, names)
    heads = [axis.get_title() for axis in figure.axes]
    assert heads[:4] == ["picture", "truth: boot, shoe", "found: boot, shoe", "wrong class"]
    assert not figure.axes[3].images[0].get_array().any()

"""mAP and recall of boxes and masks equal pycocotools' to the ninth digit: crowds, ties, empty pictures."""

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest

from upslope.runs.reports.detection.average_precision import (
    Detections,
    Truth,
    average_precision,
    detection_scores,
)

NAMES = ("cell", "platelet", "worm", "dust")


def random_set(rng):
    """Pictures with objects and what was found there. Coordinates are quarters: both sides compute the same numbers."""

    def boxes(count):
        first, sides = rng.integers(0, 300, (count, 2)) / 4, rng.choice([8, 20, 50, 120], (count, 2))
        sides = sides + rng.integers(0, 60, (count, 2)) / 4
        return np.concatenate([first, first + sides], axis=1)

    kinds, crowded = int(rng.integers(1, 5)), rng.random() < 0.5
    truth, found = [], []
    for _ in range(int(rng.integers(1, 7))):
        objects = int(rng.integers(0, 8)) if rng.random() < 0.8 else 0
        places, classes = boxes(objects), rng.integers(0, kinds, objects)
        crowd = (rng.random(objects) < 0.25) & crowded
        areas = (places[:, 2:] - places[:, :2]).prod(axis=1) * rng.choice([0.25, 0.5, 1.0], objects)
        truth.append(Truth(places, classes, crowd=crowd, areas=areas))
        # Near objects, several of one, exactly there, elsewhere; with scores of which many are equal.
        near = np.repeat(places, rng.integers(0, 3, objects), axis=0)
        near = near + rng.integers(-20, 21, near.shape) / rng.choice([4, 8, 64])
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        near_classes = np.repeat(classes, 1)[: len(near)] if len(near) <= objects else rng.integers(0, 4, len(near))
        others = int(rng.integers(0, 130)) if rng.random() < 0.1 else int(rng.integers(0, 4))
        places, classes = np.concatenate([near, boxes(others)]), np.append(near_classes, rng.integers(0, 4, others))
        if rng.random() < 0.15:
            places, classes = places[:0], classes[:0]
        found.append(Detections(places, np.round(rng.random(len(places)), int(rng.integers(1, 4))), classes))
    return truth, found


def xywh(box):
    return [float(v) for v in (*box[:2], *(box[2:] - box[:2]))]


SIDE = 220  # pixels, of the pictures of masks


def with_masks(truth, found, rng):
    """The same things by masks: most of the pixels of each box, some of those of none."""

    def masks(boxes):
        drawn = []
        for left, top, right, bottom in boxes.round().astype(int):
            mask = np.zeros((SIDE, SIDE), dtype=bool)
            mask[max(0, top) : bottom, max(0, left) : right] = True
            mask &= rng.random((SIDE, SIDE)) < rng.choice([1.0, 0.9, 0.6])
            mask[rng.integers(SIDE), rng.integers(SIDE)] = True  # pycocotools knows no thing without a pixel
            drawn.append(np.flatnonzero(mask))
        return drawn

    return [replace(t, masks=masks(t.boxes)) for t in truth], [replace(f, masks=masks(f.boxes)) for f in found]


def run_lengths(mask):
    encoded = pytest.importorskip("pycocotools.mask")
    whole = np.zeros(SIDE * SIDE, dtype=np.uint8)
    whole[mask] = 1
    return encoded.encode(np.asfortranarray(whole.reshape(SIDE, SIDE)))


def by_pycocotools(truth, found, limits=(1, 10, 100)):
    """Its twelve figures, and the precision of each class; by masks where there are some."""
    coco, evaluation = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    masked = truth[0].masks is not None
    wanted = {
        "images": [{"id": k, "height": SIDE, "width": SIDE} for k in range(len(truth))],
        "categories": [{"id": k} for k in range(len(NAMES))],
        "annotations": [
            {"image_id": k, "bbox": xywh(box), "category_id": int(kind), "iscrowd": int(crowd), "area": float(area)}
            for k, picture in enumerate(truth)
            for box, kind, crowd, area in zip(picture.boxes, picture.classes, picture.crowd, picture.areas, strict=True)
        ],
    }
    every = [mask for picture in truth for mask in picture.masks or ()]
    for annotation, mask in zip(wanted["annotations"], every, strict=masked):
        annotation["segmentation"] = run_lengths(mask)
    for number, annotation in enumerate(wanted["annotations"]):
        annotation["id"] = number + 1
    answers = [
        {"image_id": k, "bbox": xywh(box), "category_id": int(kind), "score": float(score)}
        for k, picture in enumerate(found)
        for box, kind, score in zip(picture.boxes, picture.classes, picture.scores, strict=True)
    ]
    if not answers:  # loadRes fails on none at all: one of a class that nobody asks for
        answers = [{"image_id": 0, "bbox": [0.0, 0.0, 1.0, 1.0], "category_id": len(NAMES), "score": 1.0}]
        found = [replace(found[0], masks=[np.arange(3)])] if masked else found
    if masked:
        every = [mask for picture in found for mask in picture.masks]
        for answer, mask in zip(answers, every, strict=True):
            del answer["bbox"]
            answer["segmentation"] = run_lengths(mask)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = coco.COCO()
        theirs.dataset = wanted
        theirs.createIndex()
        run = evaluation.COCOeval(theirs, theirs.loadRes(answers), "segm" if masked else "bbox")
        run.params.maxDets = list(limits)
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.stats, run.eval["precision"][:, :, :, 0, 2]


def compared(seed, *, masked=False):
    """Whether a set of this seed has an object at all; what differs fails."""
    rng = np.random.default_rng(seed)
    truth, found = random_set(rng)
    truth, found = with_masks(truth, found, rng) if masked else (truth, found)
    stats, precision = by_pycocotools(truth, found)
    if stats[0] == -1:
        with pytest.raises(ValueError, match="no picture holds an object of any class"):
            detection_scores(truth, found, classes=NAMES)
        return False
    ours = detection_scores(truth, found, classes=NAMES)
    got = [ours.map, ours.map50, ours.map75, *(ours.map_by_size.get(size, -1) for size in ("small", "medium", "large"))]
    got += [ours.recall_by_limit[n] for n in (1, 10, 100)]
    got += [ours.recall_by_size.get(size, -1) for size in ("small", "medium", "large")]
    np.testing.assert_allclose(got, stats, rtol=0, atol=1e-9)
    for k, name in enumerate(NAMES):
        assert (name in ours.absent) == (precision[0, 0, k] == -1) == (name not in ours.by_class)
        if name in ours.by_class:
            assert ours.by_class[name] == pytest.approx(precision[:, :, k].mean(), abs=1e-9)
            assert ours.by_class50[name] == pytest.approx(precision[0, :, k].mean(), abs=1e-9)
    return True


def test_equals_pycocotools_on_25_random_sets():
    assert sum(compared(seed) for seed in range(25)) > 15


def test_masks_equal_pycocotools_on_10_random_sets():
    assert sum(compared(seed, masked=True) for seed in range(10)) > 5


@pytest.mark.deep
def test_masks_equal_pycocotools_on_200_random_sets():
    assert sum(compared(seed, masked=True) for seed in range(2000, 2200)) > 140


def test_another_limit_equals_pycocotools():
    """Three of a picture, and as many as there are."""
    for seed in range(5):
        truth, found = random_set(np.random.default_rng(seed))
        if not sum((~t.crowd).sum() for t in truth):
            continue
        for limits in ((1, 2, 3), (1, 10, 400)):
            _, precision = by_pycocotools(truth, found, limits)
            ours = detection_scores(truth, found, classes=NAMES, limits=limits)
            for k, name in enumerate(NAMES):
                assert ours.by_class50.get(name, -1) == pytest.approx(precision[0, :, k].mean(), abs=1e-9)


def test_masks_overlap_where_boxes_say_nothing():
    """Two halves of one box: all of the box is shared, and no pixel of the masks."""
    box, upper, lower = np.array([[0.0, 0, 8, 8]]), [np.arange(32)], [np.arange(32, 64)]
    truth = Truth(box, np.array([0]), masks=upper)
    found = Detections(box, np.array([0.9]), np.array([0]), masks=lower)
    assert detection_scores([truth], [found], classes=["cell"]).map50 == 0
    assert detection_scores([truth], [replace(found, masks=upper)], classes=["cell"]).map == 1
    assert detection_scores([truth], [replace(found, masks=None)], classes=["cell"]).map == 1


@pytest.mark.deep
def test_equals_pycocotools_on_500_random_sets():
    assert sum(compared(seed) for seed in range(1000, 1500)) > 350


@pytest.mark.parametrize(("order", "both_right"), [([0, 1], True), ([1, 0], False)])
def test_of_objects_that_a_box_overlaps_equally_it_takes_the_last(order, both_right):
    """The second box fits the left object only: all is right if the first one took the other."""
    objects = np.array([[2.0, 0, 12, 10], [6, 0, 16, 10]])[order]
    areas = np.full(2, 100.0)
    truth = [Truth(objects, np.zeros(2, dtype=int), crowd=np.zeros(2, dtype=bool), areas=areas)]
    found = [Detections(np.array([[4.0, 0, 14, 10], [1, 0, 11, 10]]), np.array([0.9, 0.8]), np.zeros(2, dtype=int))]
    ours = detection_scores(truth, found, classes=("cell",)).map50
    assert (ours > 0.99) == both_right
    assert ours == pytest.approx(by_pycocotools(truth, found)[0][1], abs=1e-9)


def one(box, *, kind=0):
    return Truth(np.array([box], dtype=float), np.array([kind]))


NOTHING = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=int))
NO_TRUTH = Truth(np.zeros((0, 4)), np.zeros(0, dtype=int))


def test_no_detection_is_0_and_a_class_without_truth_is_named():
    scores = detection_scores([one([0, 0, 40, 40])], [NOTHING], classes=NAMES)
    assert (scores.map, scores.map50, scores.recall_by_limit[100]) == (0, 0, 0)
    assert scores.absent == ("platelet", "worm", "dust")
    assert scores.map_by_size == {"medium": 0}
    assert scores.by_class == {"cell": 0}


def test_a_false_alarm_on_an_empty_picture_counts():
    truth, right = one([0, 0, 40, 40]), np.array([[0.0, 0, 40, 40]])
    found = Detections(right, np.array([0.5]), np.array([0]))
    alarm = Detections(right, np.array([0.9]), np.array([0]))
    assert detection_scores([truth, NO_TRUTH], [found, NOTHING], classes=["cell"]).map == 1
    assert detection_scores([truth, NO_TRUTH], [found, alarm], classes=["cell"]).map == 0.5


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match="no picture holds an object"):
        detection_scores([NO_TRUTH], [NOTHING], classes=NAMES)
    with pytest.raises(ValueError, match="no pictures"):
        detection_scores([], [], classes=NAMES)
    with pytest.raises(ValueError, match="2 pictures have a truth and 1 were looked at"):
        detection_scores([NO_TRUTH] * 2, [NOTHING], classes=NAMES)
    with pytest.raises(ValueError, match="objects=0"):
        average_precision(np.zeros(0), np.zeros(0, dtype=bool), objects=0)

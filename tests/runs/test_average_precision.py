"""mAP and recall equal pycocotools' to the ninth digit: crowds, ties, empty pictures, classes without truth."""

import contextlib
import io

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


def by_pycocotools(truth, found):
    coco, evaluation = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    wanted = {
        "images": [{"id": k} for k in range(len(truth))],
        "categories": [{"id": k} for k in range(len(NAMES))],
        "annotations": [
            {"image_id": k, "bbox": xywh(box), "category_id": int(kind), "iscrowd": int(crowd), "area": float(area)}
            for k, picture in enumerate(truth)
            for box, kind, crowd, area in zip(picture.boxes, picture.classes, picture.crowd, picture.areas, strict=True)
        ],
    }
    for number, annotation in enumerate(wanted["annotations"]):
        annotation["id"] = number + 1
    answers = [
        {"image_id": k, "bbox": xywh(box), "category_id": int(kind), "score": float(score)}
        for k, picture in enumerate(found)
        for box, kind, score in zip(picture.boxes, picture.classes, picture.scores, strict=True)
    ]
    if not answers:  # loadRes fails on none at all: one of a class that nobody asks for
        answers = [{"image_id": 0, "bbox": [0.0, 0.0, 1.0, 1.0], "category_id": len(NAMES), "score": 1.0}]
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = coco.COCO()
        theirs.dataset = wanted
        theirs.createIndex()
        run = evaluation.COCOeval(theirs, theirs.loadRes(answers), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.stats, run.eval["precision"][:, :, :, 0, 2]


def compared(seed):
    """Whether a set of this seed has an object at all; what differs fails."""
    truth, found = random_set(np.random.default_rng(seed))
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

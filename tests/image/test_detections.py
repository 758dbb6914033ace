"""Suppression in NumPy: equal to that of PyTorch and to OpenCV's."""

import numpy as np
import pytest

from upslope.image.detections import LOOKED_AT, found, iou


def drawn(rng, places=60, kinds=3):
    first = rng.uniform(0, 80, (places, 2))
    boxes = np.concatenate([first, first + rng.uniform(1, 40, (places, 2))], axis=1)
    return boxes.astype(np.float32), rng.random((places, kinds)).astype(np.float32)


def test_it_is_the_suppression_of_pytorch(seeds):
    torch = pytest.importorskip("torch")
    from upslope.blocks.detection.suppression import nms

    for seed in seeds:
        boxes, scores = drawn(np.random.default_rng(seed))
        one = found(boxes, scores, least=0.3, overlap=0.4)
        places, kinds = np.nonzero(scores >= 0.3)
        values = torch.from_numpy(scores[places, kinds])
        stay = nms(torch.from_numpy(boxes[places]), values, threshold=0.4, classes=torch.from_numpy(kinds)).numpy()
        np.testing.assert_array_equal(one.boxes, boxes[places[stay]])
        np.testing.assert_array_equal(one.classes, kinds[stay])
        np.testing.assert_array_equal(one.scores, scores[places, kinds][stay])


def test_it_is_the_suppression_of_opencv(seeds):
    cv2 = pytest.importorskip("cv2")
    for seed in seeds:
        boxes, scores = drawn(np.random.default_rng(100 + seed), kinds=1)
        sized = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        stay = cv2.dnn.NMSBoxes(sized.tolist(), scores[:, 0].tolist(), 0.2, 0.5)
        one = found(boxes, scores, least=0.2, overlap=0.5)
        np.testing.assert_array_equal(one.boxes, boxes[np.asarray(stay, dtype=int)])


@pytest.mark.parametrize("kinds", [1, 80])
def test_half_precision_and_many_classes_give_what_float64_gives(seeds, kinds):
    """Boxes of up to 2,000 pixels, whose areas and class numbers would leave float16."""
    for seed in seeds:
        boxes, scores = drawn(np.random.default_rng(seed), places=40, kinds=kinds)
        halves, scores = (18 * boxes).astype(np.float16), np.round(scores, 2).astype(np.float16)
        one = found(halves, scores, least=0.5, overlap=0.4)
        two = found(halves.astype(np.float64), scores.astype(np.float64), least=0.5, overlap=0.4)
        np.testing.assert_array_equal(one.boxes, two.boxes)
        np.testing.assert_array_equal(one.classes, two.classes)


def test_nothing_is_likely_enough():
    one = found(np.zeros((5, 4), np.float32), np.full((5, 2), 0.1, np.float32), least=0.5, overlap=0.5)
    assert one.boxes.shape == (0, 4)
    assert one.scores.shape == one.classes.shape == (0,)


def test_at_most_so_many_and_the_likeliest_of_them():
    boxes, scores = drawn(np.random.default_rng(0), places=LOOKED_AT + 500, kinds=1)
    one = found(boxes, scores, least=0.0, overlap=1.0, most=7)
    np.testing.assert_array_equal(one.scores, np.sort(scores[:, 0])[::-1][:7])


def test_boxes_without_area_meet_nothing():
    flat = np.array([1.0, 1, 1, 5])
    assert iou(flat, np.stack([flat, [0.0, 0, 4, 4]])).tolist() == [0.0, 0.0]

"""The numbers worked by hand in the lessons on boxes are what the library gives, and the lessons say them so."""

import numpy as np
import pytest
from tests.academy.lesson_prose import says

pytestmark = pytest.mark.needs("torch")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def test_numbers_of_box_iou(torch):
    from upslope.blocks.detection.boxes import box_iou

    assert box_iou(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2]])).item() == pytest.approx(1 / 3)
    assert float(np.finfo(np.float16).max) < 300 * 300
    says("box-iou", "IoU = 2 / (4 + 4 - 2) = 1/3", "the area of 300 · 300 pixels already overflows")


def test_numbers_of_giou(torch):
    from upslope.blocks.detection.boxes import box_iou, generalized_iou

    square = torch.tensor([[0.0, 0, 1, 1]])
    for gap, expected in ((1, -1 / 3), (8, -8 / 10)):
        other = torch.tensor([[1.0 + gap, 0, 2 + gap, 1]])
        assert generalized_iou(square, other).item() == pytest.approx(expected)
    inner, outer = torch.tensor([[1.0, 2, 3, 4]]), torch.tensor([[0.0, 0, 9, 9]])
    assert generalized_iou(inner, outer).item() == pytest.approx(box_iou(inner, outer).item())
    says("giou", "GIoU = 0 - (3 - 2)/3 = -1/3. With a gap of 8 the hull is 10, and it is -8/10")


def test_numbers_of_nms(torch):
    from upslope.blocks.detection.suppression import nms

    boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 3], [4, 0, 8, 4]])
    assert nms(boxes, torch.tensor([0.8, 0.9, 0.3]), threshold=0.5).tolist() == [1, 2]
    assert [float(np.float16(n)) for n in (2048, 2049, 2050)] == [2048, 2048, 2050]
    says("nms", "12/16 = 0.75", "What stays is [1, 2]", "in float16 numbers above 2,048 are even")


def test_numbers_of_anchors(torch):
    from upslope.blocks.detection.anchors import anchor_grid

    grid = anchor_grid(1, 2, stride=8, scales=[4], ratios=[4])
    assert grid.tolist() == [[3, 0, 5, 8], [11, 0, 13, 8]]
    assert len(anchor_grid(40, 60, stride=16, scales=[128, 256, 512], ratios=[0.5, 1, 2])) == 60 * 40 * 9 == 21_600
    says("anchors", "stride 8, scale 4, ratio 4", "[3, 0, 5, 8] and [11, 0, 13, 8]", "60 · 40 · 9 = 21,600")


def test_numbers_of_encode_boxes(torch):
    from upslope.blocks.detection.anchors import encode_boxes

    codes = encode_boxes(torch.tensor([[2.0, 1, 6, 3]]), torch.tensor([[0.0, 0, 4, 4]]))
    assert [round(value, 4) for value in codes[0].tolist()] == [0.5, 0, 0, -0.6931]
    says("encode-boxes", "t_x = 2/4 = 0.5, t_y = 0", "t_h = ln(1/2) = -0.6931")


def test_numbers_of_match_anchors(torch):
    from upslope.blocks.detection.anchors import match_anchors

    iou = torch.tensor([[0.8, 0], [0.4, 0], [0.1, 0.2], [0, 0]])
    assert match_anchors(iou).tolist() == [0, -2, 1, -1]
    says("match-anchors", "[0.8, 0], [0.4, 0], [0.1, 0.2], [0, 0]", "[0, -2, 1, -1]")


def test_numbers_of_focal_loss(torch):
    from upslope.blocks.detection.focal_loss import sigmoid_focal_loss

    logit = torch.tensor([np.log(3)])
    there, nothing = (sigmoid_focal_loss(logit, torch.tensor([kind])).item() for kind in (1.0, 0.0))
    assert (f"{there:.4f}", f"{nothing:.4f}", f"{np.log(4 / 3):.4f}") == ("0.0045", "0.5848", "0.2877")
    assert f"{nothing / there:.0f}" == "130"
    assert [(1 - p) ** 2 for p in (0.9, 0.5)] == pytest.approx([1 / 100, 1 / 4])
    assert 20 * -np.log(0.01) < 10_000 * 0.01
    says("focal-loss", "0.25 · 0.25² · ln(4/3) = 0.0045", "0.2877", "0.75 · 0.75² · ln 4 = 0.5848, 130 times")


def test_numbers_of_roi_align(torch):
    from upslope.blocks.detection.roi_align import roi_align

    features, boxes = torch.tensor([[[[0.0, 1], [2, 3]]]]), torch.tensor([[0.0, 0, 2, 2], [1, 0, 2, 1]])
    got = roi_align(features, boxes, torch.tensor([0, 0]), size=1, samples=1)
    assert got.flatten().tolist() == [1.5, 1]
    assert (20 / 16, 100 / 16) == (1.25, 6.25)
    says("roi-align", "from 1.25 to 6.25", "(0 + 1 + 2 + 3)/4 = 1.5", "The box [1, 0, 2, 1] is one place: its value, 1")


def test_numbers_of_average_precision():
    from upslope.runs.reports.detection.average_precision import average_precision

    scores = np.array([0.9, 0.8, 0.7])
    assert f"{average_precision(scores, np.array([True, False, True]), objects=2):.4f}" == "0.8350"
    assert average_precision(scores, np.array([False, True, True]), objects=2) == pytest.approx(2 / 3)
    says("average-precision", "(51 + 50 · 2/3)/101 = 0.8350", "it would be 2/3 everywhere")


def test_numbers_of_letterbox_inverse():
    from upslope.image.letterbox import letterbox, undo_letterbox

    _, done = letterbox(np.zeros((100, 300), dtype=np.float32), 64)
    assert (done.scaled_height, done.scaled_width, done.top, done.left) == (21, 64, 21, 0)
    assert undo_letterbox(np.array([[16.0, 21, 32, 42]]), done).tolist() == [[75, 0, 150, 100]]
    border = (64 - 100 * 64 / 300) / 2
    assert (f"{100 * 64 / 300:.2f}", f"{border:.2f}") == ("21.33", "21.33")
    assert f"{(42 - border) * 300 / 64:.1f}" == "96.9"
    shared = 17 * 20  # of a box of 20 x 20 that is 3 pixels off
    assert shared / (2 * 20 * 20 - shared) < 0.75
    says("letterbox-inverse", "= [75, 0, 150, 100]", "(42 - 21.33) · 300/64 = 96.9: three pixels off")


def test_numbers_of_task_alignment(torch):
    from upslope.blocks.detection.task_alignment import align_tasks

    boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 2]])
    places, cell = torch.tensor([[1.0, 1], [3, 3]]), torch.tensor([[0.0, 0, 4, 4]])
    made = align_tasks(torch.tensor([[0.5], [0.8]]), boxes, places, cell, torch.tensor([0]))
    assert made.tolist() == [[1.0], [pytest.approx(0.025)]]
    assert [round(0.9**6, 2), round(0.5**6, 3)] == [0.53, 0.016]
    says("task-alignment", "0.9⁶ = 0.53, 0.5⁶ = 0.016", "t = 0.8 · 0.5⁶ = 0.0125", "0.0125 / 0.5 = 0.025")


def test_numbers_of_detect(torch):
    from upslope.blocks.detection.distances import boxes_at, places
    from upslope.cards import discover

    box = boxes_at(torch.tensor([[136.0, 72]]), 16 * torch.tensor([[2.5, 1, 1.5, 2]]))
    assert box.tolist() == [[96, 56, 160, 104]]
    assert [136, 72] in places(192, 256, (8, 16, 32))[0].tolist()
    assert len(places(192, 256, (8, 16, 32))[0]) == 1008
    assert len(places(7, 7, (1,))[0]) == 49
    splits = discover("data")["bccd"].card.splits
    assert (splits["train"], splits["test"]) == (205, 72)
    says(
        "detect",
        "[136 - 40, 72 - 16, 136 + 24, 72 + 32] = [96, 56, 160, 104]",
        "This one has 1,008, on three maps",
        "205 photographs have boxes to learn from, 72 others are the test",
        "a distribution over 0 to 7 strides",
    )
    sizes = discover("models")["yolo"].card.sizes
    assert sizes["yolo-small"].arguments["bins"] == 8

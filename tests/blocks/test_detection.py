"""The parts of detectors beside pycocotools, OpenCV, SciPy, PyTorch, and beside their definitions written plainly."""

import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from scipy import ndimage
from torch.nn import functional as F

from upslope.checks.contract.annotations import shapes_checked

pytest.importorskip("beartype", reason="it reads the annotated shapes")
with shapes_checked():
    from upslope.blocks.detection import anchors, boxes, focal_loss, proposals, roi_align, suppression


def some_boxes(rng, count, *, size=100.0):
    first = rng.uniform(0, size, (count, 2))
    return torch.tensor(np.concatenate([first, first + rng.uniform(0.01, 0.6, (count, 2)) * size], axis=1))


def test_formats_go_there_and_back():
    known = torch.tensor([[1.0, 2.0, 5.0, 10.0]])
    assert boxes.box_xyxy_to_cxcywh(known).tolist() == [[3, 6, 4, 8]]
    assert boxes.box_xyxy_to_xywh(known).tolist() == [[1, 2, 4, 8]]
    assert boxes.box_cxcywh_to_xyxy(torch.tensor([3.0, 6.0, 4.0, 8.0])).tolist() == [1, 2, 5, 10]
    assert boxes.box_xywh_to_xyxy(torch.tensor([[[1.0, 2.0, 4.0, 8.0]]])).tolist() == [[[1, 2, 5, 10]]]
    assert boxes.box_area(torch.tensor([[1.0, 2.0, 5.0, 10.0], [5.0, 5.0, 4.0, 9.0]])).tolist() == [32, 0]
    drawn = some_boxes(np.random.default_rng(0), 20)
    for there, back in (
        (boxes.box_xyxy_to_cxcywh, boxes.box_cxcywh_to_xyxy),
        (boxes.box_xyxy_to_xywh, boxes.box_xywh_to_xyxy),
    ):
        torch.testing.assert_close(back(there(drawn)), drawn)
    assert boxes.box_xyxy_to_cxcywh(torch.zeros(0, 4)).shape == (0, 4)


def test_iou_is_that_of_pycocotools():
    mask = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed")
    rng = np.random.default_rng(1)
    a, b = some_boxes(rng, 40), some_boxes(rng, 30)
    theirs = mask.iou(boxes.box_xyxy_to_xywh(a).numpy(), boxes.box_xyxy_to_xywh(b).numpy(), [0] * 30)
    np.testing.assert_allclose(boxes.box_iou(a, b).numpy(), theirs, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_large_boxes_of_half_precision_have_an_iou(dtype):
    large = torch.tensor([[0.0, 0.0, 2048.0, 2048.0], [0.0, 1024.0, 2048.0, 2048.0]], dtype=dtype)
    for iou in (boxes.box_iou(large, large)[0], boxes.generalized_iou(large[:1], large)):
        assert iou.tolist() == [1, 0.5]
    assert torch.isfinite(boxes.complete_iou(large[:1], large)).all()


def test_boxes_without_area_have_no_nan():
    flat = torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 5.0], [0.0, 0.0, 2.0, 2.0]], requires_grad=True)
    table = boxes.box_iou(flat, flat)
    assert table.diagonal().tolist() == [0, 0, 1]
    losses = boxes.generalized_iou(flat, flat.detach()) + boxes.complete_iou(flat, flat.detach())
    (table.sum() + losses.sum()).backward()
    assert torch.isfinite(losses).all()
    assert torch.isfinite(flat.grad).all()


def ciou_by_hand(a, b):
    """Zheng et al. 2020, equations 7 to 11, in Python's numbers."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(wide, 0) * max(high, 0)
    sizes = [(box[2] - box[0], box[3] - box[1]) for box in (a, b)]
    iou = shared / (sum(w * h for w, h in sizes) - shared)
    apart = math.dist(((a[0] + a[2]) / 2, (a[1] + a[3]) / 2), ((b[0] + b[2]) / 2, (b[1] + b[3]) / 2)) ** 2
    diagonal = math.dist((min(a[0], b[0]), min(a[1], b[1])), (max(a[2], b[2]), max(a[3], b[3]))) ** 2
    v = 4 / math.pi**2 * (math.atan(sizes[1][0] / sizes[1][1]) - math.atan(sizes[0][0] / sizes[0][1])) ** 2
    return iou - apart / diagonal - (v / (1 - iou + v) if v else 0) * v


def test_complete_iou_is_its_definition():
    rng = np.random.default_rng(2)
    a, b = some_boxes(rng, 50), some_boxes(rng, 50)
    expected = [ciou_by_hand(*pair) for pair in zip(a.tolist(), b.tolist(), strict=True)]
    np.testing.assert_allclose(boxes.complete_iou(a, b).numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(boxes.complete_iou(a, a).numpy(), np.ones(50), atol=1e-6)


@pytest.mark.parametrize("overlap", [boxes.generalized_iou, boxes.complete_iou])
def test_descent_on_the_overlap_brings_a_box_to_its_place(overlap):
    """Also from where they do not meet, and the plain IoU has no gradient."""
    wanted = torch.tensor([[10.0, 10.0, 30.0, 20.0]])
    box = torch.tensor([[32.0, 22.0, 44.0, 36.0]], requires_grad=True)
    assert boxes.box_iou(box, wanted).item() == 0
    optimizer = torch.optim.Adam([box], lr=1.0)
    for step in range(150):
        optimizer.param_groups[0]["lr"] = 1 - step / 150
        optimizer.zero_grad()
        (1 - overlap(box, wanted)).sum().backward()
        optimizer.step()
    assert boxes.box_iou(box, wanted).item() > 0.9


def nms_by_hand(places, scores, threshold, classes):
    """The definition in Python's numbers: from the best down, a box stays unless one that stays covers it."""

    def iou(a, b):
        wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
        shared = max(wide, 0) * max(high, 0)
        union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
        return shared / union if union else 0

    stay = []
    for k in sorted(range(len(places)), key=lambda k: -scores[k]):
        if all(classes[k] != classes[j] or iou(places[k], places[j]) <= threshold for j in stay):
            stay.append(k)
    return stay


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kinds", [1, 3, 80])
def test_suppression_is_its_definition_in_every_dtype_and_over_many_classes(dtype, kinds):
    """Coordinates up to 2,000 and class numbers up to 79: moved apart by class they would lose their digits."""
    rng = np.random.default_rng(kinds)
    for size in (20.0, 1900.0):
        drawn = some_boxes(rng, 120, size=size)
        drawn[60:] = drawn[:60] + torch.tensor(rng.normal(0, size / 50, (60, 4)))
        drawn, scores = drawn.to(dtype), torch.tensor(np.round(rng.uniform(0, 1, 120), 2)).to(dtype)
        classes = torch.tensor(rng.integers(0, kinds, 120))
        expected = nms_by_hand(drawn.tolist(), scores.tolist(), 0.5, classes.tolist())
        got = suppression.nms(drawn, scores, threshold=0.5, classes=classes)
        assert got.tolist() == expected
        assert got.tolist() == suppression.nms(drawn.double(), scores.double(), threshold=0.5, classes=classes).tolist()
        if kinds == 1:
            assert suppression.nms(drawn, scores, threshold=0.5).tolist() == expected


def test_suppression_is_opencvs():
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    rng = np.random.default_rng(3)
    for threshold in (0.2, 0.5, 0.8):
        places = some_boxes(rng, 200).round()
        scores = torch.tensor(rng.permutation(np.linspace(0.01, 1, 200)))  # none is equal to another
        whole = boxes.box_xyxy_to_xywh(places)
        theirs = cv2.dnn.NMSBoxes(whole.int().tolist(), scores.tolist(), 0.0, threshold)
        assert suppression.nms(places, scores, threshold=threshold).tolist() == np.ravel(theirs).tolist()


def test_nothing_is_suppressed_of_nothing():
    got = suppression.nms(torch.zeros(0, 4), torch.zeros(0), threshold=0.5, classes=torch.zeros(0, dtype=torch.long))
    assert (got.shape, got.dtype) == ((0,), torch.int64)


@pytest.mark.parametrize("after", [7, 1000])
def test_proposals_are_what_suppression_leaves_of_each_level(after, seeds):
    """Many of one place, equal scores, some levels without a box, and pictures without any."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for count in (0, 1, 90):
            middles = np.asarray(some_boxes(rng, 6))
            places = torch.from_numpy(middles[rng.integers(0, 6, count)] + rng.normal(0, 2, (count, 4))).clamp(0, 300)
            places[:, 2:] = torch.maximum(places[:, 2:], places[:, :2] + 1)
            logits = torch.from_numpy(rng.normal(size=count).round(1))
            levels = torch.from_numpy(rng.choice([0, 2, 3], count).astype(np.int64)).sort().values
            found = proposals.propose(places, logits, levels, height=400, width=400, before=100, after=after)
            # Each level is looked through from its likeliest on: then of equals the order is that.
            chosen = torch.cat([torch.empty(0, dtype=torch.long), *(here(levels, k, logits) for k in (0, 2, 3))])
            stay = suppression.nms(places[chosen], logits[chosen], threshold=0.7, classes=levels[chosen])
            assert torch.equal(found, places[chosen][stay[:after]])


def here(levels, level, logits):
    index = (levels == level).nonzero()[:, 0]
    return index[logits[index].topk(len(index)).indices]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_loss_is_its_equation(same_gradients, generator, gamma):
    logits = torch.randn(4, 30, 5, generator=generator, dtype=torch.float64)
    targets = (torch.rand(4, 30, 5, generator=generator) < 0.1).double()

    def equation(logits):
        p = logits.sigmoid()
        p_t, alpha_t = torch.where(targets == 1, p, 1 - p), torch.where(targets == 1, 0.25, 0.75)
        return (-alpha_t * (1 - p_t) ** gamma * p_t.log()).sum() / targets.sum()

    same_gradients(lambda x: focal_loss.sigmoid_focal_loss(x, targets, gamma=gamma), equation, logits)
    plain = F.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / (2 * targets.sum())
    ours = focal_loss.sigmoid_focal_loss(logits, targets, alpha=0.5, gamma=0.0)
    torch.testing.assert_close(ours, plain)


@pytest.mark.parametrize("far", [0.0, 30.0, 1000.0])
def test_a_batch_without_objects_has_a_finite_loss(far):
    """Trained on it alone, or on nothing at all."""
    logits = torch.tensor([[-far, far, 0.0]], requires_grad=True)
    for targets in (torch.zeros(1, 3), torch.ones(1, 3)):
        loss = focal_loss.sigmoid_focal_loss(logits, targets)
        (gradient,) = torch.autograd.grad(loss, logits)
        assert torch.isfinite(loss)
        assert torch.isfinite(gradient).all()
    assert focal_loss.sigmoid_focal_loss(torch.zeros(0, 3), torch.zeros(0, 3)).item() == 0


def test_anchors_lie_around_the_middles_of_their_places():
    grid = anchors.anchor_grid(2, 3, stride=8, scales=(4, 8), ratios=(0.5, 1, 2))
    assert grid.shape == (2 * 3 * 6, 4)
    whole = boxes.box_xyxy_to_cxcywh(grid)
    assert whole[:, :2].reshape(2, 3, 6, 2)[1, 2].unique(dim=0).tolist() == [[20, 12]]
    assert whole[:6, :2].unique(dim=0).tolist() == [[4, 4]]
    torch.testing.assert_close(boxes.box_area(grid).reshape(6, 2, 3)[0], torch.tensor([[16.0] * 3, [64.0] * 3]))
    torch.testing.assert_close(whole[:3, 3] / whole[:3, 2], torch.tensor([0.5, 1, 2]))


def match_by_hand(iou, high, low):
    matches = []
    for row in iou:
        best = max(row, default=0)
        needed = any(v > 0 and v == max(other[m] for other in iou) for m, v in enumerate(row))
        known = best >= high or needed
        matches.append((row.index(best) if known else -1 if best < low else -2) if row else -1)
    return matches


def test_matching_is_its_rules():
    rng = np.random.default_rng(4)
    for objects in (0, 1, 3, 12):
        for _ in range(20):
            iou = np.round(rng.uniform(0, 1, (30, objects)) ** rng.uniform(0.5, 4), 1)
            got = anchors.match_anchors(torch.tensor(iou), high=0.7, low=0.3).tolist()
            assert got == match_by_hand(iou.tolist(), 0.7, 0.3)
    assert anchors.match_anchors(torch.zeros(0, 3)).shape == (0,)


def test_every_object_has_an_anchor_unless_none_meets_it():
    grid = anchors.anchor_grid(8, 8, stride=16, scales=(32,))
    objects = torch.tensor([[3.0, 3.0, 6.0, 6.0], [40.0, 40.0, 75.0, 70.0], [500.0, 500.0, 510.0, 510.0]])
    matches = anchors.match_anchors(boxes.box_iou(grid, objects))
    assert sorted(set(matches.tolist())) == [-2, -1, 0, 1]


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)])
def test_codes_go_there_and_back(weights):
    rng = np.random.default_rng(5)
    found, around = some_boxes(rng, 100), some_boxes(rng, 100)
    codes = anchors.encode_boxes(found, around, weights=weights)
    torch.testing.assert_close(anchors.decode_boxes(codes, around, weights=weights), found)
    assert anchors.encode_boxes(found, found, weights=weights).abs().max() == 0
    wild = anchors.decode_boxes(torch.full((1, 4), 1e4), torch.tensor([[0.0, 0.0, 16.0, 16.0]]))
    assert torch.isfinite(wild).all()


def align_by_scipy(maps, places, pictures, size, scale, samples):
    """Each sample by SciPy's own interpolation; 0 from a place beyond the outermost middles on."""
    found = np.zeros((len(places), maps.shape[1], size, size))
    for n, (x1, y1, x2, y2) in enumerate(places * scale):
        for i in range(size):
            for j in range(size):
                for k in range(samples**2):
                    y = y1 + (i + (k // samples + 0.5) / samples) * (y2 - y1) / size - 0.5
                    x = x1 + (j + (k % samples + 0.5) / samples) * (x2 - x1) / size - 0.5
                    if -1 <= y <= maps.shape[2] and -1 <= x <= maps.shape[3]:
                        for c in range(maps.shape[1]):
                            channel = maps[pictures[n], c]
                            value = ndimage.map_coordinates(channel, [[y], [x]], order=1, mode="nearest")
                            found[n, c, i, j] += value[0] / samples**2
    return found


def test_roi_align_is_scipys_interpolation():
    rng = np.random.default_rng(6)
    maps, pictures = rng.normal(size=(2, 3, 6, 9)), rng.integers(0, 2, 7)
    first = rng.uniform(-12, 60, (7, 2))
    places = np.concatenate([first, first + rng.uniform(1, 50, (7, 2))], axis=1)
    for size, samples in ((1, 1), (3, 2), (2, 3)):
        got = roi_align.roi_align(
            torch.tensor(maps),
            torch.tensor(places),
            torch.tensor(pictures),
            size=size,
            scale=1 / 8,
            samples=samples,
        )
        expected = align_by_scipy(maps, places, pictures, size, 1 / 8, samples)
        np.testing.assert_allclose(got.numpy(), expected, atol=1e-12)


def test_roi_align_is_differentiable_in_features_and_boxes(generator):
    maps = torch.randn(2, 2, 5, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    places = torch.tensor([[3.1, 2.2, 17.3, 15.7], [-3.3, 1.1, 9.9, 21.7]], dtype=torch.float64, requires_grad=True)
    pictures = torch.tensor([1, 0])
    assert torch.autograd.gradcheck(
        lambda m, b: roi_align.roi_align(m, b, pictures, size=2, scale=0.25), (maps, places)
    )
    none = roi_align.roi_align(maps, places[:0], pictures[:0], size=2)
    assert none.shape == (0, 2, 2, 2)

"""Places without anchors: distances, their distributions, and who answers for which object, against the definitions."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from scipy import stats

from upslope.blocks.detection import distances as module
from upslope.blocks.detection.cross_stage import CrossStage, PyramidPooling
from upslope.blocks.detection.default_boxes import default_boxes, hard_negatives, match_defaults
from upslope.blocks.detection.task_alignment import align_tasks


def test_places_lie_in_the_middle_of_what_they_see():
    middles, strides = module.places(32, 64, (8, 16))
    assert len(middles) == 4 * 8 + 2 * 4
    assert middles[0].tolist() == [4, 4]
    assert middles[8].tolist() == [4, 12], "row by row"
    assert middles[32].tolist() == [8, 8]
    assert strides.tolist() == [8] * 32 + [16] * 8


def test_boxes_and_distances_are_inverse():
    middles, _ = module.places(32, 64, (8, 16))
    distances = torch.rand(len(middles), 4) * 30
    boxes = module.boxes_at(middles, distances)
    torch.testing.assert_close(module.distances_to(middles, boxes), distances, atol=1e-5, rtol=0)
    assert (boxes[:, 2:] >= boxes[:, :2]).all()


def test_the_expected_distance_is_the_mean_of_the_distribution():
    logits = torch.randn(5, 4, 8, dtype=torch.float64)
    for row, value in zip(logits.reshape(-1, 8), module.expected_distances(logits).ravel(), strict=True):
        law = stats.rv_discrete(values=(np.arange(8), row.softmax(0).numpy()))
        assert value == pytest.approx(law.mean(), abs=1e-9)


def test_distribution_focal_loss_is_cross_entropy_between_two_neighbors():
    """With the target spread over the whole numbers around it, PyTorch's own cross-entropy says the same."""
    logits, targets = torch.randn(50, 4, 9, dtype=torch.float64), torch.rand(50, 4, dtype=torch.float64) * 8
    spread = torch.zeros_like(logits)
    for index in np.ndindex(50, 4):
        y = float(targets[index])
        spread[index][int(y)] = int(y) + 1 - y
        spread[index][int(y) + 1] += y - int(y)
    expected = torch.nn.functional.cross_entropy(logits.reshape(-1, 9), spread.reshape(-1, 9), reduction="none")
    torch.testing.assert_close(module.distribution_focal_loss(logits, targets), expected.reshape(50, 4).mean(dim=1))


@pytest.mark.parametrize(("target", "nearest"), [(-3.0, 0.0), (99.0, 7.0), (7.0, 7.0), (0.0, 0.0)])
def test_what_cannot_be_said_is_brought_to_the_end(target, nearest):
    logits = torch.randn(1, 4, 8)
    at = torch.full((1, 4), nearest)
    expected = -logits.log_softmax(-1)[0, :, int(nearest)].mean()
    for value in (torch.full((1, 4), target), at):
        assert module.distribution_focal_loss(logits, value) == pytest.approx(float(expected), abs=1e-5)


def by_definition(scores, boxes, middles, objects, labels, *, most, alpha=1.0, beta=6.0):
    """One place and one object after the other, as the paper says it."""
    count = len(scores)

    def overlap(a, b):
        wide, high = (min(a[k + 2], b[k + 2]) - max(a[k], b[k]) for k in (0, 1))
        shared = max(wide, 0) * max(high, 0)
        area = sum((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)) - shared
        return shared / area if area > 0 else 0.0

    iou = [[overlap(boxes[n], o) for o in objects] for n in range(count)]
    score = [[scores[n][k] ** alpha * iou[n][m] ** beta for m, k in enumerate(labels)] for n in range(count)]
    answers, targets = [-1] * count, [0.0] * count
    for m, o in enumerate(objects):
        inside = [n for n in range(count) if o[0] < middles[n][0] < o[2] and o[1] < middles[n][1] < o[3]]
        for n in sorted(inside, key=lambda n: -score[n][m])[:most]:
            if answers[n] < 0 or iou[n][m] > iou[n][answers[n]]:
                answers[n] = m
    for m in range(len(objects)):
        own = [n for n in range(count) if answers[n] == m]
        best, largest = max((score[n][m] for n in own), default=0), max((iou[n][m] for n in own), default=0)
        for n in own:
            targets[n] = score[n][m] / best * largest if best > 0 else 0.0
    return answers, targets


def test_task_alignment_is_the_papers(seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        middles, _ = module.places(64, 64, (8, 16))
        n, m = len(middles), int(rng.integers(1, 5))
        corners = np.sort(rng.uniform(0, 64, (m, 2, 2)), axis=1)
        objects = np.concatenate([corners[:, 0], corners[:, 1]], axis=1)
        boxes = middles.numpy().repeat(2, axis=0).reshape(n, 4) + rng.uniform(3, 30, (n, 4)) * [-1, -1, 1, 1]
        scores, labels = rng.uniform(0.01, 1, (n, 3)), rng.integers(0, 3, m)
        given = [torch.from_numpy(x) for x in (scores, boxes, middles.numpy().astype(float), objects, labels)]
        table = align_tasks(*given, most=6)
        targets, answers = table.max(dim=1)
        expected, values = by_definition(scores, boxes, middles.tolist(), objects, labels, most=6)
        assert ((table > 0).sum(dim=1) <= 1).all(), "nobody answers for two"
        answering = targets > 0
        assert answers[answering].tolist() == np.asarray(expected)[answering.numpy()].tolist()
        np.testing.assert_allclose(targets.numpy(), values, atol=1e-9)
        assert max(values) <= 1


def test_without_objects_or_places_nobody_answers():
    none, kinds = torch.empty(0, 4), torch.empty(0, dtype=torch.long)
    assert align_tasks(torch.rand(6, 2), torch.rand(6, 4), torch.rand(6, 2), none, kinds).shape == (6, 0)
    one, kind = torch.tensor([[0.0, 0, 4, 4]]), torch.tensor([0])
    assert align_tasks(torch.rand(0, 2), torch.rand(0, 4), torch.rand(0, 2), one, kind).shape == (0, 1)


def test_an_object_that_no_box_meets_has_targets_of_zero():
    middles, far = torch.tensor([[5.0, 5.0]]), torch.tensor([[50.0, 50.0, 60.0, 60.0]])
    near = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    assert align_tasks(torch.ones(1, 1), far, middles, near, torch.tensor([0])).tolist() == [[0.0]]


def test_pooling_in_pyramids_is_three_windows():
    """Three maxima over 5 x 5, one after the other, are maxima over 5, 9 and 13 places."""
    pool = PyramidPooling(8).eval()
    x = torch.randn(1, 8, 20, 20)
    reduced = pool.reduce(x)
    windows = [torch.nn.functional.max_pool2d(reduced, k, stride=1, padding=k // 2) for k in (5, 9, 13)]
    torch.testing.assert_close(pool(x), pool.join(torch.cat([reduced, *windows], dim=1)))


def test_half_of_the_channels_pass_by():
    block = CrossStage(8, 8, depth=2, skip=True).eval()
    for bottleneck in block.bottlenecks:
        torch.nn.init.zeros_(bottleneck.conv2.conv.weight)
        torch.nn.init.zeros_(bottleneck.conv2.norm.bias)
    x = torch.randn(1, 8, 6, 6)
    first, second = block.split(x).chunk(2, dim=1)
    torch.testing.assert_close(block(x), block.join(torch.cat([first, second, second, second], dim=1)))


def test_default_boxes_have_the_sizes_of_the_paper():
    made = default_boxes([(2, 3), (1, 1)], height=60, width=90, scales=(0.2, 0.5, 1.05), ratios=((2,), (3,)))
    assert len(made) == 6 * 4 + 4
    sizes = (made[:, 2:] - made[:, :2]) / torch.tensor([90.0, 60.0])
    torch.testing.assert_close(sizes[0], torch.tensor([0.2, 0.2]))
    torch.testing.assert_close(sizes[1], torch.full((2,), (0.2 * 0.5) ** 0.5))
    torch.testing.assert_close(sizes[2], torch.tensor([0.2 * 2**0.5, 0.2 / 2**0.5]))
    torch.testing.assert_close(sizes[2:4].prod(dim=1), torch.full((2,), 0.04))
    assert (sizes <= 1 + 1e-6).all(), "no side is longer than the picture's"
    middles = (made[:, 2:] + made[:, :2]) / 2
    assert middles[0].tolist() == [15, 15]
    assert middles[4].tolist() == [45, 15], "row by row"


def test_every_object_gets_the_default_box_that_it_overlaps_most():
    iou = torch.tensor([[0.6, 0.1], [0.2, 0.3], [0.55, 0.0], [0.1, 0.2]])
    assert match_defaults(iou).tolist() == [0, 1, 0, -1]
    assert match_defaults(torch.empty(3, 0)).tolist() == [-1, -1, -1]


def test_the_hardest_negatives_are_three_for_each_positive():
    losses = torch.tensor([[9.0, 1, 5, 4, 3, 2, 8], [1.0, 2, 3, 4, 5, 6, 7]])
    positive = torch.tensor([[1, 0, 0, 0, 0, 0, 0], [0] * 7]).bool()
    assert hard_negatives(losses, positive).tolist() == [[False, False, True, True, False, False, True], [False] * 7]

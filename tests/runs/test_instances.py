"""Scores of label maps: by pixel sets, by SciPy's assignment, by panoptic quality of one class."""

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from upslope.runs.reports.detection.panoptic_quality import Panoptic, panoptic_scores
from upslope.runs.reports.instances import InstanceScores, found_and_missed, instance_scores, matched


def drawn(rng, things=6):
    """Rectangles over each other, and what somebody made of them: moved a little, some forgotten, some invented."""
    truth, found = np.zeros((2, 24, 30), dtype=int)
    for k in rng.permutation(3 * np.arange(1, things + 1)):  # numbers with holes
        top, left = rng.integers(0, 18), rng.integers(0, 22)
        height, width = rng.integers(3, 9, 2)
        truth[top : top + height, left : left + width] = k
        if rng.random() < 0.8:
            down, across = rng.integers(0, 3, 2)
            found[top + down : top + height, left + across : left + width] = 100 - k
    return truth, found


def sets(labels):
    return {int(k): set(np.flatnonzero(labels == k)) for k in np.unique(labels) if k}


def ious(truth, found):
    return {(t, f): len(a & b) / len(a | b) for t, a in sets(truth).items() for f, b in sets(found).items()}


def test_pairs_are_those_with_an_iou_of_more_than_a_half(seeds):
    several = 0
    for seed in seeds:
        truth, found = drawn(np.random.default_rng(seed))
        matches = matched(truth, found)
        expected = {t: (f, pytest.approx(iou)) for (t, f), iou in ious(truth, found).items() if iou > 0.5}
        assert matches.found == expected
        assert set(matches.missed) == sets(truth).keys() - expected.keys()
        assert set(matches.wrong) == sets(found).keys() - {f for f, _ in expected.values()}
        several += len(expected)
    assert several > len(seeds), "the pictures have something to match"


def test_no_assignment_finds_more(seeds):
    """One to one: SciPy's best assignment, and for few things every one there is, have as many pairs."""
    for seed in seeds:
        truth, found = drawn(np.random.default_rng(seed), things=4)
        table = ious(truth, found)
        there, seen = sorted(sets(truth)), sorted(sets(found))
        right = np.array([[table[t, f] > 0.5 for f in seen] for t in there]).reshape(len(there), len(seen))
        count = len(matched(truth, found).found)
        assert right[linear_sum_assignment(right, maximize=True)].sum() == count
        wide = right if len(there) <= len(seen) else right.T
        best = max(
            sum(wide[k, p] for k, p in enumerate(order)) for order in permutations(range(wide.shape[1]), len(wide))
        )
        assert best == count


def test_over_several_pictures_it_is_the_panoptic_quality_of_one_class(seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        pairs = [drawn(rng) for _ in range(3)]
        scores = instance_scores(*zip(*pairs, strict=True))
        # Background is a class of its own there, so that none of it is void.
        kinds = [[Panoptic(np.where(x, x, 999), {**dict.fromkeys(sets(x), 0), 999: 1}) for x in pair] for pair in pairs]
        expected = panoptic_scores(*zip(*kinds, strict=True), of=[0])
        assert (scores.pq, scores.sq, scores.f1) == pytest.approx((expected.pq, expected.sq, expected.rq), abs=1e-12)


def test_each_figure_has_its_own_name():
    scores = InstanceScores(tp=6, fp=2, fn=4, overlap=4.5)
    assert scores.f1 == pytest.approx(12 / 18)
    assert scores.threat_score == pytest.approx(6 / 12)
    assert (scores.sq, scores.pq) == pytest.approx((0.75, 0.5))


def test_a_half_is_not_enough_and_pieces_are_one_thing():
    truth, found = np.zeros((2, 1, 6), dtype=int)
    truth[0, :4], found[0, :2] = 5, 7
    assert matched(truth, found).found == {}, "an IoU of exactly 1/2"
    found[0, 3] = 7  # a second piece
    assert matched(truth, found).found == {5: (7, 0.75)}
    assert matched(truth, found, least=0.75).found == {}


def test_pictures_without_things_count_false_alarms_and_misses():
    empty, one = np.zeros((2, 4, 4), dtype=int)
    one[1:3, 1:3] = 9
    assert instance_scores([empty, one], [one, empty]) == InstanceScores(tp=0, fp=1, fn=1, overlap=0)
    assert instance_scores([empty, one], [one, empty]).pq == 0
    assert instance_scores([empty, one], [empty, one]).f1 == 1
    with pytest.raises(ValueError, match="of nothing there is no score"):
        instance_scores([empty], [empty])


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match=r"the truth has \(2, 3\) pixels, what was found \(3, 2\)"):
        matched(np.zeros((2, 3), int), np.zeros((3, 2), int))
    with pytest.raises(ValueError, match=r"least=0.4 is not in \[0.5, 1\)"):
        matched(np.zeros((2, 3), int), np.zeros((2, 3), int), least=0.4)


def test_what_was_missed_is_outlined():
    truth, found = np.zeros((2, 20, 20), dtype=int)
    truth[2:8, 2:8] = found[2:8, 2:8] = 1
    truth[12:18, 12:18] = 2
    figure = found_and_missed([np.zeros((20, 20))] * 2, [truth, truth], [found, truth])
    assert [axis.get_title() for axis in figure.axes[:4]] == [
        "picture", "truth: 2", "found: 1", "missed (red): 1, wrong (yellow): 0"]  # fmt: skip
    assert (len(figure.axes[3].collections), len(figure.axes[7].collections)) == (1, 0)

"""The numbers worked by hand in the lessons on telling things apart are what the library gives."""

import numpy as np
import pytest
from tests.academy.lesson_prose import says

from upslope.blocks.panoptic_merge import panoptic_merge
from upslope.image.watershed import watershed
from upslope.runs.reports.detection.panoptic_quality import Panoptic, overlaps, panoptic_quality
from upslope.runs.reports.instances import InstanceScores


def test_numbers_of_watershed_seeds():
    heights = np.array([[6, 1, 3, 4, 5]])
    assert watershed(heights, np.array([[1, 0, 0, 0, 2]]), heights > 0).tolist() == [[1, 1, 2, 2, 2]]
    says("watershed-seeds", "heights 6 1 3 4 5", "1 1 2 2 2")


def test_numbers_of_nuclei():
    scores = InstanceScores(tp=6, fp=3, fn=4, overlap=0)
    assert (scores.tp + scores.fn, scores.tp + scores.fp) == (10, 9)
    assert (scores.f1, scores.threat_score) == pytest.approx((12 / 19, 6 / 13))
    says("nuclei", "10 nuclei, 9 things found, 6 of them right", "12 / 19 = 0.63", "6 / 13 = 0.46")


def test_numbers_of_panoptic_merge():
    offsets = np.array([[[0, 0, 0, 0, 0, 0]], [[1, 0, -1, 1, 0, 0]]])
    assert (offsets[1] + np.arange(6))[0, :5].tolist() == [1, 1, 1, 4, 4]
    merged, numbers = panoptic_merge(
        np.array([[3, 3, 4, 4, 4, 0]]), np.array([[0, 0.9, 0, 0, 0.8, 0]]), offsets, things=[3, 4], window=3
    )
    assert (merged.tolist(), numbers.tolist()) == ([[3, 3, 3, 4, 4, 0]], [[1, 1, 1, 2, 2, 0]])
    says("panoptic-merge", "columns 1 1 1 4 4", "the numbers are 1 1 1 2 2 0", "3 3 3 4 4 0", "two votes of three")


def test_numbers_of_panoptic_quality():
    found = InstanceScores(tp=2, fp=1, fn=1, overlap=0.8 + 0.6)
    assert (found.sq, found.f1, found.pq) == pytest.approx((0.7, 2 / 3, 1.4 / 3))
    sneaker, said = np.array([[1, 1, 1, 1, 1, 1, 0, 0]]), np.array([[1, 1, 1, 1, 0, 0, 1, 1]])
    pq, sq, rq = panoptic_quality([overlaps(Panoptic(sneaker, {1: 5}), Panoptic(said, {1: 5}))], 5)
    assert (pq, sq, rq) == pytest.approx((4 / 6, 4 / 6, 1))
    says("panoptic-quality", "TP 2, FP 1, FN 1", "SQ is 0.7", "= 0.667", "1.4 / 3 = 0.467", "so the IoU is 0.667")


def test_numbers_of_panoptic():
    grass, bags, shirts = 0.9, 0.5, 0.1
    assert (np.mean([grass, bags, shirts]), np.mean([bags, shirts])) == pytest.approx((0.5, 0.3))
    says("panoptic", "0.9 for grass, 0.5 for bags and 0.1 for shirts", "is 0.5", "For things alone it is 0.3")

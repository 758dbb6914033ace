"""Face verification's measures: within folds only, as scikit-learn has them, thresholds that never see their pairs."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from upslope.runs.reports import verification

LABELS = np.repeat(np.arange(12), 5)
FOLDS = LABELS % 3


@pytest.fixture
def embeddings():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(12, 6))[LABELS] + rng.normal(size=(60, 6))).astype(np.float32)


def test_pairs_are_of_one_fold_and_each_comes_once(embeddings):
    pairs = verification.pairs_of(embeddings, LABELS, FOLDS)
    assert len(pairs.cosine) == 3 * (20 * 19 // 2)
    assert np.array_equal(FOLDS[pairs.first], FOLDS[pairs.second])
    assert len({*zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)}) == len(pairs.cosine)
    assert np.array_equal(pairs.same, LABELS[pairs.first] == LABELS[pairs.second])
    one, other = embeddings[pairs.first[7]], embeddings[pairs.second[7]]
    assert pairs.cosine[7] == pytest.approx(one @ other / np.linalg.norm(one) / np.linalg.norm(other), abs=1e-6)


def test_the_area_is_scikit_learns_and_the_mean_over_folds(embeddings):
    pairs = verification.pairs_of(embeddings, LABELS, FOLDS)
    areas = []
    for fold in range(3):
        part = verification.of_fold(pairs, fold)
        areas.append(roc_auc_score(part.same, part.cosine))
        assert verification.area(part) == pytest.approx(areas[-1], abs=1e-12)
    rounded = pairs._replace(cosine=pairs.cosine.round(1))  # pairs of one cosine
    assert verification.area(rounded) == pytest.approx(roc_auc_score(rounded.same, rounded.cosine), abs=1e-12)
    measured = verification.measured(embeddings, LABELS, FOLDS)
    assert measured["auc"] == pytest.approx(np.mean(areas))


def test_rank_one_asks_for_the_nearest_other_picture(embeddings):
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    right = []
    for one in range(60):
        others = [other for other in range(60) if other != one and FOLDS[other] == FOLDS[one]]
        right.append(LABELS[max(others, key=lambda other: unit[one] @ unit[other])] == LABELS[one])
    means = [np.mean(np.array(right)[fold == FOLDS]) for fold in range(3)]
    assert 0.3 < np.mean(means) < 1
    assert verification.measured(embeddings, LABELS, FOLDS)["rank_one"] == pytest.approx(np.mean(means))


def test_the_best_threshold_is_the_best_of_all(embeddings):
    pairs = verification.pairs_of(embeddings, LABELS, FOLDS)

    def wrong(threshold):
        return (pairs.cosine >= threshold)[~pairs.same].mean() + (pairs.cosine < threshold)[pairs.same].mean()

    best = verification.best_threshold(pairs)
    assert wrong(best) == pytest.approx(min(wrong(threshold) for threshold in np.linspace(-1, 1.1, 5000)), abs=1e-3)
    inverted = pairs._replace(cosine=-pairs.same.astype(float))
    assert 0 < verification.best_threshold(inverted) < 1e-3, "nobody is let in where that is best"


def test_a_threshold_never_sees_the_pairs_that_it_judges(embeddings, monkeypatch):
    """Whatever a fold's pairs are, its threshold stays; and it is asked for once a fold, with all of the others."""
    pairs = verification.pairs_of(embeddings, LABELS, FOLDS)
    seen, chosen = [], []
    best = verification.best_threshold

    def noted(asked):
        seen.append(np.unique(asked.fold).tolist())
        chosen.append(best(asked))
        return chosen[-1]

    monkeypatch.setattr(verification, "best_threshold", noted)
    before = verification.judged(pairs)
    assert seen == [[1, 2], [0, 2], [0, 1]]
    first = chosen[0]
    changed = pairs._replace(cosine=np.where(pairs.fold == 0, -pairs.cosine, pairs.cosine))
    after = verification.judged(changed)
    assert chosen[3] == first
    assert after["false_rejects"] > before["false_rejects"]
    assert chosen[4] != chosen[1]


def test_figures_show_something(embeddings):
    pairs = verification.pairs_of(embeddings, LABELS, FOLDS)
    images = np.random.default_rng(1).random((60, 8, 8))
    (axis,) = verification.roc({"one": pairs, "two": pairs}).axes
    assert len(axis.lines) == 2
    assert axis.get_legend().get_texts()[0].get_text().startswith("one, area 0.")
    worst, nearest = (
        verification.worst_pairs(pairs, images, count=4),
        verification.nearest_pictures(pairs, LABELS, images, people=3, near=5),
    )
    for figure, rows, columns in ((worst, 4, 4), (nearest, 3, 6)):
        (axis,) = figure.axes
        (canvas,) = axis.images
        filled = canvas.get_array() < 1
        assert filled.sum() == rows * columns * 64, "each tile is a picture of 8 x 8"
    titles = [text.get_text() for text in worst.axes[0].texts if text.get_text()]
    cosines = sorted(pairs.cosine[pairs.same])[:4]
    assert titles[:4] == [f"one person: {cosine:.2f}" for cosine in cosines]
    assert titles[4].startswith("two people: 0.9") or titles[4].startswith("two people: 0.8")
    assert nearest.axes[0].patches, "the hardest people have somebody else near"

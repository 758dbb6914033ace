"""What a run that compares faces says about itself: who is taken for whom, by the cosine of two embeddings.

Only pairs within one fold are looked at: embeddings of different networks cannot be compared. A threshold for a fold is
chosen from the pairs of the other folds, so it never sees those that it judges.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from upslope.runs import figures
from upslope.runs.figures import COLOURS, FAINT
from upslope.runs.run import Run

Floats = NDArray[np.floating[Any]]
Whole = NDArray[np.int64]


class Pairs(NamedTuple):
    """All pairs of two pictures of one fold."""

    first: Whole  # (M,) positions
    second: Whole
    fold: Whole
    same: NDArray[np.bool_]  # whether both show one person
    cosine: Floats


def pairs_of(embeddings: Floats, labels: Whole, folds: Whole) -> Pairs:
    """Each pair once; embeddings are (N, D) of any length."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    first, second = np.triu_indices(len(labels), 1)
    within = folds[first] == folds[second]
    first, second = first[within], second[within]
    cosine = np.einsum("nd,nd->n", unit[first], unit[second])
    return Pairs(first, second, folds[first], labels[first] == labels[second], cosine)


def roc_curve(pairs: Pairs) -> tuple[Floats, Floats]:
    """The shares of different and of same pairs that lie at or above each threshold, from the highest to the lowest."""
    order = np.argsort(-pairs.cosine, kind="stable")
    same, cosine = pairs.same[order], pairs.cosine[order]
    ends = np.append(np.flatnonzero(np.diff(cosine)), len(cosine) - 1)  # pairs of one cosine are accepted together
    accepted = np.cumsum(same)[ends] / same.sum()
    mistaken = np.cumsum(~same)[ends] / (~same).sum()
    return np.append(0.0, mistaken), np.append(0.0, accepted)


def area(pairs: Pairs) -> float:
    """The area under the ROC curve: how often a random same pair is nearer than a random different one."""
    mistaken, accepted = roc_curve(pairs)
    return float(np.trapezoid(accepted, mistaken))


def of_fold(pairs: Pairs, fold: int, *, others: bool = False) -> Pairs:
    """The pairs of one fold, or of all others."""
    chosen = (pairs.fold == fold) != others
    return Pairs(*(column[chosen] for column in pairs))


def rank_one(pairs: Pairs, labels: Whole) -> float:
    """How often the nearest of all other pictures of the fold shows the same person."""
    right = [labels[near[0]] == labels[one] for one, near in nearest(pairs).items()]
    return float(np.mean(right))


def nearest(pairs: Pairs) -> dict[int, Whole]:
    """For each picture the others of its fold, the nearest first."""
    one, other = np.append(pairs.first, pairs.second), np.append(pairs.second, pairs.first)
    order = np.lexsort((-np.append(pairs.cosine, pairs.cosine), one))
    ones, starts = np.unique(one[order], return_index=True)
    return dict(zip(ones.tolist(), np.split(other[order], starts[1:]), strict=True))


def measured(embeddings: Floats, labels: Whole, folds: Whole) -> dict[str, float]:
    """The area under the ROC curve and the rank-1 rate, each the mean over the folds."""
    pairs = pairs_of(embeddings, labels, folds)
    parts = [of_fold(pairs, fold) for fold in np.unique(folds)]
    return {
        "auc": float(np.mean([area(part) for part in parts])),
        "rank_one": float(np.mean([rank_one(part, labels) for part in parts])),
    }


def best_threshold(pairs: Pairs) -> float:
    """The cosine from which on pairs are accepted that makes the mean of both error rates least."""
    mistaken, accepted = roc_curve(pairs)
    cosines = np.unique(pairs.cosine)[::-1]
    best = int(np.argmax(accepted - mistaken))
    if best == 0:
        return float(cosines[0]) + 1e-6
    # Half way to the next lower cosine: what lies between has not been seen.
    return float(cosines[best - 1] + cosines[min(best, len(cosines) - 1)]) / 2


def judged(pairs: Pairs) -> dict[str, float]:
    """Mean error rates where the threshold of each fold was chosen from the pairs of the other folds."""
    false_accepts, false_rejects = [], []
    for fold in np.unique(pairs.fold):
        own, threshold = of_fold(pairs, fold), best_threshold(of_fold(pairs, fold, others=True))
        false_accepts.append(float((own.cosine >= threshold)[~own.same].mean()))
        false_rejects.append(float((own.cosine < threshold)[own.same].mean()))
    return {"false_accepts": float(np.mean(false_accepts)), "false_rejects": float(np.mean(false_rejects))}


def roc(ways: Mapping[str, Pairs]) -> Figure:
    """ROC curves of several ways to compare, the mean over the folds, false accepts on a logarithmic axis."""
    figure = Figure(figsize=(5.2, 3.8), layout="constrained", facecolor="white")
    axis = figure.add_subplot()
    at = np.geomspace(1e-3, 1, 200)
    for color, (name, pairs) in zip(COLOURS, ways.items(), strict=False):
        parts = [of_fold(pairs, fold) for fold in np.unique(pairs.fold)]
        rates = np.mean([np.interp(at, *roc_curve(part)) for part in parts], axis=0)
        mean = np.mean([area(part) for part in parts])
        axis.plot(at, rates, color=color, linewidth=1.8, label=f"{name.replace('_', ' ')}, area {mean:.3f}")
    axis.set_xscale("log")
    axis.set_xlabel("different people taken for one (false accept rate)")
    axis.set_ylabel("one person known again (true accept rate)")
    axis.set_ylim(0, 1.02)
    axis.grid(color=FAINT, linewidth=0.6)
    axis.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def worst_pairs(pairs: Pairs, images: Floats, *, count: int = 8) -> Figure:
    """One person at the lowest cosines, above, and two people at the highest, below; a pair is a column of two."""
    tiles: list[list[Tile]] = []
    for same, sign, name in ((True, 1, "one person"), (False, -1, "two people")):
        among = np.flatnonzero(pairs.same == same)
        worst = among[np.argsort(sign * pairs.cosine[among], kind="stable")][:count]
        tiles.append([Tile(images[pairs.first[n]], f"{name}: {pairs.cosine[n]:.2f}") for n in worst])
        tiles.append([Tile(images[pairs.second[n]]) for n in worst])
    return _sheet(tiles)


def nearest_pictures(pairs: Pairs, labels: Whole, images: Floats, *, people: int = 8, near: int = 7) -> Figure:
    """On the left a picture of somebody, to its right the nearest others of the fold; a frame where it is wrong."""
    ranks = nearest(pairs)
    # Those first whose nearest picture of somebody else is nearest of all; of each person the hardest picture.
    hard = sorted(ranks, key=lambda one: int(np.argmax(labels[ranks[one]] != labels[one])))
    first = {int(labels[one]): one for one in reversed(hard)}
    shown = [one for one in hard if first[int(labels[one])] == one][:people]
    return _sheet(
        [
            [Tile(images[one]), *(Tile(images[n], framed=bool(labels[n] != labels[one])) for n in ranks[one][:near])]
            for one in shown
        ]
    )


class Tile(NamedTuple):
    """A picture on a sheet, with words above it, perhaps in a frame."""

    image: Floats
    title: str = ""
    framed: bool = False


def _sheet(rows: Sequence[Sequence[Tile]]) -> Figure:
    """All tiles in one axis, which is drawn much sooner than an axis for each."""
    height, width = rows[0][0].image.shape
    gap = height // 6
    down, across = height + gap, width + gap // 3
    columns = max(map(len, rows))
    canvas = np.ones((len(rows) * down, columns * across))
    figure = Figure(figsize=(1.05 * columns, 1.05 * len(rows) * down / across), facecolor="white")
    axis = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axis.set_axis_off()
    for row, tiles in enumerate(rows):
        for column, tile in enumerate(tiles):
            top, left = row * down + gap, column * across
            canvas[top : top + height, left : left + width] = tile.image
            axis.text(left, top - 0.5, tile.title, fontsize=7, va="bottom")
            if tile.framed:
                axis.add_patch(Rectangle((left, top), width - 1, height - 1, fill=False, ec=COLOURS[1], linewidth=3))
    axis.imshow(canvas, cmap="gray", vmin=0, vmax=1)
    return figure


def draw(run: Run[Any], embeddings: Floats, labels: Whole, folds: Whole, *, images: Floats, per_epoch: int) -> None:
    """Curves, the pairs that were judged worst, and the nearest pictures of the people who are hardest."""
    run.picture("curves", figures.curves(run.logged(), {"training loss": ["loss"]}, smooth=10, per_epoch=per_epoch))
    pairs = pairs_of(embeddings, labels, folds)
    run.picture("worst_pairs", worst_pairs(pairs, images), "One person, far apart; two people, close together.")
    shown = nearest_pictures(pairs, labels, images)
    run.picture("nearest", shown, "The nearest pictures of the people who are hardest; framed: somebody else.")

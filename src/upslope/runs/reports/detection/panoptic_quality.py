"""Panoptic quality: how well a picture is divided into things and stuff.

A. Kirillov, K. He, R. Girshick, C. Rother, P. Dollar, "Panoptic Segmentation", 2018, https://arxiv.org/abs/1801.00868,
section 4; equal to the COCO panoptic API. Every pixel belongs to one segment, every segment to one class. A segment is
found if one of its class overlaps it with an IoU of more than 1/2; that can only be one, since segments do not overlap.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

VOID = 0  # the id of pixels that belong to no segment


@dataclass(frozen=True)
class Panoptic:
    """A picture divided into segments: ids (H, W), 0 where none is, and the class of each id.

    Crowds are ids that stand for many objects: a truth has them, a prediction does not.
    """

    ids: NDArray[np.integer[Any]]
    classes: Mapping[int, int]
    crowds: frozenset[int] = frozenset()


@dataclass(frozen=True)
class PanopticScores:
    """PQ, and its factors SQ, how exact the segments that were found are, and RQ, how many were found; each in [0, 1].

    Means over the classes that occur in truth or prediction; SQ is 0 for a class of which none was found.
    """

    pq: float
    sq: float
    rq: float
    classes: int  # how many count


def panoptic_quality(
    truth: Sequence[Panoptic], found: Sequence[Panoptic], *, of: Iterable[int] | None = None
) -> PanopticScores:
    """The scores over all pictures, of the classes `of`, or of all that occur.

    For each class PQ = (sum of the IoU of matched segments) / (TP + FP / 2 + FN / 2). Pixels that are void in the truth
    count nowhere. A segment that was found without a match is no false positive if more than half of it is void or lies
    in crowds of its class; crowds themselves need not be found.
    """
    if len(truth) != len(found):
        raise ValueError(f"{len(truth)} pictures have a truth and {len(found)} were divided; both are wanted for each")
    overlap: dict[int, float] = {}
    right: dict[int, int] = {}
    wrong: dict[int, int] = {}  # false positives and false negatives
    for true, seen in zip(truth, found, strict=True):
        for kind, iou in _judged(true, seen):
            if iou is None:
                wrong[kind] = wrong.get(kind, 0) + 1
            else:
                right[kind], overlap[kind] = right.get(kind, 0) + 1, overlap.get(kind, 0.0) + iou
    kinds = sorted({*right, *wrong} if of is None else ({*right, *wrong} & set(of)))
    if not kinds:
        return PanopticScores(0.0, 0.0, 0.0, 0)
    exact = [overlap[kind] / right[kind] if kind in right else 0.0 for kind in kinds]
    share = [right.get(kind, 0) / (right.get(kind, 0) + wrong.get(kind, 0) / 2) for kind in kinds]
    product = [sq * rq for sq, rq in zip(exact, share, strict=True)]
    return PanopticScores(float(np.mean(product)), float(np.mean(exact)), float(np.mean(share)), len(kinds))


def _judged(truth: Panoptic, found: Panoptic) -> Iterable[tuple[int, float | None]]:
    """Each segment of one picture that counts: its class and its IoU, None where it has no partner."""
    if truth.ids.shape != found.ids.shape:
        raise ValueError(
            f"the truth is {truth.ids.shape} pixels and the prediction {found.ids.shape}; they must be equal"
        )
    for what, panoptic in (("truth", truth), ("prediction", found)):
        unknown = set(np.unique(panoptic.ids).tolist()) - {VOID} - set(panoptic.classes)
        if unknown:
            raise ValueError(f"segment {min(unknown)} of the {what} has no class; name one for every id but {VOID}")
    true_ids, rows = np.unique(truth.ids, return_inverse=True)
    found_ids, columns = np.unique(found.ids, return_inverse=True)
    size = len(true_ids), len(found_ids)
    table = np.bincount(rows.ravel() * size[1] + columns.ravel(), minlength=size[0] * size[1]).reshape(size)
    shared = {(int(true_ids[i]), int(found_ids[j])): int(table[i, j]) for i, j in zip(*np.nonzero(table), strict=True)}
    area_true = dict(zip(true_ids.tolist(), table.sum(axis=1).tolist(), strict=True))
    area_found = dict(zip(found_ids.tolist(), table.sum(axis=0).tolist(), strict=True))
    matched_true, matched_found = set(), set()
    for (t, f), both in shared.items():
        if VOID in (t, f) or t in truth.crowds or truth.classes[t] != found.classes[f]:
            continue
        union = area_true[t] + area_found[f] - both - shared.get((VOID, f), 0)
        if both / union > 0.5:
            matched_true.add(t)
            matched_found.add(f)
            yield truth.classes[t], both / union
    for t in area_true.keys() - matched_true - truth.crowds - {VOID}:
        yield truth.classes[t], None
    for f in area_found.keys() - matched_found - {VOID}:
        kind = found.classes[f]
        excused = [VOID, *(t for t in truth.crowds if truth.classes[t] == kind)]
        if sum(shared.get((t, f), 0) for t in excused) / area_found[f] <= 0.5:
            yield kind, None

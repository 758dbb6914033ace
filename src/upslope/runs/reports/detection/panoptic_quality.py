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

Counts = NDArray[np.integer[Any]]
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
class Overlaps:
    """Of one picture the T segments of the truth and the F that were found: their classes, areas and common pixels."""

    shared: Counts  # (T, F), pixels that both have
    void: Counts  # (F,), pixels of what was found that belong to no segment of the truth
    true_area: Counts  # (T,), pixels
    found_area: Counts  # (F,)
    true_class: Counts  # (T,)
    found_class: Counts  # (F,)
    crowd: NDArray[np.bool_]  # (T,)


@dataclass(frozen=True)
class PanopticScores:
    """PQ, and its factors SQ, how exact the segments that were found are, and RQ, how many were found; each in [0, 1].

    Means over the classes that occur in truth or prediction; SQ is 0 for a class of which none was found.
    """

    pq: float
    sq: float
    rq: float
    classes: int  # how many count


def overlaps(truth: Panoptic, found: Panoptic) -> Overlaps:
    """What the segments of the truth and those that were found have in common."""
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
    here, there = true_ids != VOID, found_ids != VOID
    return Overlaps(
        shared=table[here][:, there],
        void=table[~here][:, there].sum(axis=0),
        true_area=table.sum(axis=1)[here],
        found_area=table.sum(axis=0)[there],
        true_class=np.array([truth.classes[k] for k in true_ids[here].tolist()], dtype=np.int64),
        found_class=np.array([found.classes[k] for k in found_ids[there].tolist()], dtype=np.int64),
        crowd=np.isin(true_ids[here], list(truth.crowds)),
    )


def panoptic_quality(pictures: Sequence[Overlaps], kind: int) -> tuple[float, float, float]:
    """(PQ, SQ, RQ) of the class `kind` over all pictures, each in [0, 1].

    A segment of the truth that is no crowd and one that was found, both of this class, are a pair if their IoU is more
    than 1/2, where the union leaves out what is void in the truth: IoU = shared / (true_area + found_area - shared -
    void). TP counts the pairs, FN the other segments of the truth, without crowds, and FP the others that were found;
    but one of which more than 1/2 lies in void and in crowds of this class, taken together, counts nowhere. Over all
    pictures SQ = sum of the pairs' IoU / TP, 0 without a pair; RQ = TP / (TP + FP / 2 + FN / 2); PQ = SQ * RQ. Each is
    nan where TP + FP + FN is 0. Two segments, one of them found with an IoU of 0.8 and the other not at all: SQ is 0.8,
    RQ is 0.6667, and PQ is 0.5333. Kirillov et al. 2018, section 4; void and crowds as in the COCO panoptic API.
    """
    overlap, tp, fp, fn = 0.0, 0, 0, 0
    for picture in pictures:
        # The segments of this class; a crowd need not be found.
        true, found = picture.true_class == kind, picture.found_class == kind
        wanted = true & ~picture.crowd
        # Pixels that are void in the truth are in no union.
        union = picture.true_area[:, None] + picture.found_area - picture.shared - picture.void
        iou = (picture.shared / union)[wanted][:, found]
        # With more than a half there is at most one partner, since segments do not overlap.
        pairs = iou > 0.5
        # What lies mostly where nobody outlined anything is not wrong.
        crowded = picture.shared[true & picture.crowd].sum(axis=0)
        excused = (picture.void + crowded) / picture.found_area > 0.5
        overlap, tp = overlap + iou[pairs].sum(), tp + pairs.sum()
        fn += (~pairs.any(axis=1)).sum()
        fp += (~pairs.any(axis=0) & ~excused[found]).sum()
    # A class of which nothing counts has no quality: 0 would punish, 1 would be a gift.
    if tp + fp + fn == 0:
        return np.nan, np.nan, np.nan
    # How exact the pairs are, and F1: how many there are.
    sq, rq = overlap / max(tp, 1), tp / (tp + fp / 2 + fn / 2)
    return float(sq * rq), float(sq), float(rq)


def panoptic_scores(
    truth: Sequence[Panoptic], found: Sequence[Panoptic], *, of: Iterable[int] | None = None
) -> PanopticScores:
    """The scores over all pictures: means of `panoptic_quality` over the classes `of`, or all, as far as they occur."""
    if len(truth) != len(found):
        raise ValueError(f"{len(truth)} pictures have a truth and {len(found)} were divided; both are wanted for each")
    pictures = [overlaps(true, seen) for true, seen in zip(truth, found, strict=True)]
    kinds = {int(kind) for each in pictures for kind in (*each.true_class, *each.found_class)}
    rows = [panoptic_quality(pictures, kind) for kind in sorted(kinds if of is None else kinds & set(of))]
    counted = np.array([row for row in rows if not np.isnan(row[0])])
    if not len(counted):
        return PanopticScores(0.0, 0.0, 0.0, 0)
    pq, sq, rq = counted.mean(axis=0).tolist()
    return PanopticScores(pq, sq, rq, len(counted))

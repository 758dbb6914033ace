"""How good a detector is: average precision and recall, as COCO measures them.

T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", 2014, https://arxiv.org/abs/1405.0312, and the rules of
its detection challenge, https://cocodataset.org/#detection-eval; equal to pycocotools' COCOeval for boxes ("bbox")
and for masks ("segm"), of which only the overlap is another.

A found box is right at a threshold if its IoU with an object of its class reaches it and no better one took the object.
mAP is the mean over classes and over the thresholds 0.50, 0.55, ..., 0.95. A class without a single object in the
truth has no recall: it leaves the mean and is named. False alarms on pictures without objects count.

Left out: keypoints.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Name = TypeVar("Name")
THRESHOLDS = np.linspace(0.5, 0.95, 10)
SIZES = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}  # pixels
LIMITS = (1, 10, 100)  # detections in a picture of one class, the best ones; mAP is that of the last limit
Masks = Sequence[NDArray[np.integer[Any]]]  # of each thing the numbers of its pixels, each once, counted row by row


@dataclass(frozen=True)
class Truth:
    """The objects of a picture: boxes (M, 4) in xyxy pixels and their classes (M,).

    A crowd stands for many objects that nobody outlined: what is found there is neither right nor wrong. Where no areas
    are given they are those of the boxes, or of the masks. With masks it is these that overlap, and not the boxes.
    """

    boxes: Floats
    classes: NDArray[np.integer[Any]]
    crowd: NDArray[np.bool_] | None = None
    areas: Floats | None = None
    masks: Masks | None = None


@dataclass(frozen=True)
class Detections:
    """What was found in a picture: boxes (N, 4) in xyxy pixels, their scores (N,) and classes (N,), maybe masks."""

    boxes: Floats
    scores: Floats
    classes: NDArray[np.integer[Any]]
    masks: Masks | None = None


@dataclass(frozen=True)
class DetectionScores:
    """mAP over all thresholds and at two of them, by size, recall by limit and by size, and each class by name.

    A size of which there is no object, and a class without any, has no entry; these classes are listed as `absent`.
    """

    map: float
    map50: float
    map75: float
    map_by_size: Mapping[str, float]
    recall_by_limit: Mapping[int, float]
    recall_by_size: Mapping[str, float]
    by_class: Mapping[str, float]
    by_class50: Mapping[str, float]
    absent: tuple[str, ...]


def average_precision(scores: Floats, hits: NDArray[np.bool_], *, objects: int) -> float:
    """The area under the curve of precision over recall of found boxes, of which `hits` says which are right.

    From the highest score down, of equal scores the one that stands first: after each box, recall is hits so far /
    `objects` and precision hits so far / boxes so far. Precision at a recall r is the largest that any box with a
    recall >= r reaches, 0 if none does; the result is its mean over r = 0, 0.01, ..., 1. So it is 1 if all objects are
    found before the first false alarm, and 0 if nothing is found. Without objects it is not defined: ValueError says
    "objects=0: there is no recall of nothing". Scores [0.9, 0.8, 0.7] with hits [1, 0, 1] of 2 objects: precision is 1
    for the 51 recalls up to 0.5, then 2/3, so it is (51 + 50 * 2/3) / 101 = 0.8350. Lin et al. 2014.
    """
    if objects < 1:
        raise ValueError(f"objects={objects}: there is no recall of nothing")
    # From the highest score down.
    hits = np.asarray(hits)[np.argsort(-np.asarray(scores), kind="stable")]
    found = np.cumsum(hits)
    recall, precision = found / objects, found / np.arange(1, len(hits) + 1)
    # What a higher recall reaches counts for lower ones, too: the largest from the right.
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    # The first box that reaches each recall; beyond the last one precision is 0.
    first = np.searchsorted(recall, np.linspace(0, 1, 101))
    return float(np.append(envelope, 0.0)[first].mean())


def pairwise_iou(found: Floats, truth: Floats, crowd: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The IoU of every found box with every object (N, M); with a crowd, the share of the box that lies in it."""
    a, b = np.asarray(found, dtype=np.float64)[:, None], np.asarray(truth, dtype=np.float64)[None]
    shared = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None).prod(axis=-1)
    area_a, area_b = ((box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (a, b))
    union = np.where(crowd, area_a, area_a + area_b - shared)
    return np.asarray(shared / np.where(union > 0, union, 1))


def pairwise_mask_iou(found: Masks, truth: Masks, crowd: NDArray[np.bool_]) -> NDArray[np.float64]:
    """As `pairwise_iou` for the masks of a picture."""
    pixels = 1 + max((int(mask.max(initial=-1)) for mask in (*found, *truth)), default=0)
    a, b = (_areas_of(masks) for masks in (found, truth))
    shared = (_rows(found, pixels) @ _rows(truth, pixels).T).toarray()
    union = np.where(crowd, a[:, None], a[:, None] + b - shared)
    return np.asarray(shared / np.where(union > 0, union, 1))


def _rows(masks: Masks, pixels: int) -> Any:
    """A sparse array with a row for each mask and a column for each pixel of the picture."""
    from scipy import sparse

    ends = np.concatenate([[0], np.cumsum([len(mask) for mask in masks])]).astype(np.int64)
    columns = np.concatenate([np.empty(0, dtype=np.int64), *masks])
    return sparse.csr_array((np.ones(len(columns)), columns, ends), shape=(len(masks), pixels))


def _areas_of(masks: Masks) -> NDArray[np.float64]:
    return np.array([len(mask) for mask in masks], dtype=np.float64)


def detection_scores(
    truth: Sequence[Truth],
    found: Sequence[Detections],
    *,
    classes: Sequence[str],
    limits: tuple[int, ...] = LIMITS,
) -> DetectionScores:
    """All scores of what was found in some pictures; class k is named classes[k].

    `limits` are COCO's; where a picture holds more than a hundred things the last one must be higher, or no detector
    finds them all. By masks if both sides have some.
    """
    if len(truth) != len(found):
        raise ValueError(
            f"{len(truth)} pictures have a truth and {len(found)} were looked at; both are wanted for each"
        )
    if not truth:
        raise ValueError("there are no pictures, and without them no mAP")
    there = {k: _Matches(list(_of_class(truth, found, k, limits[-1]))) for k in range(len(classes))}
    precision: dict[tuple[int, str], NDArray[np.float64]] = {}  # by threshold
    recall: dict[tuple[int, str, int], NDArray[np.float64]] = {}
    for k, matches in there.items():
        for size, bounds in SIZES.items():
            objects, scored = matches.at(bounds)
            if objects == 0:
                continue
            best = [scored(t, limits[-1]) for t in range(len(THRESHOLDS))]
            precision[k, size] = np.array([average_precision(*pair, objects=objects) for pair in best])
            for limit in limits:
                hits = [scored(t, limit)[1].sum() for t in range(len(THRESHOLDS))]
                recall[k, size, limit] = np.array(hits) / objects
    if not any(size == "all" for _, size in precision):
        raise ValueError("no picture holds an object of any class: there is nothing to be found, and no mAP")
    per_class = {classes[k]: values for (k, size), values in precision.items() if size == "all"}
    every = np.stack(list(per_class.values()))
    return DetectionScores(
        map=float(every.mean()),
        map50=float(every[:, 0].mean()),
        map75=float(every[:, 5].mean()),
        map_by_size=_means({key: values for key, values in precision.items() if key[1] != "all"}),
        recall_by_limit=_means({(k, n): v for (k, size, n), v in recall.items() if size == "all"}),
        recall_by_size=_means({(k, s): v for (k, s, n), v in recall.items() if s != "all" and n == limits[-1]}),
        by_class={name: float(values.mean()) for name, values in per_class.items()},
        by_class50={name: float(values[0]) for name, values in per_class.items()},
        absent=tuple(name for name in classes if name not in per_class),
    )


def precision_and_recall(
    truth: Sequence[Truth], found: Sequence[Detections], kind: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of one class, at an IoU of 0.5: scores from the highest down, with precision and recall up to each."""
    objects, scored = _Matches(list(_of_class(truth, found, kind, LIMITS[-1]))).at(SIZES["all"])
    scores, hits = scored(0, LIMITS[-1])
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(hits[order])
    return scores[order], right / np.arange(1, len(order) + 1), right / max(objects, 1)


@dataclass(frozen=True)
class _Picture:
    """One picture and one class: the scores found, from the highest down, and what they overlap."""

    scores: NDArray[np.float64]  # (N,), at most the last limit
    found_areas: NDArray[np.float64]
    iou: NDArray[np.float64]  # (N, M)
    areas: NDArray[np.float64]  # (M,)
    crowd: NDArray[np.bool_]


def _of_class(truth: Sequence[Truth], found: Sequence[Detections], kind: int, most: int) -> Iterator[_Picture]:
    for true, seen in zip(truth, found, strict=True):
        wanted = np.flatnonzero(np.asarray(true.classes) == kind)
        here = np.flatnonzero(np.asarray(seen.classes) == kind)
        scores = np.asarray(seen.scores, dtype=np.float64)[here]
        order = np.argsort(-scores, kind="stable")[:most]
        crowd = np.zeros(len(wanted), dtype=bool) if true.crowd is None else np.asarray(true.crowd)[wanted]
        if true.masks is not None and seen.masks is not None:
            things, masks = [true.masks[int(k)] for k in wanted], [seen.masks[int(k)] for k in here[order]]
            iou, areas, found_areas = pairwise_mask_iou(masks, things, crowd), _areas_of(things), _areas_of(masks)
        else:
            boxes = np.asarray(seen.boxes, dtype=np.float64).reshape(-1, 4)[here[order]]
            objects = np.asarray(true.boxes, dtype=np.float64).reshape(-1, 4)[wanted]
            iou, areas, found_areas = pairwise_iou(boxes, objects, crowd), _areas(objects), _areas(boxes)
        if true.areas is not None:
            areas = np.asarray(true.areas, dtype=np.float64)[wanted]
        yield _Picture(scores[order], found_areas, iou, areas, crowd)


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))


class _Matches:
    """What was found of one class, in all pictures, matched with the objects."""

    def __init__(self, pictures: list[_Picture]) -> None:
        self.pictures = pictures

    def at(self, bounds: tuple[float, float]) -> "tuple[int, _Scored]":
        """How many objects of this size count, and what was found, by threshold and limit."""
        objects = 0
        hits, counts = [], []
        for picture in self.pictures:
            ignored = picture.crowd | (picture.areas < bounds[0]) | (picture.areas > bounds[1])
            objects += int((~ignored).sum())
            right, excused = _matched(picture, ignored)
            outside = (picture.found_areas < bounds[0]) | (picture.found_areas > bounds[1])
            hits.append(right)
            counts.append(right | ~(excused | outside))
        ranks = np.concatenate([np.arange(len(picture.scores)) for picture in self.pictures])
        scores = np.concatenate([picture.scores for picture in self.pictures])
        return objects, _Scored(scores, ranks, *(np.concatenate(rows, axis=1) for rows in (hits, counts)))


@dataclass(frozen=True)
class _Scored:
    scores: NDArray[np.float64]  # (N,)
    ranks: NDArray[np.integer[Any]]  # among those of its picture
    hits: NDArray[np.bool_]  # (thresholds, N)
    counts: NDArray[np.bool_]  # neither right nor wrong where False

    def __call__(self, threshold: int, limit: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Scores and hits of those that count, of each picture the best ones only."""
        kept = self.counts[threshold] & (self.ranks < limit)
        return self.scores[kept], self.hits[threshold, kept]


def _matched(picture: _Picture, ignored: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each threshold and found box, from the best down: whether it is right, and whether it is excused.

    A box takes the object that it overlaps most among those that count and are still free, of equals the last one. If
    there is none it is excused by one that is ignored: a crowd excuses any number of boxes, another one.
    """
    limits = THRESHOLDS[:, None]
    right, excused = np.zeros((2, len(limits), len(picture.scores)), dtype=bool)
    free = np.ones((len(limits), len(ignored)), dtype=bool)
    for n, overlap in enumerate(picture.iou):
        if overlap.max(initial=0) < THRESHOLDS[0]:
            continue  # most boxes of an untrained network overlap nothing
        enough = free & (overlap >= limits)
        counting = enough & ~ignored
        right[:, n] = counting.any(axis=1)
        choice = np.where(right[:, n, None], counting, enough)
        some = choice.any(axis=1)
        excused[:, n] = some & ~right[:, n]
        values = np.where(choice, overlap, -1.0)[some]
        taken = values.shape[1] - 1 - values[:, ::-1].argmax(axis=1)
        free[some, taken] = picture.crowd[taken]
    return right, excused


def _means(values: Mapping[tuple[int, Name], NDArray[np.float64]]) -> dict[Name, float]:
    """The mean over classes for each second part of the keys, in the order in which these come."""
    kinds = dict.fromkeys(key[1] for key in values)
    return {kind: float(np.mean([v for key, v in values.items() if key[1] == kind])) for kind in kinds}

"""Panoptic quality by its definition, worked by hand, and on the two pictures of the COCO panoptic API."""

import io
import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from upslope.runs.reports.detection.panoptic_quality import Panoptic, panoptic_scores


def drawn(rng, *, kinds=3, crowds=False):
    """Rectangles over each other on void: ids and classes."""
    ids = np.zeros((24, 30), dtype=int)
    count = int(rng.integers(1, 9))
    for k in range(1, count + 1):
        top, left = rng.integers(0, 20), rng.integers(0, 24)
        ids[top : top + rng.integers(3, 16), left : left + rng.integers(3, 16)] = 7 * k
    classes = {7 * k: int(rng.integers(0, kinds)) for k in range(1, count + 1)}
    chosen = frozenset(int(k) for k in classes if rng.random() < 0.3) if crowds else frozenset()
    return Panoptic(ids, classes, chosen)


def by_definition(truth, found):
    """Kirillov et al. 2018, section 4, pixel sets in place of tables: {class: (sum of IoU, TP, FP, FN)}."""
    tally = {}
    for true, seen in zip(truth, found, strict=True):
        void = set(np.flatnonzero(true.ids == 0))
        wanted = {k: set(np.flatnonzero(true.ids == k)) for k in true.classes if (true.ids == k).any()}
        there = {k: set(np.flatnonzero(seen.ids == k)) for k in seen.classes if (seen.ids == k).any()}
        partners = {}
        for t, pixels in wanted.items():
            for f, others in there.items():
                iou = len(pixels & others) / len((pixels | others) - (void - pixels))
                if iou > 0.5 and t not in true.crowds and true.classes[t] == seen.classes[f]:
                    partners[t, f] = iou
        for (t, _), iou in partners.items():
            row = tally.setdefault(true.classes[t], [0, 0, 0, 0])
            row[0] += iou
            row[1] += 1
        for t in wanted.keys() - {t for t, _ in partners} - true.crowds:
            tally.setdefault(true.classes[t], [0, 0, 0, 0])[3] += 1
        for f in there.keys() - {f for _, f in partners}:
            kind = seen.classes[f]
            crowd = set().union(*(wanted[t] for t in true.crowds & wanted.keys() if true.classes[t] == kind))
            if len(there[f] & (void | crowd)) / len(there[f]) <= 0.5:
                tally.setdefault(kind, [0, 0, 0, 0])[2] += 1
    return tally


@pytest.mark.parametrize("crowds", [False, True])
def test_it_is_its_definition(crowds):
    rng = np.random.default_rng(int(crowds))
    for _ in range(40):
        truth = [drawn(rng, crowds=crowds) for _ in range(3)]
        found = [drawn(rng) for _ in range(2)]
        found.append(Panoptic(np.roll(truth[2].ids, 1, axis=1), truth[2].classes))
        tally = by_definition(truth, found)
        rows = [(iou / max(tp, 1), tp / (tp + fp / 2 + fn / 2)) for iou, tp, fp, fn in tally.values()]
        scores = panoptic_scores(truth, found)
        assert scores.classes == len(tally)
        assert scores.pq == pytest.approx(np.mean([sq * rq for sq, rq in rows]), abs=1e-12)
        assert (scores.sq, scores.rq) == pytest.approx(tuple(np.mean(rows, axis=0)), abs=1e-12)


def test_by_hand():
    """Two cells of 6 pixels, one found as 5 of them, one not at all; and 3 pixels where nothing is: (5/6) / 2."""
    truth = Panoptic(np.array([[1] * 6, [2] * 6, [3] * 6]), {1: 4, 2: 4, 3: 9})
    found = Panoptic(np.array([[1] * 5 + [9], [9] * 6, [8] * 3 + [9] * 3]), {1: 4, 8: 4, 9: 9})
    cells = panoptic_scores([truth], [found], of=[4])
    assert (cells.sq, cells.rq, cells.classes) == (5 / 6, 1 / 2, 1)
    assert cells.pq == pytest.approx(5 / 12)
    assert panoptic_scores([truth], [truth]).pq == 1
    assert panoptic_scores([], []).classes == 0


def test_impossible_pictures_are_refused():
    one, two = Panoptic(np.ones((2, 3), dtype=int), {1: 0}), Panoptic(np.ones((3, 2), dtype=int), {1: 0})
    with pytest.raises(ValueError, match=r"\(2, 3\) pixels and the prediction \(3, 2\)"):
        panoptic_scores([one], [two])
    with pytest.raises(ValueError, match="segment 1 of the prediction has no class"):
        panoptic_scores([one], [replace(one, classes={})])
    with pytest.raises(ValueError, match="1 pictures have a truth and 0 were divided"):
        panoptic_scores([one], [])


@pytest.fixture(scope="module")
def sample():
    """The truth of the API's two pictures, and which classes are things."""
    path = Path(os.environ.get("UPSLOPE_MIRROR", "")) / "panoptic_sample" / "panoptic_sample_data.zip"
    if not path.is_file():
        pytest.skip("UPSLOPE_MIRROR holds no panoptic_sample")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        said = json.loads(archive.read(next(name for name in names if name.endswith("panoptic_examples.json"))))
        truth = []
        for annotation in said["annotations"]:
            file = next(n for n in names if n.endswith(f"panoptic_examples/{annotation['file_name']}"))
            with Image.open(io.BytesIO(archive.read(file))) as image:
                colors = np.asarray(image.convert("RGB"), dtype=np.int64)
            parts = annotation["segments_info"]
            truth.append(
                Panoptic(
                    colors @ [1, 256, 65536],
                    {part["id"]: part["category_id"] for part in parts},
                    frozenset(part["id"] for part in parts if part["iscrowd"]),
                )
            )
        things = {kind["id"] for kind in said["categories"] if kind["isthing"]}
    return truth, things, {kind["id"] for kind in said["categories"]} - things


@pytest.mark.deep
def test_equals_the_panoptic_api(sample):
    """What the API says (cocodataset/panopticapi) of predictions that were made from the truth."""
    truth, things, stuff = sample

    def percent(change, of=None):
        scores = panoptic_scores(truth, [replace(change(p), crowds=frozenset()) for p in truth], of=of)
        return [round(100 * value, 4) for value in (scores.pq, scores.sq, scores.rq)]

    def rolled(columns):
        return lambda p: replace(p, ids=np.roll(p.ids, columns, axis=1))

    def large(p):
        values, counts = np.unique(p.ids, return_counts=True)
        return replace(p, ids=np.where(np.isin(p.ids, values[counts < 4000]), 0, p.ids))

    def merged(p):
        first = {kind: k for k, kind in reversed(p.classes.items())}
        values, places = np.unique(p.ids, return_inverse=True)
        ids = np.array([first[p.classes[k]] if k else 0 for k in values.tolist()])
        return replace(p, ids=ids[places].reshape(p.ids.shape))

    assert percent(lambda p: p) == [100, 100, 100]
    assert percent(rolled(8)) == [52.6495, 61.2358, 72.2028]
    assert percent(rolled(8), of=things)[0] == 27.7444
    assert percent(rolled(8), of=stuff)[0] == 77.5545
    assert percent(rolled(24))[0] == 25.0234
    assert percent(large) == [65.9259, 87.5, 65.9259]
    assert percent(merged) == [68.9594, 72.1891, 70.8333]
    filled = [replace(p, ids=np.where(p.ids == 0, next(iter(p.classes)), p.ids), crowds=frozenset()) for p in truth]
    assert panoptic_scores(truth, filled).pq == 1

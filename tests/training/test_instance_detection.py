"""Things found by a detector: boxes and masks from numbers, whole pictures of any size, and pixels shared out."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="tasks are made of PyTorch")

import torch

from upslope.blocks.detection.boxes import box_iou
from upslope.cards import discover
from upslope.data import dsb2018
from upslope.data.loading.dataset import Dataset, Lazy
from upslope.data.loading.things_in_memory import with_distances
from upslope.features import Image, Instances
from upslope.models.build import built
from upslope.runs.launcher import resume, start
from upslope.runs.run import Run
from upslope.training.augment_masks import squares
from upslope.training.tasks.instance_detection import SCORES, InstanceDetection, Outlined, boxed, outlined

FEATURES = {"image": Image(()), "instances": Instances("cell")}
TINY = {
    "widths": (4, 6, 8),
    "channels": 6,
    "hidden": 8,
    "cells": 2,
    "mask_cells": 4,
    "mask_depth": 1,
    "proposals": ((20, 20), (60, 40)),
}


@pytest.fixture(scope="module")
def blobs():
    return with_distances(dsb2018.toy(rng=np.random.default_rng(0), count=6))


def small(train):
    return InstanceDetection(built("mask-rcnn-small", seed=0, **TINY).module, train=train, side=32)


def pictures(*labels):
    """Pictures that are bright where there is something."""
    images = [(each > 0).astype(np.float32) for each in labels]
    return Dataset({"image": Lazy(images, np.asarray), "instances": Lazy(labels, np.asarray)}, FEATURES)


def test_numbers_become_boxes_and_masks():
    """Whole pixels; one in two pieces has one box; what shows too little is ground."""
    labels = torch.zeros(20, 30, dtype=torch.long)
    labels[2:6, 3:8] = 4
    labels[10:14, 20:30] = labels[16:18, 1:3] = 7
    labels[0, :11] = 9
    boxes, masks = boxed(labels)
    assert boxes.tolist() == [[3, 2, 8, 6], [1, 10, 30, 18]]
    assert masks.dtype == torch.bool
    assert torch.equal(masks[0], labels == 4)
    assert torch.equal(masks[1], labels == 7)
    boxes, masks = boxed(torch.zeros(20, 30, dtype=torch.long))
    assert (boxes.shape, masks.shape) == ((0, 4), (0, 20, 30))


def test_the_truth_has_boxes_and_pixels(blobs):
    for labels in blobs["instances"]:
        truth = outlined(labels)
        assert len(truth.boxes) == len(truth.masks) == len(np.unique(labels)) - 1
        for box, pixels in zip(truth.boxes, truth.masks, strict=True):
            down, across = np.divmod(pixels, labels.shape[1])
            assert box.tolist() == [across.min(), down.min(), across.max() + 1, down.max() + 1]
            assert len(np.unique(labels.ravel()[pixels])) == 1


def test_pictures_of_different_sizes_are_one_batch_and_come_back_at_their_size():
    data = pictures(*(np.ones(shape, dtype=np.int32) for shape in ((40, 60), (70, 35), (33, 32))))
    task = small(data)
    batch = task.collate(data)
    assert batch["image"].shape == (3, 1, 70, 60)
    assert batch["size"].tolist() == [[40, 60], [70, 35], [33, 32]]
    found = task.predict(data)
    assert [task.things(each).shape for each in found] == [(40, 60), (70, 35), (33, 32)]
    for each in found:
        height, width = each.shape
        assert (each.boxes >= 0).all()
        assert (each.boxes <= [width, height, width, height]).all()
        assert (np.diff(each.scores) <= 0).all()
        assert all(0 <= pixels.min(initial=0) <= pixels.max(initial=0) < height * width for pixels in each.masks)


@pytest.mark.parametrize("things", [(0, 0, 0), (0, 1, 0)])
def test_the_loss_is_finite_where_nothing_is(things):
    """A batch without any thing at all, and a picture with one among others."""
    labels = [np.zeros((64, 64), dtype=np.int32) for _ in things]
    for each, there in zip(labels, things, strict=True):
        each[10:30, 20:50] = there
    data = pictures(*labels)
    task = small(data)
    losses = task(task.collate(data))
    losses["loss"].backward()
    assert all(torch.isfinite(value) for value in losses.values())
    assert all(torch.isfinite(p.grad).all() for p in task.model.parameters() if p.grad is not None)
    assert (float(losses["mask_loss"]) > 0) == (float(losses["box_loss"]) > 0) == any(things)


def test_the_loss_is_the_sum_of_its_parts_and_the_masks_are_those_of_the_proposals(blobs, monkeypatch):
    task = small(blobs)
    ask, seen = task.model.mask_loss, []
    monkeypatch.setattr(task.model, "mask_loss", lambda *given: seen.append(given) or ask(*given))
    losses = task(task.collate(blobs))
    parts = [float(value) for name, value in losses.items() if name != "loss"]
    assert len(parts) == 5
    assert float(losses["loss"].detach()) == pytest.approx(sum(parts), rel=1e-5)
    ((_, boxes, labels, masks),) = seen
    assert sum(map(len, boxes)) > len(blobs), "objects are proposals as well"
    for own, kinds, these in zip(boxes, labels, masks, strict=True):
        assert not kinds.any()
        assert len(own) == len(these)
        tight = [boxed(mask.long())[0] for mask in these if mask.sum() >= 12]
        assert all(box_iou(a[None], b).item() >= 0.5 for a, b in zip(own, tight, strict=True))


def test_the_samples_come_from_the_steps_generator(blobs):
    task = small(blobs)
    task.eval()
    batch, losses = task.collate(blobs), []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        losses.append(float(task(batch)["loss"].detach()))
    assert losses[0] == losses[1] != losses[2]


def truth_as_found(data, *, score=0.9):
    found = []
    for labels in data["instances"]:
        true = outlined(labels)
        found.append(Outlined(labels.shape, true.boxes, np.full(len(true.boxes), score), list(true.masks)))
    return found


def test_the_truth_itself_is_perfect(blobs):
    scores = small(blobs).metrics(truth_as_found(blobs), blobs)
    assert scores["f1"] == scores["threat_score"] == scores["pq"] == scores["mask_ap50"] == 1
    assert scores["gain"] == pytest.approx(1 - scores["otsu_f1"])
    assert scores["count_error"] == 0


def test_each_pixel_is_the_likeliest_things_and_ap_sees_the_masks_before(blobs):
    """Everything found twice: once shared out nothing of that is left, and AP counts what came second as wrong."""
    task = small(blobs)
    twice = [
        Outlined(f.shape, np.tile(f.boxes, (2, 1)), np.append(f.scores, f.scores / 1.5), f.masks * 2)
        for f in truth_as_found(blobs)
    ]
    task.threshold = 0.3
    scores = task.metrics(twice, blobs)
    assert scores["f1"] == 1
    assert scores["mask_ap50"] == 1, "all are found before the first false alarm"
    early = [Outlined(f.shape, f.boxes, f.scores[::-1].copy(), f.masks) for f in twice]
    assert task.metrics(early, blobs)["mask_ap50"] == 1, "of equals either is right"
    thirds = [Outlined(f.shape, f.boxes, f.scores, [m[: len(m) // 3] for m in f.masks]) for f in twice]
    assert task.metrics(thirds, blobs)["mask_ap50"] == 0, "a third of a thing is not found"


def test_nothing_found_is_zero(blobs):
    nothing = [Outlined(labels.shape, np.empty((0, 4)), np.empty(0), []) for labels in blobs["instances"]]
    scores = small(blobs).metrics(nothing, blobs)
    assert scores["f1"] == scores["mask_ap50"] == scores["pq"] == 0
    assert scores["count_error"] == 1


def test_the_score_is_chosen_on_validation_data(blobs, monkeypatch):
    """What is right has 0.65, what is wrong 0.55: a threshold of 0.6 parts them."""
    task = small(blobs)
    right = truth_as_found(blobs, score=0.65)
    mixed = [
        Outlined(f.shape, np.append(f.boxes, [[0, 0, 4, 6]], axis=0), np.append(f.scores, 0.55), [*f.masks, free])
        for f, labels in zip(right, blobs["instances"], strict=True)
        for free in [np.flatnonzero(labels.ravel() == 0)[:24]]
    ]
    monkeypatch.setattr(task, "predict", lambda dataset: mixed)
    before = task.metrics(mixed, blobs)["f1"]
    task.calibrate(blobs)
    assert task.threshold == 0.6
    assert 0.6 in SCORES
    assert task.metrics(mixed, blobs)["f1"] == 1 > before
    assert task.spec(built("mask-rcnn-small", seed=0, **TINY)).preprocessing["score"] == 0.6


def test_what_fills_a_picture_up_changes_nothing_to_the_left_of_it():
    """A picture of 64 x 96 needs no filling; cut off where it is black it is filled up again to the same."""
    labels = np.zeros((64, 96), dtype=np.int32)
    labels[10:30, 20:50] = 1
    whole = small(pictures(labels)).model
    image = torch.from_numpy((labels > 0).astype(np.float32)).expand(3, -1, -1)
    whole.eval()
    with torch.no_grad():
        one = whole(image[None])
        cut = whole.segment(image[:, :50, :90], least=0.01, overlap=0.5, most=20)
        boxes = whole.proposed(one, 50, 90)
    assert len(cut.boxes) <= min(20, len(boxes[0]))
    assert (cut.boxes[:, 2] <= 90 + 1e-4).all()
    assert (cut.boxes[:, 3] <= 50 + 1e-4).all()
    assert cut.masks.shape[1:] == (8, 8)


def test_a_network_learns_where_things_are(blobs):
    train, rest = blobs.take(slice(4)), blobs.take(slice(4, 6))
    overrides = {**TINY, "widths": (12, 16, 24), "channels": 16, "hidden": 32, "cells": 4, "mask_cells": 5}
    task = InstanceDetection(built("mask-rcnn-small", seed=0, **overrides).module, train=train, side=64)
    for norm in (each for each in task.model.modules() if isinstance(each, torch.nn.BatchNorm2d)):
        norm.momentum = 0.3
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=5e-3)
    batches = squares(train, *task.maps, collate=task.collate, side=64, batch_size=4, seed=0)
    torch.manual_seed(0)
    for step in range(1, 81):
        optimizer.zero_grad()
        task(batches.at(step))["loss"].backward()
        optimizer.step()
    scores = task.metrics(task.predict(rest), rest)
    assert scores["f1"] > 0.4
    assert scores["mask_ap50"] > 0.4


@pytest.mark.deep
def test_an_interrupted_run_ends_with_the_same_bits(tmp_path, monkeypatch):
    """Which anchors and proposals a step looks at follows from its number, not from what ran before."""
    monkeypatch.setattr(Run, "picture", lambda *args, **kwargs: None)
    lab, words = discover("labs")["nuclei"], ["model=mask-rcnn", "steps=15"]
    steps, log = Run.steps, Run.log
    monkeypatch.setattr(Run, "steps", lambda self, total, **kw: steps(self, total, **{**kw, "checkpoint_steps": 4}))
    whole = start(lab, words, preset="smoke", root=tmp_path / "whole", quiet=True)

    def interrupted(self, step, **metrics):
        log(self, step, **metrics)
        if step >= 10:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Run, "log", interrupted)
        with pytest.raises(KeyboardInterrupt):
            start(lab, words, preset="smoke", root=tmp_path, quiet=True)
    resumed = resume("nuclei-0001", root=tmp_path, quiet=True)
    assert resumed.resumed == 1
    assert resumed.files == whole.files
    assert resumed.metrics == whole.metrics

"""Detection as a task: pictures without objects, nothing found, and boxes that move with their pictures."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="tasks are made of PyTorch")

import torch

from upslope.data import bccd
from upslope.data.loading.boxed_pictures import at_size
from upslope.data.loading.dataset import Dataset, Ragged
from upslope.models.build import built
from upslope.runs.reports.detection.average_precision import Detections
from upslope.training.augment_boxes import disturb_boxes
from upslope.training.tasks.object_detection import ObjectDetection, truth_of

TOYS = {
    "yolo-small": {"widths": (4, 8, 8, 8, 8), "depths": (1, 1, 1, 1), "bins": 8},
    "ssd-small": {"widths": (4, 4, 6, 6, 6), "depths": (1, 1, 1, 1, 1), "hidden": 6, "extras": ((4, 6, 2), (4, 6, 2))},
    "faster-rcnn-small": {"widths": (4, 6, 8), "channels": 6, "hidden": 8, "cells": 2},
}


@pytest.fixture(scope="module")
def cells():
    return at_size(bccd.toy(rng=np.random.default_rng(0), count=12), 64, 96)


@pytest.fixture(params=TOYS)
def task(cells, request):
    return ObjectDetection(built(request.param, seed=0, **TOYS[request.param]).module, train=cells)


def without_objects(cells):
    none = Ragged(np.empty((0, 4), np.float32), np.zeros(len(cells) + 1, np.int64))
    labels = Ragged(np.empty(0, np.int64), np.zeros(len(cells) + 1, np.int64))
    return Dataset({"image": cells["image"], "boxes": none, "label": labels}, cells.features)


def test_a_batch_without_objects_has_a_finite_loss_and_gradient(task, cells):
    empty = task.collate(without_objects(cells))
    assert empty["boxes"].shape == (12, 0, 4)
    said = task(empty)
    said["loss"].backward()
    assert torch.isfinite(said["loss"])
    assert float(said["box_loss"]) == 0
    assert all(torch.isfinite(p.grad).all() for p in task.model.parameters() if p.grad is not None)


def test_a_picture_without_objects_among_others_has_a_finite_loss(task, cells):
    """And what its places say of objects is unlearned: it is not passed over."""
    boxes, labels = (Ragged.of([row[:n] for row, n in zip(cells[name], [0, 9] * 6, strict=True)], dtype=kind)
                     for name, kind in (("boxes", np.float32), ("label", np.int64)))  # fmt: skip
    some = Dataset({"image": cells["image"], "boxes": boxes, "label": labels}, cells.features)
    batch = task.collate(some)
    assert batch["boxes_lengths"].min() == 0
    assert batch["boxes_lengths"].max() > 0
    losses = task(batch)
    losses["loss"].backward()
    assert all(torch.isfinite(value) for value in losses.values())
    assert all(torch.isfinite(p.grad).all() for p in task.model.parameters() if p.grad is not None)


def test_background_is_no_class(task, cells):
    """As many scores at each place as the data have classes, and where background is sure all of them are small."""
    images = task.collate(cells)["image"]
    task.eval()
    with torch.no_grad():
        _, scores = task.model.decode(task.model(images), task.height, task.width)
    assert scores.shape[2] == len(task.classes) == 3


def test_padding_does_not_count(task, cells):
    """The loss of two pictures together is that of their objects, however many rows the other one needs."""
    task.eval()
    batch = task.collate(cells)
    wider = {
        **batch,
        "boxes": torch.cat([batch["boxes"], torch.full((12, 5, 4), 17.0)], dim=1),
        "label": torch.cat([batch["label"], torch.full((12, 5), 2)], dim=1),
    }
    losses = []
    for each in (batch, wider):
        torch.manual_seed(0)  # two stages look at samples
        losses.append(task(each)["loss"].item())
    assert losses[0] == losses[1]


def test_nothing_found_is_a_map_of_zero(task, cells):
    nothing = [Detections(np.empty((0, 4)), np.empty(0), np.empty(0, np.int64))] * len(cells)
    scores = task.metrics(nothing, cells)
    assert scores["map50"] == scores["map"] == 0
    assert scores["count_error"] == 1


def test_the_truth_itself_is_a_map_of_one(task, cells):
    perfect = [Detections(t.boxes, np.ones(len(t.boxes)), t.classes) for t in truth_of(cells)]
    scores = task.metrics(perfect, cells)
    assert scores["map50"] == scores["map"] == scores["wbc_map50"] == 1
    assert scores["count_error"] == 0


def test_a_network_that_has_learned_nothing_still_answers(task, cells):
    found = task.predict(cells)
    assert len(found) == len(cells)
    task.calibrate(cells)
    assert 0 <= task.threshold <= 1


def test_boxes_move_with_the_picture(seeds):
    """A white rectangle on black, mirrored, moved and zoomed, is where its box is."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        images, boxes = torch.zeros(6, 3, 60, 90), torch.zeros(6, 2, 4)
        for image, pair in zip(images, boxes, strict=True):
            left, top = int(rng.integers(5, 50)), int(rng.integers(5, 30))
            image[:, top : top + 20, left : left + 30] = 1
            pair[0] = torch.tensor([left, top, left + 30, top + 20])
        batch = {
            "image": images,
            "boxes": boxes,
            "label": torch.tensor([[2, 0]] * 6),
            "boxes_lengths": torch.ones(6, dtype=torch.long),
            "label_lengths": torch.ones(6, dtype=torch.long),
        }
        change = disturb_boxes(shift=0.1, zoom=0.2, light=0.0, upside_down=True)
        made = change(batch, torch.Generator().manual_seed(seed))
        for image, pair, labels, count in zip(
            made["image"], made["boxes"], made["label"], made["boxes_lengths"], strict=True
        ):
            assert count == 1
            assert labels[0] == 2
            rows, columns = (image[0] > 0.5).nonzero(as_tuple=True)
            edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(pair[0].numpy(), np.array(edges, dtype=float), atol=1.01)


def test_what_is_pushed_out_of_the_picture_is_gone():
    """A box of which less than three tenths are left goes, and the next one takes its place."""
    boxes = torch.tensor([[[0.0, 0, 10, 10], [40, 20, 60, 40]]])
    batch = {
        "image": torch.zeros(1, 3, 60, 90),
        "boxes": boxes,
        "label": torch.tensor([[1, 2]]),
        "boxes_lengths": torch.tensor([2]),
        "label_lengths": torch.tensor([2]),
    }
    seen = set()
    for seed in range(60):
        made = disturb_boxes(shift=0.3, zoom=0.0, light=0.0)(batch, torch.Generator().manual_seed(seed))
        count = int(made["boxes_lengths"])
        seen.add(count)
        assert made["label"][0, count - 1] == 2
        assert (made["boxes"][0, :count] >= 0).all()
        assert (made["boxes"][0, :count] <= torch.tensor([90, 60, 90, 60])).all()
    assert seen == {1, 2}


@pytest.mark.parametrize("name", ["yolo-small", "ssd-small", pytest.param("faster-rcnn-small", marks=pytest.mark.deep)])
def test_every_detector_learns_one_picture(name, cells):
    """After some steps on two pictures their objects are found: assignment, losses and decoding fit one another."""
    few = cells.take(slice(2))
    arguments = {"yolo-small": {"widths": (8, 16, 24, 24, 24), "bins": 8}, "ssd-small": {}, "faster-rcnn-small": {}}
    task = ObjectDetection(built(name, seed=0, **arguments[name]).module, train=few)
    for norm in (each for each in task.model.modules() if isinstance(each, torch.nn.BatchNorm2d)):
        norm.momentum = 0.5
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=2e-3)
    batch = task.collate(few)
    torch.manual_seed(0)
    for _ in range(60):
        optimizer.zero_grad()
        task(batch)["loss"].backward()
        torch.nn.utils.clip_grad_norm_(task.model.parameters(), 10.0)
        optimizer.step()
    assert task.metrics(task.predict(few), few)["map50"] > 0.5

"""Classes, centers and offsets as a task: what targets say, that void is in no loss, that the truth is perfect."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="tasks are made of PyTorch")

import torch
from torch import nn

from upslope.data import dsb2018, scenes
from upslope.data.loading.things_in_memory import with_classes
from upslope.models.build import built
from upslope.training.augment_masks import disturb_maps
from upslope.training.center_targets import center_targets
from upslope.training.tasks.panoptic_segmentation import PanopticSegmentation


@pytest.fixture(scope="module")
def garments():
    return with_classes(scenes.toy(rng=np.random.default_rng(0), count=6))


class Fixed(nn.Module):
    """Says the same maps whatever it sees."""

    def __init__(self, classes, centers, offsets):
        super().__init__()
        self.maps = nn.ParameterDict({"classes": classes, "centers": centers, "offsets": offsets})

    def forward(self, x):
        return dict(self.maps)


def small(train, **settings):
    return PanopticSegmentation(built("panoptic-deeplab-toy", seed=0, in_channels=1).module, train=train, **settings)


def test_offsets_lead_to_the_center_of_mass_and_the_bell_stands_there(seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        numbers = rng.integers(0, 5, (2, 12, 15))
        heatmap, offsets = center_targets(torch.from_numpy(numbers), sigma=2.0)
        y, x = np.mgrid[:12, :15]
        for labels, heat, (down, across) in zip(numbers, heatmap.numpy(), offsets.numpy(), strict=True):
            bells = np.zeros((12, 15))
            for k in range(1, 5):
                here = labels == k
                middle = y[here].mean(), x[here].mean()
                np.testing.assert_allclose((y + down)[here], middle[0], atol=1e-4)
                np.testing.assert_allclose((x + across)[here], middle[1], atol=1e-4)
                bells = np.maximum(bells, np.exp(-((y - middle[0]) ** 2 + (x - middle[1]) ** 2) / 8))
            np.testing.assert_allclose(heat, bells, atol=1e-5)
            assert not down[labels == 0].any()
            assert not across[labels == 0].any()


def test_without_things_there_is_no_bell():
    heatmap, offsets = center_targets(torch.zeros(2, 4, 5, dtype=torch.long), sigma=2.0)
    assert not heatmap.any()
    assert not offsets.any()


def test_void_is_in_no_loss(garments):
    """Whatever is said of pixels that are nobody's, loss and gradient stay."""
    batch = small(garments, side=80).collate(garments)
    void = batch["mask"] == scenes.VOID
    assert void.any()
    generator = torch.Generator().manual_seed(0)
    shapes = ((6, 13, 80, 80), (6, 80, 80), (6, 2, 80, 80))
    maps = [torch.randn(shape, generator=generator) for shape in shapes]
    moved = [each + 5 * void.reshape(6, *(1,) * (each.ndim - 3), 80, 80) for each in maps]
    losses = []
    for each in (maps, moved):
        task = PanopticSegmentation(Fixed(*(nn.Parameter(m.clone()) for m in each)), train=garments, side=80)
        losses.append(task(batch))
        losses[-1]["loss"].backward()
        for parameter in task.model.parameters():
            gradient = parameter.grad.reshape(6, -1, 80, 80)
            assert not gradient[void[:, None].expand_as(gradient)].any()
    for name, value in losses[0].items():
        torch.testing.assert_close(value, losses[1][name])


def test_a_batch_without_things_or_of_void_alone_has_a_finite_loss(garments):
    task = small(garments, side=80)
    batch = task.collate(garments)
    empty = {**batch, "mask": torch.zeros_like(batch["mask"]), "instances": torch.zeros_like(batch["instances"])}
    assert torch.isfinite(task(empty)["loss"])


def true_maps(data, classes):
    """Maps that say the truth, void as the first class."""
    mask = torch.from_numpy(np.stack(list(data["mask"])).astype(np.int64))
    numbers = torch.from_numpy(np.stack(list(data["instances"])).astype(np.int64))
    heatmap, offsets = center_targets(numbers, sigma=3.0)
    logits = nn.functional.one_hot(mask * (mask < classes), classes).movedim(-1, 1)
    return list(torch.cat([logits.float(), heatmap[:, None], offsets], dim=1).numpy())


def test_the_truth_itself_is_nearly_perfect_and_things_of_a_class_that_merge_are_not(garments):
    scores = small(garments, side=80).metrics(true_maps(garments, 13), garments)
    assert scores["things_pq"] > 0.9
    assert scores["stuff_pq"] > 0.9
    assert scores["merged_pq"] < scores["things_pq"] - 0.3
    assert scores["things_pq"] <= scores["things_sq"]
    alone = small(garments, side=80, centers=0.0).metrics(true_maps(garments, 13), garments)
    assert alone["things_pq"] == alone["merged_pq"]


def test_nuclei_are_the_one_class_of_things():
    blobs = with_classes(dsb2018.toy(rng=np.random.default_rng(0), count=4))
    task = small(blobs, side=32)
    assert (task.names, task.things, task.stuff, task.void) == (("background", "nucleus"), (1,), (0,), -1)
    scores = task.metrics(true_maps(blobs, 2), blobs)
    assert scores["things_pq"] > 0.9


def test_squares_and_their_numbers_move_together(garments):
    batch = small(garments, side=80).collate(garments)
    batch = {**batch, "image": batch["instances"][:, None].float() / 10}
    for turn in (False, True):
        made = disturb_maps("mask", "instances", side=48, turned=turn)(batch, torch.Generator().manual_seed(1))
        assert made["image"].shape == (6, 1, 48, 48)
        torch.testing.assert_close(made["image"][:, 0] * 10, made["instances"].float())
        things = (made["mask"] >= 3) & (made["mask"] != scenes.VOID)
        assert torch.equal(things, made["instances"] > 0)


def test_the_threshold_is_chosen_on_validation_data(garments, monkeypatch):
    """Half as high a heatmap, with a little hill on every ground: a low threshold alone keeps those hills."""
    task = small(garments, side=80)
    low = [maps.copy() for maps in true_maps(garments, 13)]
    for maps in low:
        maps[-3] *= 0.36
    monkeypatch.setattr(task, "predict", lambda dataset: low)
    task.calibrate(garments)
    assert task.threshold < 0.36
    assert task.spec(built("panoptic-deeplab-toy", seed=0)).preprocessing["threshold"] == task.threshold

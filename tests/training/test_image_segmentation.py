"""Segmentation as a task: void counts nowhere, squares and masks move together, auxiliary heads are in the loss."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="tasks are made of PyTorch")

import torch
from torch import nn

from upslope.data import isbi2012_membrane
from upslope.data.loading.dataset import Dataset
from upslope.features import Image, Mask
from upslope.models.build import built
from upslope.runs.errors import ConfigProblem
from upslope.training.augment_masks import disturb_masks
from upslope.training.tasks.image_segmentation import ImageSegmentation, sizes


@pytest.fixture(scope="module")
def slices():
    return isbi2012_membrane.toy(rng=np.random.default_rng(0), count=8)


def task_of(slices, name="unet-small", **arguments):
    small = {"widths": (4, 6, 8)} if name == "unet-small" else {"widths": (4, 4, 6, 6)}
    return ImageSegmentation(built(name, seed=0, **small, **arguments).module, train=slices, dice=0.5)


@pytest.mark.parametrize("name", ["unet-small", "fcn-small", "deeplab-small"])
def test_every_network_gives_a_class_at_every_pixel(slices, name):
    task = task_of(slices, name)
    said = task.predict(slices)
    assert said.shape == (8, 2, 64, 64)
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    assert set(task.metrics(said, slices)) == {"mean_iou", "pixel_accuracy", "dice", "auc", "grey_auc"}


def test_the_truth_itself_is_perfect(slices):
    truth = np.eye(2, dtype=np.float32)[slices["mask"]].transpose(0, 3, 1, 2)
    scores = task_of(slices).metrics(truth, slices)
    assert 0.5 < scores.pop("grey_auc") < 1  # darkness says much of a membrane, and not all
    assert scores == {"mean_iou": 1, "pixel_accuracy": 1, "dice": 1, "auc": 1}


class Fixed(nn.Module):
    """Says the same of every pixel."""

    def __init__(self, auxiliary=False):
        super().__init__()
        self.scores = nn.Parameter(torch.tensor([0.3, -0.2, 0.1]))
        self.auxiliary = auxiliary
        self.auxiliary_weights = {"auxiliary": 0.5} if auxiliary else {}

    def forward(self, x):
        logits = self.scores[None, :, None, None].expand(len(x), 3, *x.shape[2:])
        return {"logits": logits, "auxiliary": 2 * logits} if self.auxiliary and self.training else logits


def test_void_is_in_no_loss_and_in_no_figure():
    rng = np.random.default_rng(1)
    names = ("sky", "road", "tree", "void")
    masks = rng.integers(0, 4, (4, 6, 6)).astype(np.uint8)
    images = rng.random((4, 6, 6, 3)).astype(np.float32)
    features = {"image": Image((6, 6, 3)), "mask": Mask(names)}
    street = Dataset({"image": images, "mask": masks}, features)
    task = ImageSegmentation(Fixed(), train=street, dice=0.5)
    assert (task.names, task.void) == (names[:3], 3)
    loss = task(task.collate(street))["loss"]
    changed = np.where(masks == 3, 3, masks)
    other = images + (masks == 3)[..., None] * 0.1
    again = ImageSegmentation(Fixed(), train=street, dice=0.5)
    same = again(again.collate(Dataset({"image": np.clip(other, 0, 1).astype(np.float32), "mask": changed}, features)))
    assert float(loss.detach()) == pytest.approx(float(same["loss"].detach()), abs=1e-6)
    real = masks[masks != 3].astype(np.int64)
    logits = torch.tensor([0.3, -0.2, 0.1]).expand(len(real), 3)
    plain = ImageSegmentation(Fixed(), train=street)
    expected = nn.functional.cross_entropy(logits, torch.from_numpy(real))
    assert float(plain(plain.collate(street))["loss"].detach()) == pytest.approx(float(expected), abs=1e-6)
    said = plain.predict(street)
    assert plain.metrics(said, street)["pixel_accuracy"] == pytest.approx((real == 0).mean())


def test_what_is_most_frequent_in_training_stands_beside():
    """Of training, not of the test pictures; void is no class that could be it."""
    features = {"image": Image((2, 3, 3)), "mask": Mask(("sky", "road", "tree", "void"))}

    def street(*rows):
        images = np.linspace(0, 1, 18 * len(rows), dtype=np.float32).reshape(-1, 2, 3, 3)
        return Dataset({"image": images, "mask": np.array(rows, dtype=np.uint8).reshape(-1, 2, 3)}, features)

    train, test = street([1, 1, 0, 3, 3, 3]), street([0, 0, 0, 1, 3, 3])
    task = ImageSegmentation(Fixed(), train=train)
    scores = task.metrics(task.predict(test), test)
    assert scores["frequent_pixel_accuracy"] == 1 / 4
    assert scores["frequent_mean_iou"] == pytest.approx((0 + 1 / 4) / 2)
    assert scores["pixel_accuracy"] == 3 / 4
    assert sizes(train) == {"in_channels": 3, "num_classes": 3}


def test_a_batch_of_void_alone_has_a_finite_loss():
    features = {"image": Image((6, 6, 3)), "mask": Mask(("sky", "road", "tree", "void"))}
    images = np.random.default_rng(0).random((2, 6, 6, 3)).astype(np.float32)
    void = Dataset({"image": images, "mask": np.full((2, 6, 6), 3, dtype=np.uint8)}, features)
    task = ImageSegmentation(Fixed(auxiliary=True), train=void, dice=0.5).train()
    loss = task(task.collate(void))["loss"]
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)
    assert not task.model.scores.grad.any()


def test_a_head_beside_counts_half():
    rng = np.random.default_rng(2)
    features = {"image": Image((6, 6)), "mask": Mask(("a", "b", "c"))}
    data = Dataset({"image": rng.random((2, 6, 6)).astype(np.float32),
                    "mask": rng.integers(0, 3, (2, 6, 6)).astype(np.uint8)}, features)  # fmt: skip
    one, two = (ImageSegmentation(Fixed(auxiliary=each), train=data).train() for each in (False, True))
    alone, both = (float(task(task.collate(data))["loss"].detach()) for task in (one, two))
    doubled = nn.functional.cross_entropy(
        2 * Fixed()(torch.zeros(2, 1, 6, 6)), torch.from_numpy(data["mask"].astype(np.int64))
    )
    assert both == pytest.approx(alone + 0.5 * float(doubled.detach()), abs=1e-6)


def test_squares_and_masks_move_together(seeds):
    """A picture whose pixels hold their class: wherever a square is cut and however it is turned, both agree."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        masks = torch.from_numpy(rng.integers(0, 5, (6, 40, 50)))
        batch = {"image": masks[:, None].float() / 5, "mask": masks}
        made = disturb_masks(side=24)(batch, torch.Generator().manual_seed(seed))
        assert made["image"].shape == (6, 1, 24, 24)
        torch.testing.assert_close(made["image"][:, 0], made["mask"].float() / 5)


def test_streets_are_mirrored_and_never_turned(seeds):
    """Rows that hold their own number stay in order; columns run one way or the other."""
    rows, columns = torch.meshgrid(torch.arange(40), torch.arange(50), indexing="ij")
    batch = {"image": columns[None, None].float().expand(8, 1, 40, 50) / 50, "mask": rows[None].expand(8, 40, 50)}
    for seed in seeds:
        made = disturb_masks(side=24, turned=False)(batch, torch.Generator().manual_seed(seed))
        assert (made["mask"].diff(dim=1) == 1).all()
        ways = made["image"].diff(dim=3).sign().flatten(1)
        assert {tuple(way.unique().tolist()) for way in ways} == {(-1.0,), (1.0,)}


def test_a_shrunk_network_takes_pictures_of_any_size():
    network = built("unet-small", seed=0, widths=(4, 6, 8), shrink=3, in_channels=3, num_classes=11).module.eval()
    for height, width in ((36, 48), (36, 50), (31, 7)):
        x = torch.rand(1, 3, height, width)
        said = network(x)
        assert said.shape == (1, 11, height, width)
        if (height, width) == (36, 48):
            means = x.unflatten(2, (12, 3)).unflatten(4, (16, 3)).mean(dim=(3, 5))
            plain = network._logits(means)
            torch.testing.assert_close(said[..., 1::3, 1::3], plain, atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match="only padded=True keeps it"):
        built("unet-small", seed=0, padded=False, shrink=2)


def test_a_picture_smaller_than_the_square_is_refused():
    batch = {"image": torch.zeros(1, 1, 20, 40), "mask": torch.zeros(1, 20, 40)}
    with pytest.raises(ConfigProblem, match="side=32: no such square fits into a picture of 20 x 40"):
        disturb_masks(side=32)(batch, torch.Generator())


def test_a_network_learns_membranes(slices):
    """After some steps on four slices the membranes of four others are found."""
    task = ImageSegmentation(built("unet-small", seed=0, widths=(8, 16, 24)).module, train=slices, dice=0.5)
    for norm in (each for each in task.model.modules() if isinstance(each, nn.BatchNorm2d)):
        norm.momentum = 0.3
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=5e-3)
    batch = task.collate(slices.take(slice(4)))
    for _ in range(40):
        optimizer.zero_grad()
        task(batch)["loss"].backward()
        optimizer.step()
    rest = slices.take(slice(4, 8))
    assert task.metrics(task.predict(rest), rest)["auc"] > 0.9

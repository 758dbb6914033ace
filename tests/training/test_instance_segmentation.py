"""Things told apart as a task: pictures of different sizes in one batch, squares and maps that move together."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="tasks are made of PyTorch")

import torch
from torch import nn

from upslope.data import dsb2018
from upslope.data.loading.dataset import Dataset, Lazy
from upslope.data.loading.things_in_memory import with_distances
from upslope.features import Image, Instances
from upslope.models.build import built
from upslope.runs.errors import ConfigProblem
from upslope.training.augment_masks import disturb_maps
from upslope.training.tasks.instance_segmentation import PEAKS, InstanceSegmentation

FEATURES = {"image": Image(()), "instances": Instances("cell")}


@pytest.fixture(scope="module")
def blobs():
    return with_distances(dsb2018.toy(rng=np.random.default_rng(0), count=6))


def sizes(*shapes, seed=0):
    """Pictures of these sizes whose pixels are their numbers' shares: a thing a column of 5."""
    rng = np.random.default_rng(seed)
    pictures, labels = [], []
    for height, width in shapes:
        labels.append(np.tile(1 + np.arange(width) // 5, (height, 1)).astype(np.int32))
        pictures.append(rng.random((height, width)).astype(np.float32))
    return Dataset({"image": Lazy(pictures, np.asarray), "instances": Lazy(labels, np.asarray)}, FEATURES)


def small(train, **settings):
    return InstanceSegmentation(built("unet-small", seed=0, widths=(4, 6, 8)).module, train=train, side=32, **settings)


def test_pictures_of_different_sizes_are_one_batch_and_come_back_at_their_size():
    data = with_distances(sizes((40, 60), (70, 35), (32, 32)))
    batch = small(data).collate(data)
    assert batch["image"].shape == (3, 1, 70, 60)
    assert batch["size"].tolist() == [[40, 60], [70, 35], [32, 32]]
    for k, (height, width) in enumerate(batch["size"].tolist()):
        np.testing.assert_array_equal(batch["image"][k, 0, :height, :width], data["image"][k])
        assert not batch["image"][k, 0, height:].any()
        assert not batch["foreground"][k, :, width:].any()
    assert [maps.shape for maps in small(data).predict(data)] == [(2, 40, 60), (2, 70, 35), (2, 32, 32)]


def test_squares_lie_within_each_picture_and_its_maps_move_along(seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        shapes = torch.tensor([[30, 50], [44, 24]])
        image = torch.full((2, 1, 44, 50), -1.0)
        for k, (height, width) in enumerate(shapes.tolist()):
            image[k, 0, :height, :width] = torch.from_numpy(rng.random((height, width)))
        batch = {"image": image, "foreground": image[:, 0], "distance": image[:, 0] / 2, "size": shapes}
        made = disturb_maps("foreground", "distance", side=24)(batch, torch.Generator().manual_seed(seed))
        assert made["image"].shape == (2, 1, 24, 24)
        assert made["foreground"].min() >= 0, "nothing of what filled the batch up"
        torch.testing.assert_close(made["image"][:, 0], made["foreground"])
        torch.testing.assert_close(made["foreground"], 2 * made["distance"])


def test_a_picture_smaller_than_the_square_is_refused():
    data = with_distances(sizes((40, 60), (20, 40)))
    with pytest.raises(ConfigProblem, match="side=32: no such square fits into a picture of 20 x 40"):
        disturb_maps("foreground", "distance", side=32)(small(data).collate(data), torch.Generator())


def test_the_loss_is_finite_where_nothing_is():
    """A batch without any thing at all."""
    empty = Dataset(
        {"image": np.zeros((2, 32, 32), dtype=np.float32), "instances": np.zeros((2, 32, 32), int)}, FEATURES
    )
    task = small(with_distances(empty))
    losses = task(task.collate(with_distances(empty)))
    losses["loss"].backward()
    assert all(torch.isfinite(value) for value in losses.values())


def test_the_parts_of_the_loss_are_cross_entropies():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.logits = nn.Parameter(torch.tensor([0.4, -0.7]))

        def forward(self, x):
            return self.logits[None, :, None, None].expand(len(x), 2, *x.shape[2:])

    data = with_distances(sizes((32, 40)))
    task = InstanceSegmentation(Fixed(), train=data, side=32, distance=3.0)
    losses = {name: float(value.detach()) for name, value in task(task.collate(data)).items()}
    p = 1 / (1 + np.exp(-np.array([0.4, -0.7])))
    target = data["distance"][0].mean()
    expected = -(target * np.log(p[1]) + (1 - target) * np.log(1 - p[1]))
    assert losses["foreground_loss"] == pytest.approx(-np.log(p[0]), abs=1e-5)
    assert losses["distance_loss"] == pytest.approx(expected, abs=1e-5)
    assert losses["loss"] == pytest.approx(-np.log(p[0]) + 3 * expected, abs=1e-4)


def true_maps(data):
    pairs = zip(data["instances"], data["distance"], strict=True)
    return [np.stack([labels > 0, distance]).astype(np.float32) for labels, distance in pairs]


def test_the_truth_itself_is_nearly_perfect_and_pieces_of_the_foreground_are_not(blobs):
    task = small(blobs)
    scores = task.metrics(true_maps(blobs), blobs)
    assert scores["f1"] > 0.95
    assert scores["gain"] == pytest.approx(scores["f1"] - scores["otsu_f1"])
    assert scores["threat_score"] == pytest.approx(scores["f1"] / (2 - scores["f1"]))
    assert scores["pq"] == pytest.approx(scores["sq"] * scores["f1"])
    assert scores["count_error"] < 0.1
    without = small(blobs, distance=0.0)
    assert without.peak == 0
    assert without.metrics(true_maps(blobs), blobs)["f1"] < scores["f1"] - 0.1


def test_the_peak_is_chosen_on_validation_data(blobs, monkeypatch):
    """A distance that rises to 0.45 only: peaks of 0.5 and more find nothing of their own."""
    task = small(blobs)
    low = [np.stack([maps[0], 0.45 * maps[1]]) for maps in true_maps(blobs)]
    monkeypatch.setattr(task, "predict", lambda dataset: low)
    before = task.metrics(low, blobs)["f1"]
    task.calibrate(blobs)
    assert task.peak in PEAKS[:2]
    assert task.metrics(low, blobs)["f1"] > before
    assert task.spec(built("unet-small", seed=0)).preprocessing["peak"] == task.peak
    without = small(blobs, distance=0.0)
    without.calibrate(blobs)
    assert without.peak == 0, "pieces of the foreground have no peak to choose"


def test_a_network_learns_where_things_are(blobs):
    task = InstanceSegmentation(built("unet-small", seed=0, widths=(8, 16, 24)).module, train=blobs, side=64)
    for norm in (each for each in task.model.modules() if isinstance(each, nn.BatchNorm2d)):
        norm.momentum = 0.3
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=5e-3)
    batch = task.collate(blobs.take(slice(4)))
    before = task.metrics(task.predict(blobs.take(slice(4, 6))), blobs.take(slice(4, 6)))["f1"]
    for _ in range(60):
        optimizer.zero_grad()
        task(batch)["loss"].backward()
        optimizer.step()
    rest = blobs.take(slice(4, 6))
    assert task.metrics(task.predict(rest), rest)["f1"] > max(0.5, before + 0.2)

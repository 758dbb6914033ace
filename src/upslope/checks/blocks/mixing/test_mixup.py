"""What mixup must do."""

import numpy as np
import torch

from upslope.blocks import mixing
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, leaf
from upslope.checks.expect import Mismatch, close
from upslope.checks.samples import some

# The shape of the samples, and how many classes.
SIZES = (((2, 1), 2), ((3, 2, 2), 3), ((4, 3, 2, 2), 2), ((1, 2), 3), ((5, 1, 2, 2), 4))


def together(images, targets, partners, shares):
    """Images and targets in one row for each sample."""
    got = mixing.mixup(images, targets, partners=partners, shares=shares)
    if type(got) is not tuple or len(got) != 2:
        raise Mismatch("what came back is not a pair", got=type(got).__name__, expected="(images, targets)")
    if got[0].shape != images.shape:
        raise Mismatch("the images have another shape", got=str(tuple(got[0].shape)), expected=str(tuple(images.shape)))
    return torch.cat([got[0].flatten(1), got[1]], dim=1)


def one_by_one(images, targets, partners, shares):
    rows = np.concatenate([images.reshape(len(images), -1), targets], axis=1)
    return np.stack([s * rows[i] + (1 - s) * rows[p] for i, (p, s) in enumerate(zip(partners, shares, strict=True))])


def others(rng, batch):
    """For each sample a partner that is somebody else, where there is one."""
    order = rng.permutation(batch)
    partners = np.empty(batch, dtype=np.int64)
    partners[order] = np.roll(order, 1)
    return partners


def drawn(rng):
    for shape, classes in SIZES:
        batch = shape[0]
        yield {
            "images": some(rng, *shape),
            "targets": rng.dirichlet(np.ones(classes), batch),
            "partners": others(rng, batch),
            "shares": rng.uniform(0, 1, batch),
        }


MIXUP = TorchOp(mixing.mixup, samples=drawn, truth=one_by_one, call=together)
PAIR = {
    "images": np.array([[4.0], [8.0]]),
    "targets": np.eye(2),
    "partners": np.array([1, 0]),
    "shares": np.array([0.75, 0.5]),
}

test_shape_and_dtype = MIXUP.shape("images and targets of the shapes and dtype that came")
test_by_hand = MIXUP.by_hand(
    "[4] and [8] with shares of 0.75 and 0.5 become [5] and [6]", (PAIR, [[5, 0.75, 0.25], [6, 0.5, 0.5]])
)
test_random = MIXUP.random("random samples of any shape, partners and shares: one by one")
test_gradient = MIXUP.gradient("the gradients of images, targets and shares agree with finite differences")
test_large = MIXUP.large(
    "a batch of 64 color pictures",
    lambda rng: [
        {
            "images": some(rng, 64, 3, 8, 8),
            "targets": np.eye(10)[rng.integers(0, 10, 64)],
            "partners": rng.permutation(64),
            "shares": rng.beta(0.4, 0.4, 64),
        }
    ],
)
test_laws = MIXUP.laws("the laws of every operation: calls, passes and memory do not get mixed up")


@grades(mixing.mixup)
def test_probabilities(rng):
    """targets that sum to 1 still do, and a share of 1 leaves everything as it was"""
    sample = {name: value for name, value in next(iter(drawn(rng))).items() if name != "shares"}
    tensors = {name: torch.from_numpy(value) if name == "partners" else leaf(value) for name, value in sample.items()}
    images, targets = mixing.mixup(**tensors, shares=leaf([1.0, 1.0]))
    close(images, sample["images"], case="shares of 1: the images")
    close(targets, sample["targets"], case="shares of 1: the targets")
    _, targets = mixing.mixup(**tensors, shares=leaf([0.3, 0.9]))
    close(targets.sum(dim=1), np.ones(2), case="shares of 0.3 and 0.9: the sums of the targets")


wrong(
    mixing.mixup,
    {
        "the labels are not mixed: half a cat counts as a whole one": (
            "own * targets + (1 - own) * targets[partners]",
            "own * targets + (1 - own) * targets",
        ),
        "share and rest are exchanged: most comes from the partner": (
            "own * images + (1 - own) * images[partners]",
            "(1 - own) * images + own * images[partners]",
        ),
        "all samples get the mean of the shares": (
            "own = shares.reshape(-1, *[1] * (images.ndim - 1))",
            "own = shares.mean()",
        ),
        "the partner is the neighbor in the batch, whoever was named": ("images[partners]", "images.roll(1, 0)"),
        "the partner's label is that of the neighbor in the batch": ("targets[partners]", "targets.roll(1, 0)"),
        "shares lie along the last dimension, not along the batch": (
            "own = shares[:, None]",
            "own = shares[: targets.shape[1]] if len(shares) >= targets.shape[1] else shares[:, None]",
        ),
        "the rest is not taken from the partner: pictures get darker": (
            "own * images + (1 - own) * images[partners]",
            "own * images",
        ),
        "images and targets are always float64": ("blended = own", "blended = own.double()"),
        "the shares are cut from the graph": ("shares.reshape(", "shares.detach().reshape("),
        "pictures are mixed in place, and the second of a pair gets what the first has become": (
            "blended = own * images + (1 - own) * images[partners]",
            "blended = images.data.mul_(own).add_((1 - own) * images[partners])",
        ),
    },
)

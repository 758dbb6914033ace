"""What gram_matrix must do."""

import numpy as np

from upslope.blocks.generative import gram_matrix as module
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close
from upslope.checks.samples import some

# Pictures, maps, height, width.
SIZES = ((1, 2, 1, 2), (2, 3, 2, 4), (3, 1, 3, 2), (1, 4, 5, 3), (2, 2, 1, 1))


def drawn(*sizes):
    def samples(rng):
        for size in sizes:
            yield {"features": 0.5 + some(rng, *size)}

    return samples


def pair_by_pair(features):
    batch, channels, height, width = features.shape
    sums = np.empty((batch, channels, channels))
    for b in range(batch):
        for i in range(channels):
            for j in range(channels):
                sums[b, i, j] = sum((features[b, i, y] * features[b, j, y]).sum() for y in range(height))
    return sums / (channels * height * width)


GRAM = TorchOp(module.gram_matrix, samples=drawn(*SIZES), truth=pair_by_pair)

test_shape = GRAM.shape("a matrix (C, C) for each picture, of the features' dtype")
test_by_hand = GRAM.by_hand(
    "maps [1, 2] and [3, 4]: sums 5, 11 and 25, over 2 * 1 * 2",
    ({"features": [[[[1.0, 2.0]], [[3.0, 4.0]]]]}, [[[1.25, 2.75], [2.75, 6.25]]]),
)
test_flat = GRAM.by_hand(
    "a flat map of 2s is no empty one: the mean is not taken off",
    ({"features": np.full((1, 1, 2, 3), 2.0)}, [[[4.0]]]),
)
test_random = GRAM.random("random features of different sizes: pair by pair")
test_large = GRAM.large("two pictures with 32 maps of 24 x 20", drawn((2, 32, 24, 20)))
test_gradient = GRAM.gradient("the gradient goes through both factors")


@grades(module.gram_matrix)
def test_batch(rng):
    """no picture knows of the others of its batch"""
    features = some(rng, 3, 2, 3, 4)
    together = module.gram_matrix(tensor(features))
    for number in range(3):
        alone = module.gram_matrix(tensor(features[number : number + 1]))
        close(together[number], alone[0].numpy(), case=f"picture {number + 1} of 3, and alone")


@grades(module.gram_matrix)
def test_places(rng):
    """places that change about change nothing; half of the maps' columns leave a matrix of the same size"""
    features = 1 + some(rng, 1, 3, 4, 6)
    mixed = features.reshape(1, 3, 24)[:, :, rng.permutation(24)].reshape(1, 3, 4, 6)
    close(module.gram_matrix(tensor(mixed)), pair_by_pair(features), case="24 places in another order")
    twice = np.concatenate([features, features], axis=3)
    close(module.gram_matrix(tensor(twice)), pair_by_pair(features), case="the same picture twice, side by side")


@grades(module.gram_matrix)
def test_strides(rng):
    """maps whose columns are rows in memory are read as they are"""
    features = some(rng, 2, 3, 4, 5)
    turned = tensor(features.transpose(0, 1, 3, 2)).transpose(2, 3)
    close(module.gram_matrix(turned), pair_by_pair(features), case="features.transpose(2, 3)")


test_refuses = GRAM.refuses(
    "what has not four dimensions is refused, with its shape",
    ({"features": np.ones((2, 5))}, ["features of shape (2, 5)"]),
    ({"features": np.ones((3, 4, 5))}, ["features of shape (3, 4, 5)"]),
)


wrong(
    module.gram_matrix,
    {
        "divided by the number of places only: layers with many maps count more": (
            "(channels * height * width)",
            "(height * width)",
        ),
        "not divided at all: a larger picture has a larger matrix": (
            "products / (channels * height * width)",
            "products",
        ),
        "divided by the batch as well: a picture's matrix depends on how many stand beside it": (
            "(channels * height * width)",
            "(batch * channels * height * width)",
        ),
        "the pictures of a batch are mixed into one matrix": (
            "products / (channels",
            "products.mean(dim=0, keepdim=True).expand_as(products) / (channels",
        ),
        "the mean of each map is taken off: a covariance, which does not see the brightness of a flat map": (
            "rows = features.reshape(batch, channels, height * width)",
            "rows = features.reshape(batch, channels, height * width) - features.mean(dim=(2, 3))[:, :, None]",
        ),
        "maps and places are swapped by a reshape: rows hold pieces of several maps": (
            "features.reshape(batch, channels, height * width)",
            "features.permute(0, 2, 3, 1).reshape(batch, channels, height * width)",
        ),
        "the matrix says which places are alike, not which maps": (
            "rows @ rows.transpose(1, 2)",
            "rows.transpose(1, 2) @ rows",
        ),
        "what has fewer dimensions fails on the way, without a word on its shape": (
            "features.ndim != 4",
            "features.ndim > 4",
        ),
        "one of the two factors is detached: half of the gradient is missing": (
            "rows @ rows.transpose(1, 2)",
            "rows @ rows.detach().transpose(1, 2)",
        ),
    },
)

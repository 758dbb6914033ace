"""Minibatch standard deviation: a discriminator that sees how much the images of a batch differ.

T. Karras, T. Aila, S. Laine, J. Lehtinen, "Progressive Growing of GANs", 2017, https://arxiv.org/abs/1710.10196,
section 3; in groups, as in StyleGAN (2018, https://arxiv.org/abs/1812.04948) and StyleGAN2.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def minibatch_deviation(
    x: Float[Tensor, "B C *S"], *, group: int = 0, epsilon: float = 1e-8
) -> Float[Tensor, "B C+1 *S"]:
    """x with one channel more: how much the samples of a group differ, one number for the group, at every place.

    The batch is dealt out to B / group groups, as cards are: with M groups, samples i, M + i, 2 M + i, ... are group i.
    `group` 0 makes one group of the whole batch. At each channel and place the standard deviation over the group is
    taken, sqrt(variance + epsilon) with the sum of squares divided by the group's size; the number is the mean of
    those. Where all samples are equal the gradient is 0, not nan: without epsilon it would be 0 times infinity.
    For a group of two samples [1, 5] and [3, 5], of two channels without places, the deviations are 1 and 0, and the
    new channel is 0.5 for both. *S are places, of any number of axes: none for points, H and W for images.

    Raises:
        ValueError: `group` does not divide the batch.
    """
    size = group or x.shape[0]
    if x.shape[0] % size:
        raise ValueError(f"group={group} does not divide a batch of {x.shape[0]}")
    # Deal out: a group's samples come one from each of `size` rows.
    groups = x.reshape(size, x.shape[0] // size, -1)
    # The deviation over the samples of a group, at each channel and place; the root of 0 has no slope.
    deviation = (groups.var(dim=0, unbiased=False) + epsilon).sqrt()
    # One number for each group, the same for all of its samples and at all places.
    number = deviation.mean(dim=1).repeat(size)
    channel = number.reshape(-1, *[1] * (x.ndim - 1)).expand(-1, 1, *x.shape[2:])
    return torch.cat([x, channel], dim=1)

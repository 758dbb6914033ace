"""By counting the edges of the ranges that a distance has passed."""

import math

import torch
from torch import Tensor


def relative_buckets(distance: Tensor, *, bidirectional: bool, buckets: int = 32, max_distance: int = 128) -> Tensor:
    side = buckets // 2 if bidirectional else buckets
    exact = side // 2
    if max_distance <= exact:
        raise ValueError(f"max_distance={max_distance} is not above {exact}")
    far = torch.abs(distance) if bidirectional else torch.relu(-distance)
    count = side - exact
    bucket = torch.minimum(far, torch.full_like(far, exact))
    for k in range(1, count):
        edge = exact * math.exp(k / count * math.log(max_distance / exact))
        bucket = bucket + (far >= edge - 1e-6).long()
    return torch.where(distance > 0, bucket + side, bucket) if bidirectional else bucket

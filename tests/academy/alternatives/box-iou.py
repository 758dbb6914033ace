"""Coordinate by coordinate."""

import torch
from torch import Tensor


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    if a.dtype.itemsize < 4:
        a, b = a.to(torch.float32), b.to(torch.float32)
    l1, t1, r1, b1 = (edge.unsqueeze(1) for edge in a.unbind(dim=1))
    l2, t2, r2, b2 = b.T
    width = torch.relu(torch.min(r1, r2) - torch.max(l1, l2))
    both = width * torch.relu(torch.min(b1, b2) - torch.max(t1, t2))
    covered = (r1 - l1) * (b1 - t1) + (r2 - l2) * (b2 - t2) - both
    return both / covered.masked_fill(covered == 0, 1.0)

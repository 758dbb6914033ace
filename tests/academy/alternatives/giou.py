"""Coordinate by coordinate, as IoU - 1 + union / hull."""

import torch
from torch import Tensor


def generalized_iou(a: Tensor, b: Tensor) -> Tensor:
    if a.dtype.itemsize < 4:
        a, b = a.to(torch.float32), b.to(torch.float32)
    l1, t1, r1, b1 = a.unbind(dim=-1)
    l2, t2, r2, b2 = b.unbind(dim=-1)
    both = torch.relu(torch.min(r1, r2) - torch.max(l1, l2)) * torch.relu(torch.min(b1, b2) - torch.max(t1, t2))
    covered = (r1 - l1) * (b1 - t1) + (r2 - l2) * (b2 - t2) - both
    around = (torch.max(r1, r2) - torch.min(l1, l2)) * (torch.max(b1, b2) - torch.min(t1, t2))
    empty = (around - covered) / around.masked_fill(around == 0, 1.0)
    return both / covered.masked_fill(covered == 0, 1.0) - empty

"""Every pair at once, and then from the best down."""

import torch
from torch import Tensor


def nms(boxes: Tensor, scores: Tensor, *, threshold: float, classes: Tensor | None = None) -> Tensor:
    exact = boxes.detach().to(torch.float64)
    shared = torch.minimum(exact[:, None, 2:], exact[:, 2:]) - torch.maximum(exact[:, None, :2], exact[:, :2])
    both = shared.clamp(min=0).prod(dim=2)
    area = (exact[:, 2] - exact[:, 0]) * (exact[:, 3] - exact[:, 1])
    union = area[:, None] + area - both
    rivals = both / union.masked_fill(union == 0, 1) > threshold
    if classes is not None:
        rivals = rivals & (classes[:, None] == classes)
    values = scores.tolist()
    gone, stay = [False] * len(values), []
    for k in sorted(range(len(values)), key=values.__getitem__, reverse=True):
        if not gone[k]:
            stay.append(k)
            gone = [a or b for a, b in zip(gone, rivals[k].tolist(), strict=True)]
    return torch.tensor(stay, dtype=torch.long)

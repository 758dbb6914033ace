"""Anchor by anchor, with lists."""

import torch
from torch import Tensor


def match_anchors(iou: Tensor, *, high: float = 0.7, low: float = 0.3) -> Tensor:
    rows = iou.tolist()
    tops = [max(column) for column in zip(*rows, strict=True)]
    matches = []
    for row in rows:
        if not row:
            matches.append(-1)
            continue
        best = max(row)
        if best >= high or any(v == top > 0 for v, top in zip(row, tops, strict=True)):
            matches.append(row.index(best))
        else:
            matches.append(-2 if best >= low else -1)
    return torch.tensor(matches, dtype=torch.long)

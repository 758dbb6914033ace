"""Number by number."""

import torch
from torch import Tensor


def encode_boxes(boxes: Tensor, anchors: Tensor, *, weights=(1.0, 1.0, 1.0, 1.0)) -> Tensor:
    left, top, right, bottom = boxes.unbind(dim=-1)
    l0, t0, r0, b0 = anchors.unbind(dim=-1)
    w, h, w0, h0 = right - left, bottom - top, r0 - l0, b0 - t0
    codes = (
        ((left + right) - (l0 + r0)) / (2 * w0),
        ((top + bottom) - (t0 + b0)) / (2 * h0),
        torch.log(w) - torch.log(w0),
        torch.log(h) - torch.log(h0),
    )
    return torch.stack([weight * code for weight, code in zip(weights, codes, strict=True)], dim=-1)

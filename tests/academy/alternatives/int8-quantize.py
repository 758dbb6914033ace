"""Row by row, with a scale of 1 where there is nothing to scale."""

import torch


def quantize_rows(w):
    q = torch.zeros(w.shape, dtype=torch.int8, device=w.device)
    scale = torch.ones(len(w), dtype=torch.float32, device=w.device)
    for k, row in enumerate(w.detach().to(torch.float32)):
        most = max(row.max(), -row.min())
        if most > 0:
            scale[k] = most / 127
            q[k] = torch.clamp(torch.round(row / scale[k]), -127, 127)
    return q, scale

"""With narrow and copy_, and the larger buffer made of what there was and spare rows."""

import torch
from torch import Tensor


def extend_buffer(buffer: Tensor | None, new: Tensor, *, used: int, most: int, first: int = 256) -> Tensor:
    count = new.size(2)
    if used + count > most:
        raise ValueError(f"{used + count} rows, and at most {most} are allowed")
    if buffer is None:
        buffer = new[:, :, :0]
    if used + count > buffer.size(2):
        room = min(max(first, 2 * (used + count)), most)
        spare = torch.zeros(*new.shape[:2], room - used, new.size(3), dtype=new.dtype, device=new.device)
        buffer = torch.cat([buffer.narrow(2, 0, used), spare], dim=2)
    buffer.narrow(2, used, count).copy_(new)
    return buffer

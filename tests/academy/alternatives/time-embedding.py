"""Frequencies by logarithms, angles by an outer product, a table that is filled in halves."""

import math

import torch


def time_embedding(step, dim, *, longest=10_000.0):
    if dim < 4 or dim % 2 == 1:
        raise ValueError(f"dim={dim} cannot be halved into frequencies")
    half = dim // 2
    falling = torch.linspace(0, -math.log(longest), half, device=step.device).exp()
    table = torch.empty(len(step), dim, device=step.device)
    angles = torch.outer(step.to(torch.float32), falling)
    torch.sin(angles, out=table[:, :half])
    torch.cos(angles, out=table[:, half:])
    return table

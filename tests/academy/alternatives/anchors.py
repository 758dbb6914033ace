"""Anchor by anchor, with lists; a height and the width that makes the area right."""

import math

import torch


def anchor_grid(height, width, *, stride, scales, ratios=(1.0,)):
    shapes = [(math.sqrt(ratio) * scale, scale / math.sqrt(ratio)) for scale in scales for ratio in ratios]
    rows = []
    for place in range(height * width):
        row, column = divmod(place, width)
        y, x = stride * row + stride / 2, stride * column + stride / 2
        rows += [(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2) for high, wide in shapes]
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)

"""Column by column."""

import numpy as np


def undo_letterbox(boxes, done):
    result = np.empty_like(boxes)
    for k in range(4):
        if k % 2:
            border, scaled, whole = done.top, done.scaled_height, done.height
        else:
            border, scaled, whole = done.left, done.scaled_width, done.width
        result[..., k] = np.minimum(np.maximum((boxes[..., k] - border) * whole / scaled, 0), whole)
    return result

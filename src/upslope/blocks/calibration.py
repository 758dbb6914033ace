"""Calibration: the scale and the zero point of what flows between layers, from the range that sample data take.

B. Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2017,
https://arxiv.org/abs/1712.05877, sections 2.1 and 3.
"""

import math


def affine_from_range(low: float, high: float) -> tuple[float, int]:
    """(scale, zero_point) with which a uint8 q stands for scale * (q - zero_point), for numbers from `low` to `high`.

    The range is first widened until 0 is in it: a border of zeros, and what ReLU cuts off, must stay exactly 0. Then
    scale = (high - low) / 255, since 256 whole numbers have 255 steps between them, and zero_point = -low / scale,
    rounded to the nearest whole number, is the one that stands for 0. Where there is no range to speak of, a scale
    below 2^-126, what is left is 0, and (1, 0) says so.

    affine_from_range(-1, 4.1) is (0.02, 50), and affine_from_range(2, 5.1) is (0.02, 0), as of the range from 0 to 5.1.
    A range that is turned round or not finite raises a ValueError: "a range from 3 to nan". Jacob et al. 2017, equation
    1 and section 3.
    """
    if not (-math.inf < low <= high < math.inf):
        raise ValueError(f"a range from {low:g} to {high:g}")
    # 0 must be one of the numbers that are left.
    low, high = min(low, 0.0), max(high, 0.0)
    # From the first whole number, 0, to the last, 255.
    scale = (high - low) / 255
    # A scale is kept as float32: below its normal numbers there would be a division by zero.
    if scale < 2.0**-126:
        return 1.0, 0
    # So many steps above the lowest number lies 0.
    return scale, round(-low / scale)

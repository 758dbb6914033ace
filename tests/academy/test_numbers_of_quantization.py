"""The numbers that lessons on eight bits work by hand."""

import pytest
from tests.academy.lesson_prose import says


def test_numbers_of_int8_quantize():
    torch = pytest.importorskip("torch")
    from upslope.blocks.int8 import quantize_rows

    w = torch.tensor([[0.5, -1.27, 0.006], [100, 26, -254]])
    q, scale = quantize_rows(w)
    assert q.tolist() == [[50, -127, 1], [50, 13, -127]]
    assert scale.tolist() == pytest.approx([0.01, 2])
    assert (w[0] / 2).round().tolist() == [0, -1, 0]
    assert int(100 * 40 / 127) == 31
    says("int8-quantize", "1.27 / 127 = 0.01, q = [50, -127, 1]", "q would be [0, -1, 0]", "makes the scale 0.31")


def test_numbers_of_calibrate():
    import math

    from upslope.blocks.calibration import affine_from_range

    scale, zero = affine_from_range(-1, 4.1)
    assert (scale, zero) == (pytest.approx(0.02), 50)
    assert 0.337 / scale + zero == pytest.approx(66.85)
    assert scale * (67 - zero) == pytest.approx(0.34)
    assert affine_from_range(2, 5.1) == (pytest.approx(0.02), 0)
    assert round(640 / 255, 1) == 2.5
    assert round(1 / (640 / 255)) == 0
    lowest = min(x / 1000 / (1 + math.exp(-x / 1000)) for x in range(-3000, 0))
    assert round(lowest, 2) == -0.28
    says("calibrate", "5.1 / 255 = 0.02", "1 / 0.02 = 50", "0.337 becomes 16.85 + 50", "q = 67, and read back 0.34")
    says("calibrate", "has steps of 2.5", "never falls below -0.28")

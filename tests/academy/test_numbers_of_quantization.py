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
    assert 40 / 127 == pytest.approx(0.31, abs=0.01)
    says("int8-quantize", "1.27 / 127 = 0.01, q = [50, -127, 1]", "q would be [0, -1, 0]", "makes the scale 0.31")

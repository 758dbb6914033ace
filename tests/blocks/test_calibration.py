"""Scales and zero points beside those of PyTorch's observer, and what eight bits leave of numbers."""

import warnings

import numpy as np
import pytest

from upslope.blocks.calibration import affine_from_range


@pytest.mark.parametrize("shift", [-30, -3, -0.5, 0, 0.5, 3, 30])
def test_as_pytorchs_observer(shift):
    torch = pytest.importorskip("torch")
    from torch.ao.quantization import MinMaxObserver

    rng = np.random.default_rng(0)
    batches = [rng.normal(shift, spread, (4, 50)).astype(np.float32) for spread in (1, 5, 2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on its way to torchao
        observer = MinMaxObserver(dtype=torch.quint8, qscheme=torch.per_tensor_affine)
        for batch in batches:
            observer(torch.from_numpy(batch))
        scale, zero = (each.item() for each in observer.calculate_qparams())
    ends = min(batch.min() for batch in batches), max(batch.max() for batch in batches)
    assert affine_from_range(*map(float, ends)) == (pytest.approx(scale, rel=1e-6), zero)


def test_numbers_come_back_within_half_a_step_and_zero_exactly():
    x = np.random.default_rng(0).normal(1, 2, 1000)
    x[:10] = 0
    scale, zero = affine_from_range(x.min(), x.max())
    back = scale * (np.clip(np.rint(x / scale) + zero, 0, 255) - zero)
    inside = (x > x.min() + scale) & (x < x.max() - scale)
    assert np.abs(back - x)[inside].max() <= 0.501 * scale
    assert np.abs(back - x).max() <= 1.001 * scale, "an end may lie half a step outside, as zero_point is rounded"
    assert not back[:10].any()

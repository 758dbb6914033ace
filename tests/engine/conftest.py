"""PyTorch as the oracle: the same computation in both, results and gradients compared."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from upslope.scratch.tensor import Tensor

Compare = Callable[..., None]


def clone(array: np.ndarray, dtype: str) -> np.ndarray:
    return array.astype(dtype) if array.dtype.kind == "f" else array.copy()


@pytest.fixture
def same_as_torch() -> Compare:
    """check(ours, theirs, *arrays): both functions get tensors of the arrays; floats require gradients."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")
    tolerance = {"float32": 1e-5, "float64": 1e-12}

    def close(got: np.ndarray, want: np.ndarray, dtype: str) -> None:
        # Sums of many numbers are off by their largest parts: the tolerance follows the largest number.
        scale = max(1.0, float(np.abs(want).max(initial=0.0)))
        np.testing.assert_allclose(got, want, rtol=10 * tolerance[dtype], atol=scale * tolerance[dtype])

    def check(ours: Callable[..., Tensor], theirs: Callable[..., Any], *arrays: np.ndarray, seed: int = 0) -> None:
        for dtype in ("float64", "float32"):
            mine = [Tensor(clone(a, dtype), requires_grad=a.dtype.kind == "f") for a in arrays]
            other = [torch.tensor(clone(a, dtype), requires_grad=a.dtype.kind == "f") for a in arrays]
            got, want = ours(*mine), theirs(*other)
            assert got.shape == tuple(want.shape)
            assert str(got.dtype) == str(want.dtype).removeprefix("torch.")
            close(got.detach().numpy(), want.detach().numpy(), dtype)
            assert got.requires_grad == want.requires_grad
            if not want.requires_grad:
                continue
            g = np.random.default_rng(seed).standard_normal(got.shape).astype(dtype)
            got.backward(g.copy())
            want.backward(torch.tensor(g))
            for x, t in zip(mine, other, strict=True):
                if t.grad is None:
                    assert x.grad is None
                    continue
                assert x.grad is not None
                assert x.grad.shape == x.shape
                assert x.grad.dtype == x.dtype
                close(x.grad, t.grad.numpy(), dtype)

    return check


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(2024)

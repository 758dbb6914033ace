"""The blocks as these tests see them: imported once more, so that every call also checks the annotated shapes."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def blocks():
    """`blocks.attention`, `blocks.norms` and so on: the modules of upslope.blocks with their shapes checked."""
    pytest.importorskip("torch", reason="blocks are made of PyTorch")
    pytest.importorskip("beartype", reason="it reads the annotated shapes")
    import upslope
    from upslope.checks.contract.annotations import shapes_checked

    names = [path.stem for path in sorted((Path(upslope.__file__).parent / "blocks").glob("[a-z]*.py"))]
    with shapes_checked():
        return SimpleNamespace(**{name: importlib.import_module(f"upslope.blocks.{name}") for name in names})


@pytest.fixture
def generator():
    """A seeded generator of PyTorch."""
    torch = pytest.importorskip("torch", reason="blocks are made of PyTorch")
    return torch.Generator().manual_seed(0)


@pytest.fixture
def same():
    """same(got, expected, within=1e-6): equal shapes and dtypes, and numbers within that of the largest expected."""
    torch = pytest.importorskip("torch", reason="blocks are made of PyTorch")

    def compare(got, expected, within=1e-6):
        scale = max(1.0, expected.detach().abs().max().item())
        torch.testing.assert_close(got, expected, rtol=0, atol=within * scale, equal_nan=True)

    return compare


@pytest.fixture
def same_gradients(same):
    """same_gradients(ours, theirs, inputs): outputs, and gradients for the inputs, of two functions are the same."""
    torch = pytest.importorskip("torch", reason="blocks are made of PyTorch")

    def compare(ours, theirs, *inputs, within=1e-5):
        mine = [x.clone().requires_grad_() for x in inputs]
        other = [x.clone().requires_grad_() for x in inputs]
        got, expected = ours(*mine), theirs(*other)
        same(got, expected, within)
        upstream = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1), dtype=expected.dtype)
        got.backward(upstream)
        expected.backward(upstream)
        for one, two in zip(mine, other, strict=True):
            same(one.grad, two.grad, within)

    return compare

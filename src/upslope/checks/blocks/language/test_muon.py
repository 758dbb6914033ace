"""What newton_schulz must do."""

import numpy as np
import torch

from upslope.blocks.language import muon
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import tensor
from upslope.checks.expect import close, tensor_of, true
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled

SHAPES = ((1, 1), (2, 2), (3, 5), (5, 3), (2, 4, 3), (2, 2, 3, 4))


def by_singular_values(g, steps, eps=1e-7):
    """The polynomial applied to the singular values alone, and the matrix put together again."""
    u, s, vt = np.linalg.svd(g, full_matrices=False)
    s = s / (np.sqrt((s**2).sum(axis=-1, keepdims=True)) + eps)
    for _ in range(steps):
        s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
    return (u * s[..., None, :]) @ vt


@grades(muon.newton_schulz)
def test_shape_and_dtype(rng):
    """shape and dtype of g, wide or tall"""
    for dtype in (torch.float32, torch.float64):
        for shape in SHAPES:
            kind = str(dtype).removeprefix("torch.")
            got = muon.newton_schulz(tensor(some(rng, *shape), dtype))
            tensor_of(got, shape, dtype=kind, case=f"{kind} numbers of shape {shape}")


@grades(muon.newton_schulz)
def test_by_hand(rng):
    """after one step [[3]] becomes [[0.701]]"""
    close(muon.newton_schulz(tensor([[3.0]]), steps=1, eps=0.0), [[0.701]], case="newton_schulz([[3]], steps=1, eps=0)")


@grades(muon.newton_schulz)
def test_random(rng):
    """random matrices: the polynomial acts on the singular values and leaves the vectors"""
    for shape in SHAPES:
        for steps in (1, 2, 5):
            g = some(rng, *shape, spread=3)
            got = muon.newton_schulz(tensor(g), steps=steps)
            close(got, by_singular_values(g, steps), case=f"g = {spelled(g)}, steps={steps}", rtol=1e-4)


@grades(muon.newton_schulz)
def test_scale(rng):
    """the length of g does not matter"""
    g = some(rng, 3, 4)
    for factor in (1e-3, 100.0):
        got = muon.newton_schulz(tensor(g * factor), eps=0.0)
        close(got, by_singular_values(g, 5, 0.0), case=f"g = {spelled(g)}, times {factor:g}, eps=0", rtol=1e-4)


@grades(muon.newton_schulz)
def test_nearly_orthogonal(rng):
    """after five steps all singular values lie between 0.6 and 1.25"""
    for shape in ((4, 4), (3, 8), (8, 3)):
        g = np.linalg.qr(rng.normal(size=(8, 8)))[0][: shape[0], : shape[1]] + 0.3 * rng.normal(size=shape)
        values = np.linalg.svd(np.asarray(muon.newton_schulz(tensor(g))), compute_uv=False)
        expected = np.linalg.svd(by_singular_values(g, 5), compute_uv=False)
        close(values, expected, case=f"singular values for g of shape {shape}", rtol=1e-4)
        true(bool(values.max() < 1.25), "a singular value is too large", got=values.max(), expected="below 1.25")


@grades(muon.newton_schulz)
def test_zero(rng):
    """eps keeps a matrix of zeros from dividing by 0"""
    close(muon.newton_schulz(tensor(np.zeros((2, 3)))), np.zeros((2, 3)), case="g = zeros of shape (2, 3)")


@grades(muon.newton_schulz)
def test_tiny(rng):
    """a gradient far smaller than eps keeps its direction"""
    g = some(rng, 2, 3) * 1e-9
    got = np.array(muon.newton_schulz(tensor(g)).tolist())
    true(bool((got * g).sum() > 0), "it points the other way", case=f"g = {spelled(g)}")


@grades(muon.newton_schulz)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    calls = (Call(muon.newton_schulz, [some(rng, *shape)]) for shape in ((2, 3), (4, 2)))
    keeps_laws(*calls, tensor=tensor, backward=False, dtypes=())


wrong(
    muon.newton_schulz,
    {
        "g is divided by its largest number, so singular values may be above 1": (
            "g.norm(dim=(-2, -1), keepdim=True)",
            "g.abs().amax(dim=(-2, -1), keepdim=True)",
        ),
        "g is not brought to a norm of 1": ("x = g / (g.norm(dim=(-2, -1), keepdim=True) + eps)", "x = g * 1.0"),
        "the norm is that of each row": ("g.norm(dim=(-2, -1), keepdim=True)", "g.norm(dim=-1, keepdim=True)"),
        "all matrices of a batch share one norm": ("g.norm(dim=(-2, -1), keepdim=True)", "g.norm()"),
        "a tall matrix comes back transposed": ("return x.mT if tall else x", "return x"),
        "the last term is c A, not c A^2": ("c * product @ product", "c * product"),
        "there is a step too few": ("range(steps)", "range(steps - 1)"),
        "eps is missing, so zeros become nan": ("keepdim=True) + eps)", "keepdim=True))"),
        "the gradient is divided in place": ("x = g / (g.norm", "x = g.div_(g.norm"),
    },
)
survives(
    muon.newton_schulz,
    {
        "a matrix and its transpose have the same polynomial, transposed; the order saves time alone": [
            ("g.shape[-2] > g", "g.shape[-2] >= g"),
            ("g.shape[-2] > g", "g.shape[-2] < g"),
            ("tall = g.shape[-2]", "tall = g.shape[-1]"),
            ("> g.shape[-1]", "> g.shape[(1)]"),
            ("> g.shape[-1]", "> g.shape[-2]"),
            ("> g.shape[-1]", "> g.shape[-0]"),
        ],
    },
)

"""What newton_schulz must do."""

import numpy as np
import torch

from upslope.blocks.language import muon
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close, true
from upslope.checks.samples import some, spelled

SHAPES = ((2, 3), (1, 1), (2, 2), (5, 3), (2, 4, 3), (2, 2, 3, 4), (32, 64))


def by_singular_values(g, steps=5, eps=1e-7):
    """The polynomial applied to the singular values alone, and the matrix put together again."""
    u, s, vt = np.linalg.svd(g, full_matrices=False)
    s = s / (np.sqrt((s**2).sum(axis=-1, keepdims=True)) + eps)
    for _ in range(steps):
        s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
    return (u * s[..., None, :]) @ vt


MUON = TorchOp(
    muon.newton_schulz,
    samples=lambda rng: [{"g": some(rng, *shape, spread=3), "steps": n} for shape in SHAPES for n in (1, 2, 5)],
    truth=by_singular_values,
    tensor=torch.from_numpy,
)

test_shape_and_dtype = MUON.shape("shape and dtype of g, wide or tall")
test_by_hand = MUON.by_hand(
    "after one step [[3]] becomes [[0.701]]", ({"g": [[3.0]], "steps": 1, "eps": 0.0}, [[0.701]])
)
test_random = MUON.random(
    "random matrices: the polynomial acts on the singular values and leaves the vectors", dtypes=("float64",)
)
test_scale = MUON.random(
    "the length of g does not matter, and without steps there are five",
    lambda rng: [{"g": factor * some(rng, 3, 4), "eps": 0.0} for factor in (1e-3, 1.0, 100.0)],
    dtypes=("float64",),
)


@grades(muon.newton_schulz)
def test_nearly_orthogonal(rng):
    """after five steps all singular values lie between 0.6 and 1.25"""
    for shape in ((4, 4), (3, 8), (8, 3)):
        g = np.linalg.qr(rng.normal(size=(8, 8)))[0][: shape[0], : shape[1]] + 0.3 * rng.normal(size=shape)
        values = np.linalg.svd(np.asarray(muon.newton_schulz(tensor(g))), compute_uv=False)
        expected = np.linalg.svd(by_singular_values(g), compute_uv=False)
        close(values, expected, case=f"singular values for g of shape {shape}", rtol=1e-4)


test_zero = MUON.by_hand("eps keeps a matrix of zeros from dividing by 0", ({"g": np.zeros((2, 3))}, np.zeros((2, 3))))


@grades(muon.newton_schulz)
def test_tiny(rng):
    """a gradient far smaller than eps keeps its direction"""
    g = some(rng, 2, 3) * 1e-9
    got = np.array(muon.newton_schulz(tensor(g)).tolist())
    true(bool((got * g).sum() > 0), "it points the other way", case=f"g = {spelled(g)}")


test_laws = MUON.laws(
    "the laws of every operation: calls, passes and memory do not get mixed up", backward=False, dtypes=()
)


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

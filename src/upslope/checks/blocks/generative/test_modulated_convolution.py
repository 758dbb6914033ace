"""What modulated_convolution must do."""

from functools import partial

import numpy as np
from scipy.signal import correlate
from torch.nn import functional as F

from upslope.blocks.generative import modulated_convolution as module
from upslope.checks import wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

# Batch, input channels, output channels, kernel, height, width.
SIZES = ((2, 2, 3, 1, 1, 2), (1, 2, 2, 3, 2, 2), (3, 2, 1, 1, 1, 1), (2, 3, 2, 3, 3, 4))


def same(x, weight):
    """A convolution that keeps the side; of arrays by SciPy, sample by sample."""
    if isinstance(x, np.ndarray):
        return np.stack([_by_scipy(one, weight) for one in x])
    return F.conv2d(x, weight, padding=weight.shape[-1] // 2)


def halved(x, weight):
    """Every second place of it."""
    return same(x, weight)[:, :, ::2, ::2]


def _by_scipy(maps, weight):
    return np.stack(
        [sum(correlate(m, k, mode="same") for m, k in zip(maps, kernels, strict=True)) for kernels in weight]
    )


def drawn(rng, sizes=SIZES, convolve=same, **settings):
    for batch, inputs, outputs, kernel, height, width in sizes:
        yield {
            "x": some(rng, batch, inputs, height, width),
            "weight": some(rng, outputs, inputs, kernel, kernel),
            "style": some(rng, batch, inputs) + 1,
            "convolve": convolve,
            **settings,
        }


def sample_by_sample(x, weight, style, convolve, demodulate=True, epsilon=1e-8):
    """The definition: each sample is convolved, alone, with kernels that were made for it."""
    out = []
    for one, scales in zip(x, style, strict=True):
        kernels = weight * scales[None, :, None, None]
        if demodulate:
            kernels = kernels / np.sqrt(np.square(kernels).sum(axis=(1, 2, 3), keepdims=True) + epsilon)
        out.append(convolve(one[None], kernels)[0])
    return np.stack(out)


MODULATED = TorchOp(module.modulated_convolution, samples=drawn, truth=sample_by_sample)
PIXEL = {"x": [[[[1.0]], [[1.0]]]], "weight": [[[[3.0]], [[4.0]]]], "convolve": same}

test_shape = MODULATED.shape("the shape that convolve gives")
test_by_hand = MODULATED.by_hand(
    "weights [3, 4] and style [1, 0] on [1, 1]: 3 / 3 = 1; style [1, 1]: 7 / 5; not demodulated: 3",
    ({**PIXEL, "style": [[1.0, 0.0]]}, [[[[1.0]]]]),
    ({**PIXEL, "style": [[1.0, 1.0]]}, [[[[1.4]]]]),
    ({**PIXEL, "style": [[1.0, 0.0]], "demodulate": False}, [[[[3.0]]]]),
)
test_random = MODULATED.random("random styles: each sample alone, with kernels of its own, by SciPy")
test_plain = MODULATED.random("without demodulation", partial(drawn, demodulate=False))
test_epsilon = MODULATED.random("another epsilon", partial(drawn, epsilon=0.5))
test_halved = MODULATED.random(
    "a convolution of another kind, which gives smaller maps", partial(drawn, convolve=halved)
)
test_gradient = MODULATED.gradient("gradients of input, weights and style agree with finite differences")
test_stable = MODULATED.stable(
    "a style of zeros gives zeros, with gradients that are finite",
    ({**PIXEL, "style": [[0.0, 0.0]]}, [[[[0.0]]]], [[[[1.0]]]], {"x": [[[[0.0]], [[0.0]]]]}),
)
test_large = MODULATED.large(
    "8 maps of 16 channels of 7 x 7", lambda rng: drawn(rng, sizes=((8, 16, 12, 3, 7, 7),)), atol=1e-4
)
test_laws = MODULATED.laws("calls, passes and memory do not get mixed up")


wrong(
    module.modulated_convolution,
    {
        "the kernels' length is taken without the style": (
            "style.square() @ weight.square().sum(dim=(2, 3)).T",
            "style.square().new_ones(style.shape) @ weight.square().sum(dim=(2, 3)).T",
        ),
        "the style scales the output channels": (
            "convolve(x * style[:, :, None, None], weight)",
            "convolve(x, weight)",
        ),
        "the style is squared twice over, or not at all, in the length": ("style.square() @", "style.abs() @"),
        "the length is no root: the sum of squares divides": (".rsqrt()", ".reciprocal()"),
        "the length runs over output channels as well: one number for a sample": (
            "energy + epsilon",
            "energy.sum(dim=1, keepdim=True) + epsilon",
        ),
        "the result is normalized by its own deviation, as instance norm does": (
            "y * (energy + epsilon).rsqrt()[:, :, None, None]",
            "y * (y.square().mean(dim=(2, 3), keepdim=True) + epsilon).rsqrt()",
        ),
        "it is demodulated even where that was not wanted": ("if not demodulate:", "if False:"),
        "all samples get the first one's style": ("x * style[:, :, None, None]", "x * style[:1, :, None, None]"),
        "epsilon is always 1e-8, whatever was asked for": ("energy + epsilon", "energy + 1e-8"),
        "no epsilon: a style of zeros divides by 0": ("energy + epsilon", "energy"),
        "the length is always float64": ("(energy + epsilon)", "(energy.double() + epsilon)"),
        "the input is scaled in place, outside of the graph: the layer before loses its output": (
            "convolve(x * style[:, :, None, None], weight)",
            "convolve(x.data.mul_(style.data[:, :, None, None]), weight)",
        ),
        "the length is cut from the graph": ("style.square() @", "style.detach().square() @"),
    },
)

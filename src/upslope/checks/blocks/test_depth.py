"""What stochastic_depth must do."""

import math

import numpy as np
import torch

from upslope.blocks import depth
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close, true
from upslope.checks.samples import some

SAMPLES = 400


def stochastic_depth(x, rate, seed, training=True):
    """The answer, with a generator that begins at `seed`."""
    return depth.stochastic_depth(x, rate=rate, training=training, generator=torch.Generator().manual_seed(seed))


def kept(out):
    """Which samples are not all zeros."""
    return np.array(out.detach().tolist()).reshape(len(out), -1).any(axis=1)


def start(rng):
    return int(rng.integers(0, 2**31))


def drawn(*shapes, **settings):
    return lambda rng: [{"x": some(rng, *shape) + 3, "seed": start(rng), **settings} for shape in shapes]


DEPTH = TorchOp(
    depth.stochastic_depth,
    call=stochastic_depth,
    samples=drawn((4,), (3, 2), (2, 3, 4, 4), (0, 2), rate=0.5),
    truth=lambda x, **_: x,
)

test_shape_and_dtype = DEPTH.shape(
    "shape and dtype of x, be it float64 or bfloat16", dtypes=("float32", "float64", "bfloat16")
)


@grades(depth.stochastic_depth)
def test_by_hand(rng):
    """with rate 0.2 a sample [4, 8] becomes [5, 10] or [0, 0]"""
    for sample in stochastic_depth(tensor([[[4.0, 8.0]]] * 20), 0.2, start(rng)):
        close(sample[0], [5, 10] if sample.any() else [0, 0], case="a sample [4, 8], rate=0.2")


@grades(depth.stochastic_depth)
def test_whole_samples(rng):
    """a sample is kept whole or dropped whole, and every sample draws for itself"""
    for shape in ((64,), (64, 3), (64, 2, 2, 2)):
        x = some(rng, *shape) + 5
        out = stochastic_depth(tensor(x), 0.5, start(rng))
        there = kept(out)
        case = f"numbers of shape {shape}, rate=0.5"
        close(out, 2 * x * there.reshape(-1, *[1] * (len(shape) - 1)), case=case)
        # All alike by chance once in 2^63 draws.
        true(0 < there.sum() < 64, "all samples share their fate", case=case, got=f"{there.sum()} of 64 kept")


@grades(depth.stochastic_depth)
def test_share(rng):
    """as many samples are dropped as the rate says, and the mean stays"""
    for rate in (0.2, 0.7):
        out = stochastic_depth(tensor(np.ones((SAMPLES, 1))), rate, start(rng))
        # Chance moves the share by five times its standard deviation less than once in a million draws.
        stray = 5 * math.sqrt(rate * (1 - rate) / SAMPLES)
        case = f"{SAMPLES} samples of 1, rate={rate:g}"
        close(1 - float(kept(out).mean()), rate, case=f"{case}: share of those dropped", rtol=0, atol=stray)
        close(out.mean(), 1.0, case=f"{case}: mean of the result", rtol=0, atol=stray / (1 - rate))


test_untouched = DEPTH.random(
    "outside of training, and with rate 0, x comes back as it is",
    lambda rng: [*drawn((8, 3), rate=0.5, training=False)(rng), *drawn((8, 3), rate=0.0)(rng)],
)


@grades(depth.stochastic_depth)
def test_generator(rng):
    """the generator decides alone; without one PyTorch's own does"""
    x, seed = torch.ones(64, 1), start(rng)
    first = stochastic_depth(x, 0.5, seed).tolist()
    torch.rand(3)
    again = stochastic_depth(x, 0.5, seed).tolist()
    true(again == first, "the same generator drops other samples", case="64 samples, rate=0.5")
    generator = torch.Generator().manual_seed(seed)
    for words, given in (("from one generator", {"generator": generator}), ("without a generator", {})):
        one, two = (depth.stochastic_depth(x, rate=0.5, training=True, **given).tolist() for _ in range(2))
        true(one != two, "every call drops the same samples", case=f"64 samples, rate=0.5, twice {words}")


test_gradient = DEPTH.gradient(
    "the gradient is scaled as the sample is, and 0 for a dropped one", drawn((5,), (6, 2), (3, 2, 2), rate=0.4)
)
test_refuses = DEPTH.refuses(
    "a rate outside of [0, 1) raises a ValueError that says it, in training or not",
    *(
        ({"x": [[1.0, 1.0]], "rate": rate, "seed": 0, "training": training}, [f"rate={rate:g}", "[0, 1)"])
        for rate, training in ((1.5, True), (-0.1, False), (1.0, True))
    ),
)


@grades(depth.stochastic_depth)
def test_rate_0(rng):
    """with rate 0, or outside of training, no random number is drawn"""
    for rate, training in ((0.0, True), (0.5, False)):
        generator = torch.Generator().manual_seed(start(rng))
        before = generator.get_state().tolist()
        depth.stochastic_depth(tensor(some(rng, 3, 2)), rate=rate, training=training, generator=generator)
        same = generator.get_state().tolist() == before
        true(same, "random numbers were drawn from the generator", case=f"rate={rate:g}, training={training}")


test_laws = DEPTH.laws(
    "the laws of every operation: calls, passes and memory do not get mixed up",
    drawn((5, 2), (4, 3, 1), rate=0.5),
    dtypes=("float16", "float32", "float64"),
)


wrong(
    depth.stochastic_depth,
    {
        "what is kept is not scaled up, so the mean shrinks": (" / (1 - rate)", ""),
        "one draw decides for the whole batch": ("(x.shape[0], *[1] * (x.ndim - 1))", "[1] * x.ndim"),
        "every number draws for itself: this is dropout": ("(x.shape[0], *[1] * (x.ndim - 1))", "x.shape"),
        "samples are dropped in evaluation as well": ("if not training or rate == 0:", "if rate == 0:"),
        "the generator is not used": ("generator=generator, ", ""),
        "the mask is float32, and half-precision numbers become float32 with it": (".to(x.dtype)", ".float()"),
        "a rate outside of [0, 1) is accepted": ("if not 0 <= rate < 1:", "if False:"),
        "x itself is changed in place": ("return x * (draws", "return x.detach().mul_(draws"),
    },
)
survives(
    depth.stochastic_depth,
    {
        "a draw equals the rate with probability 0": [("draws >= rate", "draws > rate")],
    },
)

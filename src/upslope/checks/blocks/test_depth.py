"""What stochastic_depth must do."""

import math
from functools import partial

import numpy as np
import torch

from upslope.blocks import depth
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import gradients, laid, tensor
from upslope.checks.expect import close, raises, tensor_of, true
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled

SAMPLES = 400


def drop(x, rate, seed, *, training=True):
    """The answer in training, with a generator that begins at `seed`."""
    return depth.stochastic_depth(x, rate=rate, training=training, generator=torch.Generator().manual_seed(seed))


def kept(out):
    """Which samples are not all zeros."""
    return np.array(out.detach().tolist()).reshape(len(out), -1).any(axis=1)


def start(rng):
    return int(rng.integers(0, 2**31))


@grades(depth.stochastic_depth)
def test_shape_and_dtype(rng):
    """shape and dtype of x, be it float64 or bfloat16"""
    for dtype in ("float32", "float64", "bfloat16"):
        for shape in ((4,), (3, 2), (2, 3, 4, 4), (0, 2)):
            out = drop(tensor(np.ones(shape), getattr(torch, dtype)), 0.5, start(rng))
            tensor_of(out, shape, dtype=dtype, case=f"{dtype} numbers of shape {shape}, rate=0.5")


@grades(depth.stochastic_depth)
def test_by_hand(rng):
    """with rate 0.2 a sample [4, 8] becomes [5, 10] or [0, 0]"""
    for sample in drop(tensor([[[4.0, 8.0]]] * 20), 0.2, start(rng)):
        close(sample[0], [5, 10] if sample.any() else [0, 0], case="a sample [4, 8], rate=0.2")


@grades(depth.stochastic_depth)
def test_whole_samples(rng):
    """a sample is kept whole or dropped whole, and every sample draws for itself"""
    for shape in ((64,), (64, 3), (64, 2, 2, 2)):
        x = some(rng, *shape) + 5
        out = drop(tensor(x), 0.5, start(rng))
        there = kept(out)
        case = f"numbers of shape {shape}, rate=0.5"
        close(out, 2 * x * there.reshape(-1, *[1] * (len(shape) - 1)), case=case)
        # All alike by chance once in 2^63 draws.
        true(0 < there.sum() < 64, "all samples share their fate", case=case, got=f"{there.sum()} of 64 kept")


@grades(depth.stochastic_depth)
def test_share(rng):
    """as many samples are dropped as the rate says, and the mean stays"""
    for rate in (0.2, 0.7):
        out = drop(tensor(np.ones((SAMPLES, 1))), rate, start(rng))
        share = 1 - float(kept(out).mean())
        # Chance moves the share by five times its standard deviation less than once in a million draws.
        stray = 5 * math.sqrt(rate * (1 - rate) / SAMPLES)
        case = f"{SAMPLES} samples, rate={rate:g}: share of those dropped"
        close(share, rate, case=case, rtol=0, atol=stray)
        case = f"{SAMPLES} samples of 1, rate={rate:g}: mean of the result"
        close(out.mean(), 1.0, case=case, rtol=0, atol=stray / (1 - rate))


@grades(depth.stochastic_depth)
def test_untouched(rng):
    """outside of training, and with rate 0, x comes back as it is"""
    x = some(rng, 8, 3)
    for rate, training in ((0.5, False), (0.0, True), (0.0, False)):
        case = f"numbers of shape (8, 3), rate={rate:g}, training={training}"
        close(drop(tensor(x), rate, start(rng), training=training), x, case=case)


@grades(depth.stochastic_depth)
def test_generator(rng):
    """the generator decides alone; without one PyTorch's own does"""
    x, seed = torch.ones(64, 1), start(rng)
    first = drop(x, 0.5, seed).tolist()
    torch.rand(3)
    true(drop(x, 0.5, seed).tolist() == first, "the same generator drops other samples", case="64 samples, rate=0.5")
    generator = torch.Generator().manual_seed(seed)
    one, two = (depth.stochastic_depth(x, rate=0.5, training=True, generator=generator).tolist() for _ in range(2))
    true(one != two, "every call drops the same samples", case="64 samples, rate=0.5, twice from one generator")
    one, two = (depth.stochastic_depth(x, rate=0.5, training=True).tolist() for _ in range(2))
    true(one != two, "every call drops the same samples", case="64 samples, rate=0.5, twice without a generator")


@grades(depth.stochastic_depth)
def test_gradient(rng):
    """the gradient is scaled as the sample is, and 0 for a dropped one"""
    for shape in ((5,), (6, 2), (3, 2, 2)):
        x, seed = some(rng, *shape) + 3, start(rng)
        gradients(partial(drop, rate=0.4, seed=seed), {"x": x}, rng=rng, case=f"x = {spelled(x)}, rate=0.4")


@grades(depth.stochastic_depth)
def test_refuses(rng):
    """a rate outside of [0, 1) raises a ValueError that says it, in training or not"""
    for rate, training in ((1.5, True), (-0.1, False), (1.0, True)):
        call = partial(drop, torch.ones(2, 2), rate, 0, training=training)
        raises(ValueError, call, case=f"rate={rate:g}, training={training}", says=[f"rate={rate:g}", "[0, 1)"])


@grades(depth.stochastic_depth)
def test_rate_0(rng):
    """with rate 0, or outside of training, no random number is drawn"""
    for rate, training in ((0.0, True), (0.5, False)):
        generator = torch.Generator().manual_seed(start(rng))
        before = generator.get_state()
        depth.stochastic_depth(tensor(some(rng, 3, 2)), rate=rate, training=training, generator=generator)
        same = generator.get_state().tolist() == before.tolist()
        true(same, "random numbers were drawn from the generator", case=f"rate={rate:g}, training={training}")


@grades(depth.stochastic_depth)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    calls = (Call(partial(drop, rate=0.5, seed=1), [some(rng, *shape)]) for shape in ((5, 2), (4, 3, 1)))
    keeps_laws(*calls, tensor=laid, dtypes=("float16", "float32", "float64"))


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

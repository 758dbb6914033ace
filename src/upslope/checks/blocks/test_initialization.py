"""What he_normal_ must do."""

import math
from functools import partial

import torch
from torch import nn

from upslope.blocks import initialization
from upslope.checks import grades, wrong
from upslope.checks.expect import close, equal, raises, true

# A shape, and how many products are summed on the way forward and backward.
FANS = (
    ((300, 200), 200, 300),
    ((128, 64, 3, 3), 576, 1152),
    ((64, 1, 5, 5), 25, 1600),
    ((40, 30, 1, 7), 210, 280),
    ((256, 90, 1), 90, 256),
    ((20, 30, 3, 2, 4), 720, 480),
)


def drawn(shape, seed, *, dtype=torch.float32, **settings):
    """A weight filled by the answer, with a generator that begins at `seed`, and what it gave back."""
    weight, generator = torch.empty(shape, dtype=dtype), torch.Generator().manual_seed(seed)
    return weight, initialization.he_normal_(weight, generator=generator, **settings)


def fresh(shape):
    """A weight filled without a generator."""
    return initialization.he_normal_(torch.empty(shape))


def start(rng):
    return int(rng.integers(0, 2**31))


@grades(initialization.he_normal_)
def test_in_place(rng):
    """the weight itself is filled and given back, with its shape and dtype"""
    for shape, *_ in FANS[:3]:
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            weight, given = drawn(shape, start(rng), dtype=dtype)
            case = f"a weight of shape {shape} in {str(dtype).removeprefix('torch.')}"
            true(given is weight, "what came back is not the weight that was given", case=case)
            equal((tuple(weight.shape), weight.dtype), (shape, dtype), case=case)


@grades(initialization.he_normal_)
def test_by_hand(rng):
    """a 3x3 convolution from 64 to 128 channels: standard deviation 0.0589, with fan_out 0.0417"""
    for mode, expected in (("fan_in", 0.0589), ("fan_out", 0.0417)):
        weight, _ = drawn((128, 64, 3, 3), start(rng), mode=mode)
        case = f"a weight of shape (128, 64, 3, 3), mode={mode}: standard deviation"
        close(float(weight.std()), expected, case=case, rtol=0.02, atol=0)


@grades(initialization.he_normal_)
def test_spread(rng):
    """the variance is 2 / fan, forward by default, for linear layers and convolutions of any kind"""
    for shape, fan_in, fan_out in FANS:
        for settings, fan in (({}, fan_in), ({"mode": "fan_in"}, fan_in), ({"mode": "fan_out"}, fan_out)):
            weight, _ = drawn(shape, start(rng), **settings)
            # The spread of n normal numbers strays by 1 / sqrt(2 n) of itself; six times that almost never.
            stray = 6 / math.sqrt(2 * weight.numel())
            case = f"a weight of shape {shape}{''.join(f', {k}={v}' for k, v in settings.items())}: std * sqrt(fan / 2)"
            close(float(weight.double().std()) * math.sqrt(fan / 2), 1.0, case=case, rtol=stray, atol=0)


@grades(initialization.he_normal_)
def test_normal(rng):
    """the numbers are normal, around 0: as many lie within 1, 2 and 3 standard deviations as should"""
    weight, _ = drawn((400, 100), start(rng))
    scaled = weight.double() * math.sqrt(50)
    case = "a weight of shape (400, 100), in standard deviations"
    close(float(scaled.mean()), 0.0, case=f"{case}: mean", rtol=0, atol=0.03)
    for reach, share in ((1, 0.6827), (2, 0.9545), (3, 0.9973)):
        got = float((scaled.abs() < reach).double().mean())
        close(got, share, case=f"{case}: share within {reach}", rtol=0, atol=0.015 if reach < 3 else 0.002)


@grades(initialization.he_normal_)
def test_signals_keep_their_size(rng):
    """through 20 layers of ReLU the mean square of what goes forward stays within a factor of 4"""
    generator = torch.Generator().manual_seed(start(rng))
    x = torch.randn(64, 512, generator=generator)
    for _ in range(20):
        weight = initialization.he_normal_(torch.empty(512, 512), generator=generator)
        x = (x @ weight.T).relu()
    size = float(x.square().mean())
    true(0.25 < size < 4, "the signal dies away or grows", case="20 layers of 512 units", got=f"mean square {size:.3g}")


@grades(initialization.he_normal_)
def test_generator(rng):
    """the generator decides alone; without one PyTorch's own does"""
    seed = start(rng)
    first, _ = drawn((8, 8), seed)
    torch.rand(3)
    again, _ = drawn((8, 8), seed)
    true(first.equal(again), "the same generator draws other numbers", case="a weight of shape (8, 8), twice")
    other, _ = drawn((8, 8), seed + 1)
    true(not first.equal(other), "another generator draws the same numbers", case="a weight of shape (8, 8)")
    one, two = fresh((8, 8)), fresh((8, 8))
    true(not one.equal(two), "every call draws the same numbers", case="a weight of shape (8, 8), twice, no generator")


@grades(initialization.he_normal_)
def test_parameter(rng):
    """a parameter can be filled, wants a gradient afterwards as before, and remembers no step"""
    layer = nn.Conv2d(4, 6, 3)
    initialization.he_normal_(layer.weight)
    case = "the weight of Conv2d(4, 6, 3)"
    true(layer.weight.requires_grad and layer.weight.is_leaf, "it is no leaf that learns any more", case=case)


@grades(initialization.he_normal_)
def test_refuses(rng):
    """fewer than two dimensions raise a ValueError that names the shape"""
    for shape in ((3,), ()):
        raises(ValueError, partial(fresh, shape), case=f"a weight of shape {shape}", says=[str(shape), "has no fan"])


wrong(
    initialization.he_normal_,
    {
        "the variance is 1 / fan: this is LeCun's, made for tanh": ("(2 / fan) ** 0.5", "(1 / fan) ** 0.5"),
        "the standard deviation is 2 / fan, which is the variance": ("(2 / fan) ** 0.5", "2 / fan"),
        "the places of the kernel are not counted": ("places = math.prod(weight.shape[2:])", "places = 1"),
        "fan_in and fan_out are exchanged": ('mode == "fan_in"', 'mode == "fan_out"'),
        "the numbers are uniform, not normal": (
            "weight.normal_(0, (2 / fan) ** 0.5, generator=generator)",
            "weight.uniform_(-((6 / fan) ** 0.5), (6 / fan) ** 0.5, generator=generator)",
        ),
        "the fan is the mean of both: this is Glorot's": (
            '(weight.shape[1] if mode == "fan_in" else weight.shape[0])',
            "(weight.shape[0] + weight.shape[1]) / 2",
        ),
        "filling is recorded as a step of training": ("with torch.no_grad():", "with torch.enable_grad():"),
        "a bias is filled as well": ("weight.ndim < 2", "weight.ndim < 1"),
        "the generator is not used": (", generator=generator)", ")"),
        "another tensor comes back, and the weight stays as it was": (
            "return weight.normal_",
            "return weight.clone().normal_",
        ),
    },
)

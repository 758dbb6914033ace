"""The questions about convolutional networks: PyTorch has the same answers, without computing a single number."""

from math import prod
from random import Random

import pytest

from upslope.quiz.convolution.layers import Layer
from upslope.quiz.question import LEVELS
from upslope.quiz.subjects import topics

torch = pytest.importorskip("torch", reason="the answers are compared with PyTorch's")

MANY = pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.deep)])


def module(layer, *, padded=True):
    """PyTorch's module for the settings of a question, on the meta device: shapes without numbers."""
    nn, given = torch.nn, {key: layer[key] for key in ("stride", "dilation")}
    given["padding"] = layer["padding"] if padded else 0
    ends = (layer["in_channels"], layer["out_channels"], layer["kernel_size"])
    learned = {"groups": layer["groups"], "bias": layer["bias"], "device": "meta"}
    match layer["kind"]:
        case "conv":
            return nn.Conv2d(*ends, **given, **learned)
        case "conv-transpose":
            return nn.ConvTranspose2d(*ends, **given, **learned, output_padding=layer["output_padding"])
        case "max-pool":
            return nn.MaxPool2d(layer["kernel_size"], **given, ceil_mode=layer["ceil_mode"])
        case "avg-pool":
            assert given.pop("dilation") == (1, 1)
            return nn.AvgPool2d(layer["kernel_size"], **given, ceil_mode=layer["ceil_mode"])
        case "linear":
            return nn.Linear(*ends[:2], bias=layer["bias"], device="meta")
        case "batch-norm":
            return nn.BatchNorm2d(ends[0], device="meta")
        case "layer-norm":
            return nn.LayerNorm(ends[0], device="meta")
    raise AssertionError(layer["kind"])


def smallest(layers, places):
    """The fewest pixels along a side of which a stack without padding leaves so many places."""
    network = torch.nn.Sequential(*(module(layer, padded=False) for layer in layers))

    def left(side):
        try:
            return network(torch.empty(1, 1, side, side, device="meta")).shape[-1]
        except RuntimeError:  # a window does not fit
            return 0

    low, high = 0, 1 << 11
    assert left(high) >= places
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if left(middle) >= places else (middle, high)
    return high


def multiply_adds(network, x):
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        network(x)
    return counter.get_total_flops() // 2


def torchs_answer(settings):
    layers, asked = settings["layers"], settings["asked"]
    if asked == "field":
        return smallest(layers, 1)
    if asked == "jump":
        return smallest(layers, 2) - smallest(layers, 1)
    network = torch.nn.Sequential(*map(module, layers))
    if asked == "parameters":
        return sum(parameter.numel() for parameter in network.parameters())
    x = torch.empty(1, *settings["input"], device="meta")
    if asked == "multiply-adds":
        return multiply_adds(network, x)
    shape = network(x).shape
    return {"high": shape[2], "wide": shape[3], "numbers": prod(shape)}[asked]


@MANY
def test_every_answer_is_pytorchs(count):
    found = list(topics("convolution").values())
    for number in range(count):
        topic, level = found[number % len(found)], 1 + number // len(found) % LEVELS
        question = topic.make(Random(f"torch {number}"), level)
        assert question.answer == torchs_answer(question.settings), question.text


@MANY
def test_layers_have_pytorchs_sizes_and_counts(count):
    """Settings far from those of the questions: sides that differ in everything, little maps, large strides."""
    rng = Random(0)
    for _ in range(count):
        layer, x = drawn(rng)
        network, source = module(layer.settings()), torch.empty(1, *x, device="meta")
        assert layer.map_after(x) == tuple(network(source).shape[1:]), layer
        assert layer.parameters == sum(parameter.numel() for parameter in network.parameters()), layer
        assert layer.multiply_adds(x) == multiply_adds(network, source), layer


def drawn(rng):
    """A layer and a map of which it leaves something."""

    def pair(low, high):
        return rng.randint(low, high), rng.randint(low, high)

    while True:
        kind, groups = rng.choice(("conv", "conv-transpose", "max-pool", "avg-pool")), rng.randint(1, 4)
        pools = kind.endswith("pool")
        kernel, stride = pair(1, 7), pair(1, 6)
        ends = groups * rng.randint(1, 5), groups * rng.randint(1, 5)
        layer = Layer(
            kind=kind,
            in_channels=1 if pools else ends[0],
            out_channels=1 if pools else ends[1],
            kernel_size=kernel,
            stride=stride,
            padding=tuple(rng.randint(0, k // 2) for k in kernel) if pools else pair(0, 5),
            output_padding=tuple(rng.randrange(t) for t in stride) if kind == "conv-transpose" else (0, 0),
            dilation=(1, 1) if kind == "avg-pool" else pair(1, 4),
            groups=1 if pools else groups,
            bias=rng.random() < 0.5,
            ceil_mode=pools and rng.random() < 0.5,
        )
        x = (rng.randint(1, 5) if pools else ends[0], *pair(1, 40))
        try:
            if min(layer.map_after(x)) > 0:
                return layer, x
        except ValueError:  # the window does not fit
            continue

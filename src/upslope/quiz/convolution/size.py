"""How high or wide a map is behind a convolution.

V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016, https://arxiv.org/abs/1603.07285.

Level 1 pads, 2 strides, 3 dilates, 4 has groups and sides that differ, 5 is transposed.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from random import Random

from upslope.quiz.convolution.layers import Layer, Pair
from upslope.quiz.convolution.windows import window_mistakes, window_working
from upslope.quiz.question import Question, Topic, mistakes

SIDES = ("high", "wide")


def make(rng: Random, level: int) -> Question:
    """A convolution on a map, and how high or wide its output is."""
    layer, sides, axis = _transposed(rng) if level == 5 else _convolution(rng, level)
    answer = layer.side_after(sides[axis], axis)
    working, wrong = window_working(layer, sides[axis], axis), window_mistakes(layer, sides, axis)
    if level == 5:
        working, wrong = _transposed_working(layer, sides[0]), _transposed_mistakes(layer, sides[0])
    words = layer.words(channels=layer.groups > 1)
    return Question(
        text=f"A feature map of {sides[0]}×{sides[1]} goes through {words}. How {SIDES[axis]} is the output?",
        answer=answer,
        working=working,
        mistakes=mistakes(answer, wrong),
        lesson="output-size",
        settings={"input": [layer.in_channels, *sides], "layers": [layer.settings()], "asked": SIDES[axis]},
    )


def _convolution(rng: Random, level: int) -> tuple[Layer, Pair, int]:
    """An ordinary one, with its map and the axis that is asked for."""
    kernel, side, padding = rng.choice((2, 3, 4, 5, 7)), rng.randint(30, 64), rng.randint(1, 3)
    stride = rng.randint(1 if level == 3 else 2, 4) if level > 1 else 1
    dilation = rng.randint(2, 4) if level > 2 else 1
    uneven = level == 4
    groups = rng.choice((2, 4)) if uneven else 1
    layer = Layer(
        kind="conv",
        in_channels=8 * groups,
        out_channels=16 * groups,
        kernel_size=(kernel, rng.choice((1, 3, 5)) if uneven else kernel),
        stride=(stride, stride),
        padding=(padding, padding),
        dilation=(dilation, dilation),
        groups=groups,
    )
    return layer, (side, rng.randint(30, 90) if uneven else side), rng.randint(0, 1) if uneven else 0


def _transposed(rng: Random) -> tuple[Layer, Pair, int]:
    kernel, stride, padding, dilation = rng.randint(2, 5), rng.randint(2, 4), rng.randint(1, 2), rng.randint(1, 2)
    more, side = rng.randint(0, stride - 1), rng.randint(5, 32)
    layer = Layer(
        kind="conv-transpose",
        in_channels=8,
        out_channels=4,
        kernel_size=(kernel, kernel),
        stride=(stride, stride),
        padding=(padding, padding),
        output_padding=(more, more),
        dilation=(dilation, dilation),
    )
    return layer, (side, side), 0


def _transposed_working(layer: Layer, side: int) -> tuple[str, ...]:
    """Line by line, (n − 1)·t + s − 2p, and the output padding."""
    (k, t, p, d), more = _along(layer), layer.output_padding[0]
    span = d * (k - 1) + 1
    lines = ["out = (n − 1)·t + s − 2p + output padding, with stride t and a window of s places"]
    if d > 1:
        lines.append(f"s = d·(k − 1) + 1 = {d}·({k} − 1) + 1 = {span} places that the window spans")
    whole = (side - 1) * t + span
    lines.append(f"(n − 1)·t + s = ({side} − 1)·{t} + {span} = {whole} places that the windows write to")
    lines.append(f"{whole} − 2p = {whole} − 2·{p} = {whole - 2 * p} after the padding is cut off on both sides")
    if more:
        lines.append(f"{whole - 2 * p} + {more} = {whole - 2 * p + more} with the output padding, on one side")
    return tuple(lines)


def _transposed_mistakes(layer: Layer, side: int) -> Iterator[tuple[str, int | Fraction]]:
    """What other procedures give: a clause, and their answer."""
    (k, t, p, d), more = _along(layer), layer.output_padding[0]
    answer = layer.side_after(side, 0)
    if side + 2 * p >= d * (k - 1) + 1:
        ordinary = replace(layer, kind="conv", output_padding=(0, 0))
        yield "the convolution is taken for an ordinary one, which shrinks", ordinary.side_after(side, 0)
    yield "the stride is left out", (side - 1) - 2 * p + d * (k - 1) + more + 1
    yield "the first position is counted as a step: n·t, not (n − 1)·t", answer + t
    yield "the padding is added, not cut off", answer + 4 * p
    yield "the padding is cut off on one side only", answer + p
    yield "the padding is left out", answer + 2 * p
    if more:
        yield "the output padding is left out", answer - more
        yield "the output padding is put on both sides", answer + more
    if d > 1:
        yield "the dilation is left out", replace(layer, dilation=(1, 1)).side_after(side, 0)


def _along(layer: Layer) -> tuple[int, int, int, int]:
    return layer.kernel_size[0], layer.stride[0], layer.padding[0], layer.dilation[0]


TOPIC = Topic("size", "output size of a convolution", 1, make)

"""How large a map is behind a pooling, and how many numbers are left to be flattened.

V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016, https://arxiv.org/abs/1603.07285.

Level 1 has the default stride, 2 stride and padding, 3 ceil mode, 4 dilation too, 5 a convolution before it and a
linear layer behind it.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from random import Random

from upslope.quiz.convolution.layers import Layer, Map
from upslope.quiz.convolution.windows import window_mistakes, window_working
from upslope.quiz.question import Question, Topic, mistakes


def make(rng: Random, level: int) -> Question:
    """One pooling, or at level 5 all that stands before a linear layer."""
    if level == 5:
        return _flattened(rng)
    kernel, side = rng.randint(2, 4), rng.randint(20, 60)
    others = [t for t in (1, 2, 3, 4) if t != kernel and (t > 1 or level == 2)]  # with 1 nothing hangs over the edge
    stride = kernel if level == 1 else rng.choice(others)
    padding = rng.randint(1, kernel // 2) if level > 1 else 0
    dilation = rng.randint(2, 3) if level == 4 else 1
    layer = Layer(
        kind="max-pool" if dilation > 1 else rng.choice(("max-pool", "avg-pool")),
        kernel_size=(kernel, kernel),
        stride=(stride, stride),
        padding=(padding, padding),
        dilation=(dilation, dilation),
        ceil_mode=level > 2,
    )
    answer = layer.side_after(side, 0)
    return Question(
        text=f"A feature map of {side}×{side} goes through {layer.words()}. How high is the output?",
        answer=answer,
        working=window_working(layer, side, 0),
        mistakes=mistakes(answer, window_mistakes(layer, (side, side), 0)),
        lesson="output-size" if layer.ceil_mode or dilation > 1 else "max-pool2d",
        settings={"input": [1, side, side], "layers": [layer.settings()], "asked": "high"},
    )


def _flattened(rng: Random) -> Question:
    kernel, side, padding, channels = (
        rng.choice((3, 5)),
        rng.randint(24, 40),
        rng.randint(0, 2),
        rng.choice((8, 16, 32)),
    )
    window = rng.randint(2, 3)
    conv = Layer(
        kind="conv",
        in_channels=rng.choice((1, 3)),
        out_channels=channels,
        kernel_size=(kernel, kernel),
        padding=(padding, padding),
    )
    pool = Layer(kind="max-pool", kernel_size=(window, window), stride=(window, window), ceil_mode=rng.random() < 0.5)
    x = (conv.in_channels, side, side)
    answer = prod(_through(x, conv, pool))
    return Question(
        text=f"An image of {x[0]}×{side}×{side} (channels, height, width) goes through {conv.words()}, "
        f"then {pool.words()}, and is flattened. How many numbers does the linear layer behind it read?",
        answer=answer,
        working=_flattened_working(x, conv, pool),
        mistakes=mistakes(answer, _flattened_mistakes(x, conv, pool)),
        lesson="output-size",
        settings={"input": list(x), "layers": [conv.settings(), pool.settings()], "asked": "numbers"},
    )


def _flattened_working(x: Map, conv: Layer, pool: Layer) -> tuple[str, ...]:
    between, behind = conv.map_after(x), _through(x, conv, pool)
    return (
        f"convolution: {window_working(conv, x[1], 0)[1]}, so {between[1]} rows",
        *(f"pooling: {line}" for line in window_working(pool, between[1], 0)),
        f"{behind[0]} channels · {behind[1]} rows · {behind[2]} columns = {prod(behind):,}",
    )


def _flattened_mistakes(x: Map, conv: Layer, pool: Layer) -> Iterator[tuple[str, int]]:
    channels, side, _ = _through(x, conv, pool)
    yield "the channels are left out", side * side
    yield "one side is counted, not the square", channels * side
    yield "the input's channels are counted, not the output's", x[0] * side * side
    yield "the pooling is left out", prod(conv.map_after(x))
    yield "the channels are pooled, too", channels // pool.kernel_size[0] * side * side
    if conv.padding[0]:
        unpadded = replace(conv, padding=(0, 0))
        yield "the padding is left out", prod(_through(x, unpadded, pool))
        wider = (x[0], side_one := x[1] + conv.padding[0], side_one)
        yield "the padding is put on one side only", prod(_through(wider, unpadded, pool))
    else:
        same = (conv.out_channels, *x[1:])
        yield "the convolution is taken to keep the size, without padding", prod(pool.map_after(same))
    other = prod(_through(x, conv, replace(pool, ceil_mode=not pool.ceil_mode)))
    yield (
        "the quotient is rounded down in spite of ceil mode"
        if pool.ceil_mode
        else "the quotient is rounded up, not down",
        other,
    )


def _through(x: Map, *layers: Layer) -> Map:
    for layer in layers:
        x = layer.map_after(x)
    return x


TOPIC = Topic("pooling", "output size of a pooling", 2, make)

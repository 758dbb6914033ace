"""How many multiply-adds a few layers take for one image; biases are not counted.

Level 1 is a convolution that keeps the size, 2 strides, 3 has groups, 4 is depthwise and pointwise (A. Howard et al.,
"MobileNets", 2017, https://arxiv.org/abs/1704.04861), 5 a bottleneck (K. He et al., "Deep residual learning for image
recognition", 2015, https://arxiv.org/abs/1512.03385) or a transposed convolution.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from math import prod
from random import Random

from upslope.quiz.convolution.layers import Layer, Map
from upslope.quiz.convolution.parameters import convolution, weights_in_words
from upslope.quiz.question import Question, Topic, mistakes

CHANNELS = (4, 8, 16, 32)


def make(rng: Random, level: int) -> Question:
    """A map, what it goes through, and the multiply-adds of that."""
    layers, side = _drawn(rng, level), rng.choice((8, 10, 12, 14, 16, 20, 28))
    x = (layers[0].in_channels, side, side)
    answer, stack = _count(layers, x), ", then ".join(layer.words() for layer in layers)
    return Question(
        text=f"A feature map of {x[0]}×{side}×{side} (channels, height, width) goes through "
        f"{stack}. How many multiply-adds does that take, biases not counted?",
        answer=answer,
        working=_working(layers, x),
        mistakes=mistakes(answer, _mistakes(layers, x)),
        lesson="inverted-bottleneck" if any(layer.groups > 1 for layer in layers) else "conv2d",
        settings={"input": list(x), "layers": [layer.settings() for layer in layers], "asked": "multiply-adds"},
    )


def _drawn(rng: Random, level: int) -> list[Layer]:
    few, many, kernel = rng.choice(CHANNELS), rng.choice(CHANNELS), rng.choice((3, 5))
    padding, halves = (kernel // 2, kernel // 2), (2, 2)
    if level == 1:
        return [replace(convolution(few, many, kernel), padding=padding)]
    if level == 2:
        return [replace(convolution(few, many, kernel), padding=padding, stride=halves)]
    if level == 3:
        groups = rng.choice((2, 4))
        return [replace(convolution(2 * few, 2 * many, kernel, groups=groups), padding=padding, stride=halves)]
    if level == 4:
        wide = 2 * few
        return [
            replace(convolution(wide, wide, kernel, groups=wide), padding=padding, stride=rng.choice(((1, 1), halves))),
            convolution(wide, many, 1),
        ]
    if rng.random() < 0.5:
        return [replace(convolution(few, many, 4), kind="conv-transpose", stride=halves, padding=(1, 1))]
    middle = replace(convolution(few, few, 3), padding=(1, 1), stride=halves)
    return [convolution(4 * few, few, 1), middle, convolution(few, 4 * few, 1)]


def _maps(layers: Sequence[Layer], x: Map) -> list[Map]:
    """The map before each layer, and the one behind the last."""
    return list(accumulate(layers, lambda before, layer: layer.map_after(before), initial=x))


def _counts(layers: Sequence[Layer], x: Map) -> list[int]:
    return [layer.multiply_adds(before) for layer, before in zip(layers, _maps(layers, x), strict=False)]


def _count(layers: Sequence[Layer], x: Map) -> int:
    return sum(_counts(layers, x))


def _working(layers: Sequence[Layer], x: Map) -> tuple[str, ...]:
    maps, lines = _maps(layers, x), []
    for number, layer in enumerate(layers):
        name = f"layer {number + 1}: " if len(layers) > 1 else ""
        where, at = ("input", maps[number]) if layer.kind == "conv-transpose" else ("output", maps[number + 1])
        _, height, width = at
        lines.append(f"{name}weights: {weights_in_words(layer)} = {layer.weights:,}")
        taken = layer.multiply_adds(maps[number])
        lines.append(f"{name}each once at every place of the {where}: {layer.weights:,}·{height}·{width} = {taken:,}")
    counts = _counts(layers, x)
    return (*lines, f"{' + '.join(f'{n:,}' for n in counts)} = {sum(counts):,}") if counts[1:] else tuple(lines)


def _mistakes(layers: Sequence[Layer], x: Map) -> Iterator[tuple[str, int]]:
    maps, counts = _maps(layers, x), _counts(layers, x)
    rows = list(zip(layers, maps, maps[1:], strict=False))
    yield "multiplications and additions are counted apart", 2 * sum(counts)
    yield "each weight is counted once, not at every place", sum(layer.weights for layer in layers)
    if layers[0].kind == "conv-transpose":
        yield (
            "the places of the output are counted, not of the input",
            sum(layer.weights * prod(after[1:]) for layer, _, after in rows),
        )
    else:
        yield (
            "the places of the input are counted, not of the output",
            sum(layer.weights * prod(before[1:]) for layer, before, _ in rows),
        )
    yield "the groups are ignored", sum(n * layer.groups for n, layer in zip(counts, layers, strict=True))
    yield (
        "the groups divide the output channels, too",
        sum(n // one.groups for n, one in zip(counts, layers, strict=True)),
    )
    yield (
        "the input channels are left out",
        sum(n * layer.groups // layer.in_channels for n, layer in zip(counts, layers, strict=True)),
    )
    yield "the output channels are left out", sum(n // one.out_channels for n, one in zip(counts, layers, strict=True))
    yield (
        "the kernel is counted along one side only",
        sum(n // layer.kernel_size[0] for n, layer in zip(counts, layers, strict=True)),
    )
    yield "the padding is left out", _count([replace(layer, padding=(0, 0)) for layer in layers], x)
    yield "the biases are counted, too", sum(counts) + sum(prod(after) for after in maps[1:])
    if len(layers) > 1:
        yield "only the first layer is counted", counts[0]
        yield "only the last layer is counted", counts[-1]


TOPIC = Topic("multiply-adds", "multiply-adds of a few layers", 5, make)

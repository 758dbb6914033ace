"""How many numbers a few layers learn.

Level 1 is one layer with a bias, 2 has kernels that are not square or no bias, 3 a norm, 4 groups, 5 a block: depthwise
and pointwise (A. Howard et al., "MobileNets", 2017, https://arxiv.org/abs/1704.04861), a bottleneck (K. He et al.,
"Deep residual learning for image recognition", 2015, https://arxiv.org/abs/1512.03385), or a transposed convolution.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

from upslope.quiz.convolution.layers import Kind, Layer
from upslope.quiz.question import Question, Topic, mistakes

CHANNELS = (3, 8, 12, 16, 24, 32, 48, 64)


def make(rng: Random, level: int) -> Question:
    """One layer or a small block, and its parameters."""
    layers = _drawn(rng, level)
    answer = sum(layer.parameters for layer in layers)
    stack = ", then ".join(layer.words(bias=True) for layer in layers)
    has = "does this layer" if len(layers) == 1 else "do these layers"
    return Question(
        text=f"{stack[0].upper()}{stack[1:]}: how many parameters {has} have?",
        answer=answer,
        working=_working(layers),
        mistakes=mistakes(answer, _mistakes(layers)),
        lesson=_lesson(layers),
        settings={"layers": [layer.settings() for layer in layers], "asked": "parameters"},
    )


def _drawn(rng: Random, level: int) -> list[Layer]:
    few, many = rng.choice(CHANNELS), rng.choice(CHANNELS[1:])
    kernel = rng.choice((3, 5))
    if level == 1 and rng.random() < 0.3:
        return [Layer(kind="linear", in_channels=few * 10, out_channels=many)]
    if level == 1:
        return [convolution(few, many, kernel)]
    if level == 2:
        uneven = convolution(few, many, kernel, bias=rng.random() < 0.5)
        return [replace(uneven, kernel_size=(kernel, rng.choice((1, 2, 3, 7))))]
    if level == 3:
        return [convolution(few, many, kernel, bias=rng.random() < 0.3), norm(many, rng)]
    groups = rng.choice((2, 4))
    if level == 4:
        many = groups * rng.choice((4, 8, 12))
        return [convolution(groups * rng.choice((2, 4, 8)), many, kernel, groups=groups), norm(many, rng)]
    return block(rng)


def block(rng: Random) -> list[Layer]:
    """Several layers, as they are found in well-known networks."""
    few, many = rng.choice(CHANNELS[1:]), rng.choice(CHANNELS[1:])
    kernel = rng.choice((3, 5))
    draw = rng.randrange(3)
    if draw == 0:  # depthwise separable
        first = convolution(few, few, kernel, groups=few, bias=False)
        return [first, norm(few, rng), convolution(few, many, 1, bias=False), norm(many, rng)]
    if draw == 1:  # bottleneck, two of its three
        return [convolution(4 * few, few, 1, bias=False), norm(few, rng), convolution(few, few, 3, bias=False)]
    groups = rng.choice((1, 2, 4))
    transposed = convolution(4 * few, 4 * many, kernel - 1, groups=groups, bias=rng.random() < 0.5)
    return [replace(transposed, kind="conv-transpose", stride=(2, 2)), norm(4 * many, rng)]


def convolution(inputs: int, outputs: int, kernel: int, *, groups: int = 1, bias: bool = True) -> Layer:
    """A square convolution."""
    size = (kernel, kernel)
    return Layer(kind="conv", in_channels=inputs, out_channels=outputs, kernel_size=size, groups=groups, bias=bias)


def norm(channels: int, rng: Random) -> Layer:
    """A batch norm, or now and then a layer norm."""
    kind: Kind = "batch-norm" if rng.random() < 0.8 else "layer-norm"
    return Layer(kind=kind, in_channels=channels, out_channels=channels)


def _lesson(layers: Sequence[Layer]) -> str:
    if any(layer.groups > 1 for layer in layers):
        return "inverted-bottleneck"
    if any(layer.norms for layer in layers):
        return "residual-block"
    return "linear" if layers[0].kind == "linear" else "conv2d"


def _working(layers: Sequence[Layer]) -> tuple[str, ...]:
    lines = []
    for layer in layers:
        if layer.norms:
            lines.append(f"norm: a scale and a shift for each channel, 2·{layer.in_channels} = {layer.parameters:,}")
            continue
        lines.append(f"weights: {weights_in_words(layer)} = {layer.weights:,}")
        if layer.bias:
            lines.append(f"biases: one for each output, {layer.out_channels}")
    counts = [count for layer in layers for count in _counts(layer)]
    return (*lines, f"{' + '.join(f'{count:,}' for count in counts)} = {sum(counts):,}") if counts[1:] else tuple(lines)


def weights_in_words(layer: Layer) -> str:
    """Outputs · inputs of a group · kernel."""
    if layer.kind == "linear":
        return f"outputs · inputs = {layer.out_channels}·{layer.in_channels}"
    inputs, says = str(layer.in_channels), "channels in"
    if layer.groups > 1:
        inputs, says = f"({layer.in_channels} / {layer.groups})", "channels in a group"
    kernel = "·".join(str(side) for side in layer.kernel_size)
    return f"channels out · {says} · kernel = {layer.out_channels}·{inputs}·{kernel}"


def _counts(layer: Layer) -> list[int]:
    return [layer.weights, layer.out_channels] if layer.bias and not layer.norms else [layer.parameters]


def _mistakes(layers: Sequence[Layer]) -> Iterator[tuple[str, int]]:
    def counted(rule: Callable[[Layer], int]) -> int:
        return sum(rule(layer) for layer in layers)

    def biases(layer: Layer) -> int:
        return layer.parameters - layer.weights

    def unless_norm(rule: Callable[[Layer], int]) -> int:
        return counted(lambda layer: layer.parameters if layer.norms else rule(layer))

    yield "the biases are left out", unless_norm(lambda layer: layer.weights)
    yield "a bias is counted where there is none", unless_norm(lambda layer: layer.weights + layer.out_channels)
    yield (
        "there is one bias for each input channel",
        unless_norm(lambda layer: layer.weights + layer.bias * layer.in_channels),
    )
    yield "the groups are ignored", unless_norm(lambda layer: layer.weights * layer.groups + biases(layer))
    yield (
        "the groups divide the output channels, too",
        unless_norm(lambda layer: layer.weights // layer.groups + biases(layer)),
    )
    if any(layer.convolves for layer in layers):
        yield (
            "each filter sees one input channel only",
            unless_norm(lambda layer: layer.weights * layer.groups // layer.in_channels + biases(layer)),
        )
        yield (
            "the kernel is counted along one side only",
            unless_norm(lambda layer: layer.weights // layer.kernel_size[1] + biases(layer)),
        )
    yield (
        "one output's weights are counted, not those of all",
        unless_norm(lambda layer: layer.weights // layer.out_channels + biases(layer)),
    )
    if any(layer.norms for layer in layers):
        yield "the norms are left out", counted(lambda layer: 0 if layer.norms else layer.parameters)
        yield "a norm has one parameter a channel", counted(lambda layer: layer.parameters // (1 + layer.norms))
        yield (
            "a norm has one scale and one shift for all channels",
            counted(lambda layer: 2 if layer.norms else layer.parameters),
        )
        if any(layer.kind == "batch-norm" for layer in layers):
            yield (
                "the batch norm's running mean and variance are counted",
                counted(lambda layer: layer.parameters * (1 + (layer.kind == "batch-norm"))),
            )


TOPIC = Topic("parameters", "number of parameters", 4, make)

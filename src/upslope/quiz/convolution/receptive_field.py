"""How many pixels a number behind a few layers sees, and how far apart two neighbours see.

A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural Networks", 2019,
https://distill.pub/2019/computing-receptive-fields.

Level 1 stacks convolutions, 2 strides, 3 has a pooling, 4 dilates, 5 is a longer stack of everything.
"""

from collections.abc import Iterator, Sequence
from math import prod
from random import Random

from upslope.blocks.convolution_arithmetic import receptive_field
from upslope.quiz.convolution.layers import Layer
from upslope.quiz.question import Question, Topic, mistakes

Row = tuple[int, int, int]  # kernel, stride, dilation

_FIELD = "How many pixels wide is the receptive field of one number of the output?"
_JUMP = "How many pixels apart are the receptive fields of two neighbouring numbers of the output?"
_POOLINGS = {3: 1, 5: 2}  # by level


def make(rng: Random, level: int) -> Question:
    """A stack, and its receptive field, or at times its effective stride."""
    layers = _stack(rng, level)
    field, jump = receptive_field(_rows(layers))
    asks_jump = jump > 1 and rng.random() < 0.2
    answer = jump if asks_jump else field
    wrong = _jump_mistakes(layers) if asks_jump else _field_mistakes(layers)
    stack = ", then ".join(layer.words(channels=False) for layer in layers)
    return Question(
        text=f"An image goes through {stack}. {_JUMP if asks_jump else _FIELD}",
        answer=answer,
        working=_working(_rows(layers), asks_jump),
        mistakes=mistakes(answer, wrong),
        lesson="receptive-field",
        settings={"layers": [layer.settings() for layer in layers], "asked": "jump" if asks_jump else "field"},
    )


def _stack(rng: Random, level: int) -> list[Layer]:
    depth = {1: rng.randint(2, 3), 5: rng.randint(5, 6)}.get(level, rng.randint(3, 4))
    layers = [_convolution(rng, level) for _ in range(depth)]
    if level > 3:  # at least one that is dilated
        layers[0] = Layer(kind="conv", kernel_size=(3, 3), dilation=rng.choice(((2, 2), (3, 3))))
        rng.shuffle(layers)
    for place in rng.sample(range(1, depth), _POOLINGS.get(level, 0)):
        window = rng.randint(2, 3)
        layers[place] = Layer(kind="max-pool", kernel_size=(window, window), stride=(2, 2))
    return layers


def _convolution(rng: Random, level: int) -> Layer:
    kernel = rng.choice((3, 5, 7) if level < 4 else (1, 3, 3, 5))
    stride = rng.choice((1, 2, 2, 3) if level == 2 else (1, 1, 2)) if level > 1 else 1
    dilation = rng.randint(1, 3) if level > 3 and kernel > 1 else 1
    return Layer(kind="conv", kernel_size=(kernel, kernel), stride=(stride, stride), dilation=(dilation, dilation))


def _rows(layers: Sequence[Layer]) -> list[Row]:
    return [(layer.kernel_size[0], layer.stride[0], layer.dilation[0]) for layer in layers]


def _working(rows: Sequence[Row], asks_jump: bool) -> tuple[str, ...]:
    field, jump = 1, 1
    lines = ["r ← r + d·(k − 1)·j, then j ← j·t, with kernel k, stride t, dilation d; first r = j = 1"]
    for number, (k, t, d) in enumerate(rows, 1):
        wider, further = receptive_field([(k, t, d)], size=field, jump=jump)
        lines.append(f"layer {number}: r = {field} + {d}·({k} − 1)·{jump} = {wider}, j = {jump}·{t} = {further}")
        field, jump = wider, further
    return (*lines, f"asked for is the distance, j = {jump}" if asks_jump else f"asked for is the field, r = {field}")


def _field_mistakes(layers: Sequence[Layer]) -> Iterator[tuple[str, int]]:
    rows = _rows(layers)
    field, jump = receptive_field(rows)
    yield "the strides are ignored", receptive_field((k, 1, d) for k, _, d in rows)[0]
    yield "the dilations are ignored", receptive_field((k, t, 1) for k, t, _ in rows)[0]
    yield (
        "a dilated kernel is taken to span dilation · kernel pixels",
        receptive_field((d * k, t, 1) for k, t, d in rows)[0],
    )
    yield "each layer's own stride widens its own window", _own_stride(rows)
    yield "the layers are walked through from the last to the first", receptive_field(reversed(rows))[0]
    yield "each layer adds its whole kernel, not k − 1", receptive_field((k + 1, t, d) for k, t, d in rows)[0]
    yield "the kernels are added up", sum(k for k, _, _ in rows)
    if any(layer.pools for layer in layers):
        yield "the poolings are left out", receptive_field(_rows([one for one in layers if not one.pools]))[0]
        unpooled = (_rows([layer])[0] if not layer.pools else (layer.kernel_size[0], 1, 1) for layer in layers)
        yield "the poolings' strides are ignored", receptive_field(unpooled)[0]
    yield "the first pixel is not counted", field - 1
    yield "the pixels of the whole square are counted, not those of one side", field * field
    yield "the distance between neighbours is worked out, not the field", jump


def _jump_mistakes(layers: Sequence[Layer]) -> Iterator[tuple[str, int]]:
    rows = _rows(layers)
    field, jump = receptive_field(rows)
    yield "the strides are added up, not multiplied", sum(t for _, t, _ in rows)
    yield "the last layer's stride is left out", jump // rows[-1][1]
    yield "the dilations are multiplied in", prod(t * d for _, t, d in rows)
    if any(layer.pools for layer in layers):
        yield "the poolings' strides are ignored", prod(layer.stride[0] for layer in layers if not layer.pools)
    yield "the field is worked out, not the distance between neighbours", field


def _own_stride(rows: Sequence[Row]) -> int:
    field, jump = 1, 1
    for k, t, d in rows:
        jump *= t
        field += d * (k - 1) * jump
    return field


TOPIC = Topic("receptive-field", "receptive field of a stack", 3, make)

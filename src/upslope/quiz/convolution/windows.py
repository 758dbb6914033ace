"""How many places a window has along a side: the working, and what known mistakes give.

V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016, https://arxiv.org/abs/1603.07285,
relationships 6 and 14.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

from upslope.quiz.convolution.layers import Layer, Pair
from upslope.quiz.typed_number import shown


def window_working(layer: Layer, side: int, axis: int) -> tuple[str, ...]:
    """Line by line, ⌊(n + 2p − s) / t⌋ + 1 with the numbers put in."""
    k, t, p, d = _along(layer, axis)
    span = d * (k - 1) + 1
    room = side + 2 * p - span
    quotient = "⌈(n + 2p − s) / t⌉" if layer.ceil_mode else "⌊(n + 2p − s) / t⌋"
    lines = [f"out = {quotient} + 1, with padding p, stride t and a window of s places"]
    if d > 1:
        lines.append(f"s = d·(k − 1) + 1 = {d}·({k} − 1) + 1 = {span} places that the window spans")
    lines.append(f"n + 2p − s = {side} + 2·{p} − {span} = {room} places that it can move")
    steps, rest = divmod(room, t)
    lines.append(f"{room} / {t} = {shown(Fraction(room, t))}")
    if rest and layer.ceil_mode:
        begins, edge = (steps + 1) * t, side + p
        lines[-1] += f", rounded up {steps + 1}, if the last window does not begin beyond the map"
        inside = begins < edge
        steps += inside
        lines.append(f"it begins at {begins}, {'before' if inside else 'not before'} n + p = {edge}: {steps} steps")
    elif rest:
        lines[-1] += f", rounded down {steps}"
    lines.append(f"{steps} + 1 = {steps + 1} with the first position")
    return tuple(lines)


def window_mistakes(layer: Layer, sides: Pair, axis: int) -> Iterator[tuple[str, int | Fraction]]:
    """What other procedures give: a clause, and their answer."""
    side, answer = sides[axis], layer.side_after(sides[axis], axis)
    k, t, p, d = _along(layer, axis)
    room = side + 2 * p - d * (k - 1) - 1
    steps = Fraction(room, t)
    yield "the quotient is not rounded", steps + 1
    if layer.ceil_mode:
        yield "the quotient is rounded down in spite of ceil mode", floor(steps) + 1
        yield "the last window is counted though it begins beyond the map", ceil(steps) + 1
    else:
        yield "the quotient is rounded up, not down", ceil(steps) + 1
    yield "the first position is not counted", answer - 1
    if p:
        yield "the padding is put on one side only", _without_padding(layer, side + p, axis)
        yield "the padding is left out", _without_padding(layer, side, axis)
    if t > 1:
        usual = layer.pools and layer.stride == layer.kernel_size
        yield (
            "the default stride is taken to be 1, not the window's size" if usual else "the stride is left out",
            room + 1,
        )
    if d > 1:
        yield "the dilation is left out", replace(layer, dilation=(1, 1)).side_after(side, axis)
        yield "the window is taken to span dilation · kernel places", (side + 2 * p - d * k) // t + 1
    if layer.groups > 1:
        yield "the groups divide the places, not only the channels", answer // layer.groups
    if sides[0] != sides[1] or layer.kernel_size[0] != layer.kernel_size[1]:
        yield "the other side is worked out", layer.side_after(sides[1 - axis], 1 - axis)


def _along(layer: Layer, axis: int) -> tuple[int, int, int, int]:
    return layer.kernel_size[axis], layer.stride[axis], layer.padding[axis], layer.dilation[axis]


def _without_padding(layer: Layer, side: int, axis: int) -> int:
    return replace(layer, padding=(0, 0)).side_after(side, axis)

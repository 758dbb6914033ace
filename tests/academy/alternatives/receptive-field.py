"""From the last layer back to the first: how many places of each map one number needs."""

from collections.abc import Iterable


def receptive_field(layers: Iterable[tuple[int, int, int]], *, size: int = 1, jump: int = 1) -> tuple[int, int]:
    seen, apart = 1, 1
    for kernel, stride, dilation in reversed(list(layers)):
        seen = (seen - 1) * stride + dilation * (kernel - 1) + 1
        apart = apart * stride
    return size + (seen - 1) * jump, apart * jump

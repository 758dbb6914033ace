"""The maps of a network on one picture, layer by layer: a convolution and what follows it place by place are one."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from upslope.explain.trace import Call

MAPS = 16  # of a layer
ROWS = 26  # layers: beyond that they are picked evenly
_BEGINS = ("convolution", "pooling", "join", "sum", "scale", "block")


@dataclass
class Layer:
    """Some of the maps of a layer, those that vary most, in the layer's own order."""

    number: int  # among all layers, from 1 on
    title: str  # "convolution 3 x 3, batch norm, ReLU"
    module: str  # whose weights it has
    shape: tuple[int, ...]  # channels, height, width
    channels: list[int]
    maps: NDArray[np.float32]  # (shown, H, W)
    filters: NDArray[np.float32] | None  # (shown, C, k, k) of the first convolution
    calls: list[Call] = field(repr=False, default_factory=list)

    @property
    def most(self) -> float:
        """The largest number in the maps that are shown, without its sign."""
        return float(np.abs(self.maps).max(initial=0))


def rows_of(calls: Sequence[Call], *, grid: tuple[int, int] | None) -> list[list[Call]]:
    """The calls of each layer whose output has places: what begins one, and the norms and activations behind it."""
    blocks = any(call.kind == "block" for call in calls)
    rows: list[list[Call]] = []
    for call in calls:
        if blocks and call.kind not in ("block", "convolution"):
            continue  # inside of a Transformer's block there are tokens, and sums of all kinds
        if not (call.kind == "block" and grid) and not has_places(call):
            continue
        if call.kind in _BEGINS:
            rows.append([call])
        elif rows and call.kind in ("norm", "activation") and call.output.shape == rows[-1][-1].output.shape:
            rows[-1].append(call)
    return rows


def has_places(call: Call) -> bool:
    """Whether it gives maps of more than one place."""
    return call.output.ndim == 4 and call.output.shape[2] * call.output.shape[3] > 1


def layers(rows: Sequence[list[Call]], *, grid: tuple[int, int] | None) -> list[Layer]:
    """The layers as they are shown, at most ROWS of them: the first and the last always."""
    picked = sorted({round(n) for n in np.linspace(0, len(rows) - 1, min(ROWS, len(rows)))}) if rows else []
    return [_layer(number, rows[number], first=number == 0, grid=grid) for number in picked]


def _layer(number: int, calls: list[Call], *, first: bool, grid: tuple[int, int] | None) -> Layer:
    maps = maps_of(calls[-1], grid)
    channels = liveliest(maps, MAPS)
    weight = calls[0].settings.get("weight") if first else None
    filters = weight.detach().numpy()[channels] if weight is not None and weight.shape[1] in (1, 3) else None
    return Layer(number + 1, title(calls), module_of(calls[0]), maps.shape, channels, maps[channels], filters, calls)


def maps_of(call: Call, grid: tuple[int, int] | None) -> NDArray[np.float32]:
    """The maps of the first picture, (C, H, W); of tokens those of the patches."""
    from upslope.explain.grad_cam import tokens_to_maps

    output = tokens_to_maps(call.output, grid) if call.kind == "block" and grid else call.output
    return output[0].float().contiguous().numpy()


def liveliest(maps: NDArray[np.float32], most: int) -> list[int]:
    """The channels that vary most over the picture, in their own order."""
    order = np.argsort(-maps.reshape(len(maps), -1).std(axis=1), kind="stable")
    return sorted(int(channel) for channel in order[:most])


def title(calls: Sequence[Call]) -> str:
    """A layer in words."""
    first = calls[0]
    words = {
        "join": "maps of all branches, side by side",
        "sum": "sum with the skip connection",
        "scale": "scaled by squeeze-and-excitation",
    }.get(first.kind, first.name)
    if "kernel" in first.settings and not first.name.startswith("global"):
        words = f"{words} {' × '.join(map(str, first.settings['kernel']))}"
        words += f", stride {first.settings['stride'][0]}" if first.settings["stride"][0] > 1 else ""
        groups = first.settings.get("groups", 1)
        if groups > 1:
            words += ", depthwise" if groups == first.given.shape[1] else f", {groups} groups"
    return ", ".join([words, *(call.name for call in calls[1:])])


def module_of(call: Call) -> str:
    """The name of the module in the network itself."""
    return call.module.removeprefix("model.")

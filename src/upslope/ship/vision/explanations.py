"""Why this class: Grad-CAM, occlusion, integrated gradients and, for Transformers, attention rollout on one picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from upslope.explain.grad_cam import class_activation_map
from upslope.explain.integrated_gradients import completeness_error, integrated_gradients
from upslope.explain.occlusion import occlusion, spread
from upslope.explain.rollout import attention_rollout

STEPS = 64  # of integrated gradients, fewer where the pictures are large
LARGE = 96 * 96  # pixels, from which on less is computed

Map = NDArray[np.float32]


@dataclass(frozen=True)
class Explanation:
    """One method's maps, for each class in the order that was asked for; a single one where they are the same."""

    name: str
    what: str  # one sentence or two: what is drawn
    signed: bool  # numbers of both signs
    smooth: bool  # drawn smoothly, though the map has few places
    maps: tuple[Map, ...]
    said: tuple[str, ...]  # one sentence on each map
    numbers: tuple[dict[str, Any], ...]  # for a program


def explain(
    model: nn.Module,
    x: Tensor,
    classes: Sequence[int],
    names: Sequence[str],
    *,
    layer: nn.Module,
    grid: tuple[int, int] | None,
    fill: Sequence[float],
) -> list[Explanation]:
    """Each method for each of these classes, on one picture (1, C, H, W) in [0, 1]; `fill` is what covers a part."""
    found = [_cam(model, x, classes, names, layer, grid), _covered(model, x, classes, names, fill)]
    found.append(_integrated(model, x, classes, names))
    if grid is not None:
        found.append(_rolled(model, x, grid))
    return found


def _cam(
    model: nn.Module,
    x: Tensor,
    classes: Sequence[int],
    names: Sequence[str],
    layer: nn.Module,
    grid: tuple[int, int] | None,
) -> Explanation:
    maps = class_activation_map(
        model, x.repeat(len(classes), 1, 1, 1), torch.tensor(classes), layer=layer, grid=grid
    ).numpy()
    size = " × ".join(map(str, maps.shape[1:]))
    where = "tokens of the last block, without the class token" if grid else "last feature maps"
    said = [
        f"The map has {size} places." if each.any() else f"Nothing in these maps speaks for “{name}”."
        for each, name in zip(maps, names, strict=True)
    ]
    what = (
        f"The {where}, each weighted by how much it raises the logit of the class. What speaks against it is not drawn."
    )
    numbers: tuple[dict[str, Any], ...] = tuple({"map": _rounded(each)} for each in maps)
    return Explanation("Grad-CAM", what, False, True, tuple(maps), tuple(said), numbers)


def _covered(
    model: nn.Module, x: Tensor, classes: Sequence[int], names: Sequence[str], fill: Sequence[float]
) -> Explanation:
    side = min(x.shape[-2:])
    window, stride = max(1, round(side / 4)), max(1, round(side / 14))
    value = torch.tensor(fill, dtype=x.dtype).reshape(-1, 1, 1)
    lost = occlusion(lambda pictures: model(pictures).softmax(dim=1), x[0], window=window, stride=stride, value=value)
    with torch.no_grad():
        whole = model(x).softmax(dim=1)[0]
    maps, said, numbers = [], [], []
    for number, name in zip(classes, names, strict=True):
        each = lost[..., number]
        maps.append(spread(each, (x.shape[-2], x.shape[-1]), window=window, stride=stride).numpy())
        least, most = float(whole[number] - each.max()), float(whole[number] - each.min())
        said.append(
            f"The probability of “{name}” is {_percent(float(whole[number]))}; with a part covered it lies between "
            f"{_percent(least)} and {_percent(most)}."
        )
        numbers.append({"least": round(least, 6), "most": round(most, 6), "map": _rounded(each.numpy())})
    what = (
        f"A square of {window} × {window} pixels in the training data's mean colour covers one part after the other. "
        "Orange: covered here, the probability of the class falls; blue: it rises."
    )
    return Explanation("Occlusion", what, True, False, tuple(maps), tuple(said), tuple(numbers))


def _integrated(model: nn.Module, x: Tensor, classes: Sequence[int], names: Sequence[str]) -> Explanation:
    steps = STEPS if x.shape[-1] * x.shape[-2] <= LARGE else STEPS // 4
    baseline = torch.zeros_like(x[0])
    maps, said, numbers = [], [], []
    for number, name in zip(classes, names, strict=True):

        def score(points: Tensor, number: int = number) -> Tensor:
            return model(points)[:, number]  # type: ignore[no-any-return]

        each = integrated_gradients(score, x[0], baseline=baseline, steps=steps)
        error = completeness_error(each, score, x[0], baseline=baseline)
        total = float(each.double().sum())
        maps.append(each.sum(dim=0).numpy())
        said.append(
            f"The pixels sum to {_sign(total)}; from the empty picture to this one the logit of “{name}” changes by "
            f"{_sign(total - error)}: completeness error {abs(error):.3f}."
        )
        numbers.append({"sum": round(total, 6), "difference": round(total - error, 6), "error": round(error, 6)})
    what = (
        f"What each pixel adds to the logit on the way from an empty picture (every pixel 0) to this one, in {steps} "
        "steps. Orange adds, blue takes away."
    )
    return Explanation("Integrated gradients", what, True, False, tuple(maps), tuple(said), tuple(numbers))


def _rolled(model: nn.Module, x: Tensor, grid: tuple[int, int]) -> Explanation:
    found = attention_rollout(model, x, grid=grid)[0].numpy()
    what = (
        "From which patches the class token has taken, through all layers and skip connections. It is the same for "
        "every class."
    )
    own = 1 - float(found.sum())
    said = f"{grid[0]} × {grid[1]} patches; {_percent(own)} of the class token is its own."
    return Explanation("Attention rollout", what, False, False, (found,), (said,), ({"map": _rounded(found)},))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _sign(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _rounded(values: Map) -> list[list[float]]:
    return [[round(float(value), 6) for value in row] for row in values]

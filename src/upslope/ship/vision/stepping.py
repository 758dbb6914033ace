"""One convolution and one pooling as the page's script steps through them: numbers in, weights, numbers out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.explain.trace import Call
from upslope.runs.errors import RunProblem
from upslope.ship.vision.drawings import packed
from upslope.ship.vision.layers import has_places, liveliest, module_of, title

_FILTERS = 12
_MOST = 250_000  # numbers that come in or go out; the largest of them are 1 MB of the page


def convolutions(rows: Sequence[list[Call]]) -> list[list[Call]]:
    """The layers that are convolutions, in order: those that --layer counts."""
    return [row for row in rows if row[0].kind == "convolution"]


def convolution(rows: Sequence[list[Call]], layer: int | None, name: str) -> dict[str, Any] | None:
    """The first convolution, or the one that a person asked for, from 1 on; None where there is none."""
    found = convolutions(rows)
    if layer is not None and not 1 <= layer <= len(found):
        raise RunProblem(f"--layer {layer} is not one of the {len(found)} convolutions that {name} has")
    if not found:
        return None
    number = (layer or 1) - 1
    call = found[number][0]
    given, output = _first(call.given), _first(call.output)
    if given.size > _MOST:
        if layer is not None:
            raise RunProblem(
                f"--layer {layer} takes {given.size:,} numbers, too many for a page: take a layer further on"
            )
        return None
    weight = call.settings["weight"].detach().float().numpy()
    bias = call.settings["bias"]
    shown = liveliest(output, max(1, min(_FILTERS, _MOST // output[0].size)))
    return {
        "number": number + 1,
        "of": len(found),
        "title": title(found[number][:1]),
        "module": module_of(call),
        "then": [each.name for each in found[number][1:]],
        "picture": number == 0,
        **_window(call),
        "groups": call.settings["groups"],
        "given": list(given.shape),
        "numbers": packed(given),
        "output": list(output.shape),
        "channels": shown,
        "weights": packed(weight[shown]),
        "inputs": weight.shape[1],
        "biases": [0.0 if bias is None else float(bias[channel]) for channel in shown],
        "biased": bias is not None,
        "results": packed(output[shown]),
        "start": _start(output[shown[0]]),
    }


def pooling(rows: Sequence[list[Call]], calls: Sequence[Call]) -> dict[str, Any] | None:
    """The first pooling over windows, or else the last one over whole maps; None where there is none."""
    windows = [row[0] for row in rows if row[0].kind == "pooling"]
    whole = [call for call in calls if call.kind == "pooling" and call.settings and not has_places(call)]
    whole = [call for call in whole if call.given.ndim == 4]
    if not windows and not whole:
        return None
    call = windows[0] if windows else whole[-1]
    given, output = _first(call.given), _first(call.output)
    output = output.reshape(len(output), *(output.shape[1:] or (1, 1)))
    shown = liveliest(given, max(1, min(_FILTERS, _MOST // given[0].size)))
    return {
        "title": title([call]),
        "how": call.settings["how"],
        **_window(call),
        "given": [len(shown), *given.shape[1:]],
        "numbers": packed(given[shown]),
        "output": list(output.shape),
        "channels": shown,
        "results": packed(output[shown]),
        "start": _start(output[shown[0]]),
    }


def _window(call: Call) -> dict[str, Any]:
    return {name: list(call.settings[name]) for name in ("kernel", "stride", "padding", "dilation")}


def _first(tensor: Any) -> NDArray[np.float32]:
    return np.asarray(tensor[0].float().contiguous().numpy(), dtype=np.float32)


def _start(output: NDArray[np.float32]) -> list[int]:
    """Where to begin: the place with the largest number."""
    row, column = np.unravel_index(int(output.argmax()), output.shape)
    return [int(row), int(column)]

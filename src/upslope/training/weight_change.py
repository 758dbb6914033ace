"""How far training moved each weight from where it started: 0 for a layer that learned nothing."""

from torch import Tensor, nn


def relative_change(model: nn.Module, start: dict[str, Tensor]) -> dict[str, float]:
    """By parameter, the length of the way from `start` in parts of the start's own length (of 0.001, if shorter)."""
    return {
        name: float((parameter.detach() - start[name]).norm() / start[name].norm().clamp(min=1e-3))
        for name, parameter in model.named_parameters()
    }

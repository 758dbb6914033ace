"""How far training moved each weight from where it started: 0 for a layer that learned nothing."""

from torch import Tensor, nn


def relative_change(model: nn.Module, start: dict[str, Tensor]) -> dict[str, float]:
    """By parameter, the norm of the change over the norm of `start` (or over 0.001, if that is larger)."""
    return {
        name: float((parameter.detach() - start[name]).norm() / start[name].norm().clamp(min=1e-3))
        for name, parameter in model.named_parameters()
    }

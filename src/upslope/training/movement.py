"""How far training took each weight from where it started, and freezing on purpose: what is frozen stands still."""

from torch import Tensor, nn


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter as it is now."""
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def moved(model: nn.Module, start: dict[str, Tensor]) -> dict[str, float]:
    """By parameter, the length of the way from `start` in parts of the start's own length (of 0.001, if shorter)."""
    return {
        name: float((parameter.detach() - start[name]).norm() / start[name].norm().clamp(min=1e-3))
        for name, parameter in model.named_parameters()
    }


def first_filters(model: nn.Module) -> str:
    """The name of the convolution's weights that look at the pixels."""
    return next(name for name, parameter in model.named_parameters() if parameter.ndim == 4)


def freeze_all_but_last(model: nn.Module) -> None:
    """Leave everything but the last linear layer as it was drawn: an ablation of learned features."""
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    model.requires_grad_(False)
    layers[-1].requires_grad_(True)

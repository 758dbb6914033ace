"""PyTorch's state as a run keeps it: arrays and plain values, nothing that could run code when it is loaded."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class StateArrays:
    """A module or an optimizer, as `run.register` takes it."""

    def __init__(self, thing: nn.Module | torch.optim.Optimizer) -> None:
        self._thing = thing

    def state_dict(self) -> Any:
        """The thing's state with NumPy arrays in the place of tensors."""
        return _to_numpy(self._thing.state_dict())

    def load_state_dict(self, state: Any, /) -> None:
        """The inverse of `state_dict`."""
        if isinstance(self._thing, nn.Module):
            self._thing.load_state_dict(_to_torch(state))
            return
        # JSON has no whole numbers as keys, and PyTorch names parameters by them.
        numbered = {int(key): value for key, value in _to_torch(state["state"]).items()}
        self._thing.load_state_dict({**_to_torch(state), "state": numbered})
        self._lay_out_as_parameters(self._thing)

    @staticmethod
    def _lay_out_as_parameters(optimizer: torch.optim.Optimizer) -> None:
        """Moments lie in memory as their parameters do (channels last, say): sums in another order are other bits."""
        for parameter, state in optimizer.state.items():
            for name, value in state.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    state[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def arrays(module: nn.Module) -> dict[str, np.ndarray[Any, Any]]:
    """A module's state dict as arrays, for `run.save_model`."""
    found: dict[str, np.ndarray[Any, Any]] = _to_numpy(module.state_dict())
    return found


def _to_numpy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy().copy()
    if isinstance(value, dict):
        return {key: _to_numpy(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_to_numpy(part) for part in value]
    return value


def _to_torch(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.array(value, order="C"))
    if isinstance(value, dict):
        return {key: _to_torch(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_to_torch(part) for part in value]
    return value

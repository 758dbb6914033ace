"""PyTorch's process-wide settings: the random generators, and what an answer must not leave changed.

An answer that leaves gradients disabled, the default dtype changed or a hook on every module breaks unrelated code. So
each check starts from PyTorch's defaults, and after it the examinee looks for what was left changed. PyTorch is not
imported here; where nothing has loaded it there is nothing to check.
"""

import builtins
import sys
from collections.abc import Callable
from typing import Any

# The functions below keep the builtins of this moment, whatever the learner's code does to the module later.
globals()["__builtins__"] = dict(vars(builtins))

_HOOKS = (
    "forward_pre_hooks",
    "forward_hooks",
    "backward_pre_hooks",
    "backward_hooks",
    "buffer_registration_hooks",
    "module_registration_hooks",
    "parameter_registration_hooks",
)
_SMALLEST = 5e-324


class Settings:
    """PyTorch's settings, read by functions that are taken now; so make it before the learner's code is loaded."""

    def __init__(self) -> None:
        torch: Any = sys.modules.get("torch")
        self._seed: Callable[[int], object] | None = None
        self._read: list[tuple[str, Callable[[], Any], Any]] = []
        if torch is None or not hasattr(torch, "nn"):
            return
        self._seed, self._reset = torch.manual_seed, _resetting(torch)
        self._read = [(what, read, read()) for what, read in _readings(torch)]
        self._first = torch.initial_seed

    def begin(self, seed: int) -> None:
        """Everything as PyTorch begins, the random numbers at `seed`."""
        if self._seed is not None:
            for reset in self._reset:
                reset()
            self._seed(seed)
            self._expected = self._first()

    def left(self) -> str | None:
        """What is not as it was, in words that complete "the answer leaves ... behind"; None if all is."""
        if self._seed is None:
            return None
        for what, read, before in self._read:
            now = read()
            if now != before:
                return f"{what} ({now})" if isinstance(now, str | int) and not isinstance(now, bool) else what
        return None if self._first() == self._expected else "another random seed"


def _readings(torch: Any) -> list[tuple[str, Callable[[], Any]]]:
    """What is looked at: the words for it when it has changed, and how to read it."""
    core, get_dtype = torch._C, torch.get_default_dtype
    found: list[tuple[str, Callable[[], Any]]] = [
        ("gradients switched off", torch.is_grad_enabled),
        ("inference mode on", torch.is_inference_mode_enabled),
        ("another default dtype", lambda: str(get_dtype())),
        # A default device is a mode, too.
        ("a default device, or another mode of PyTorch,", lambda: core._len_torch_function_stack() > 0),
        ("a mode that changes what PyTorch computes", lambda: core._len_torch_dispatch_stack() > 0),
        ("another number of threads", torch.get_num_threads),
        ("deterministic algorithms switched on", torch.are_deterministic_algorithms_enabled),
        ("anomaly detection on", torch.is_anomaly_enabled),
        ("autocast on", core._is_any_autocast_enabled),
        ("another precision of matrix products", torch.get_float32_matmul_precision),
        ("the smallest numbers rounded to 0", lambda: _SMALLEST * 1.0 == 0.0),
        ("a hook on saved tensors", lambda: core._autograd._top_saved_tensors_default_hooks(True) is not None),
    ]
    tables = [vars(torch.nn.modules.module)[f"_global_{name}"] for name in _HOOKS]
    optimizers = sys.modules.get("torch.optim.optimizer")
    if optimizers is not None:
        tables += [vars(optimizers)[f"_global_optimizer_{when}_hooks"] for when in ("pre", "post")]
    found.append(("a hook on every module or optimizer", lambda: [list(table) for table in tables]))
    return found


def _resetting(torch: Any) -> list[Callable[[], object]]:
    """What brings back the settings that carry over from one trusted check to the next."""
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    set_threads, get_threads, set_dtype, set_grad = (
        torch.set_num_threads,
        torch.get_num_threads,
        torch.set_default_dtype,
        torch._C._set_grad_enabled,
    )
    return [
        lambda: set_dtype(dtype),
        lambda: set_grad(True),
        lambda: None if get_threads() == threads else set_threads(threads),
    ]


def settle() -> None:
    """Let PyTorch change now what it changes in itself at first use, so that a change later is somebody else's."""
    optimizers: Any = sys.modules.get("torch.optim.optimizer")
    if optimizers is None:
        return
    kinds = [optimizers.Optimizer]
    for kind in kinds:
        kinds += type.__subclasses__(kind)
        if kind is not optimizers.Optimizer and "step" in vars(kind):
            kind._patch_step_function(kind.__new__(kind))

"""A part of a network that is trained before the run's own steps, and never changed again.

    frozen(run, "text", model.text, lambda bar: learn(model.text, bar), steps=400)

It is kept in the run's folder as soon as it is trained, so that a run that was killed later goes on with the same part;
one that was killed in between trains it again, from its first step.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import nn

from upslope.runs.checkpoint import pack, unpack
from upslope.runs.files import write_atomically
from upslope.runs.progress import Bar
from upslope.runs.run import Run
from upslope.training.config import use_threads
from upslope.training.state import arrays


def frozen(run: Run[Any], name: str, module: nn.Module, learn: Callable[[Bar], None], *, steps: int) -> None:
    """Train `module` by `learn`, or read it from the run's folder; then it is in evaluation and gets no gradients."""
    path = run.folder / f"{name.replace(' ', '_')}.safetensors"
    module.eval().requires_grad_(False)
    if path.is_file():
        with suppress(Exception):  # a damaged file is trained again
            module.load_state_dict({key: torch.tensor(value) for key, value in unpack(path.read_bytes()).items()})
            return
    use_threads(run.config)
    module.requires_grad_(True)
    with run.progress(steps, f"training the {name}") as bar:
        learn(bar)
    module.eval().requires_grad_(False)
    write_atomically(path, pack(arrays(module)))

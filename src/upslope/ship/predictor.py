"""Loading a trained model: from a run, a lab's newest finished run, or one exported file.

All of them become the pipeline of their task. An ONNX file is run by onnxruntime, and PyTorch is not imported for it.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from upslope.cards import discover
from upslope.runs.errors import RunProblem
from upslope.runs.model_spec import ModelSpec, has_spec, read_spec
from upslope.runs.result import read_result
from upslope.runs.run_dir import find_run, list_runs
from upslope.runs.workspace import runs_folder, short
from upslope.ship import formats
from upslope.ship.pipelines.pipeline import Arrays, LoadedModel, Pipeline, pipeline_of
from upslope.spelling import distance, nearest


def load(word: str) -> Pipeline:
    """The model that a person means: an exported file, a run by name or folder, or a lab's newest finished run."""
    path = Path(word).expanduser()
    network = from_file(path) if path.is_file() else of_run(run_folder(word))
    return pipeline_of(network.spec.task)(network)


def of_run(folder: Path) -> LoadedModel:
    """The model of a finished run."""
    spec = spec_of(folder)
    module = eager(folder, spec)
    return LoadedModel(folder.name, spec, in_torch(module, spec), module)


def run_folder(word: str) -> Path:
    """The folder of a finished run, given by name or path, or by its lab's name: then the newest one."""
    labs = discover("labs")
    if word in labs:
        finished = [run for run in list_runs() if run.lab == word and run.result is not None]
        if not finished:
            raise RunProblem(f"no run of {word} is finished yet: upslope lab {word}")
        return finished[0].folder
    try:
        folder = find_run(word)
    except RunProblem as problem:
        raise RunProblem(_not_there(word, list(labs)) or str(problem)) from None
    if read_result(folder) is None:
        running = any(run.name == folder.name and run.state == "running" for run in list_runs(folder.parent))
        goes_on = "wait for it" if running else f"upslope lab --resume {folder.name} goes on with it"
        raise RunProblem(f"{folder.name} is not finished: {goes_on}")
    return folder


def spec_of(folder: Path) -> ModelSpec:
    """What a finished run trained; RunProblem, and which run to take instead, where it saved no model."""
    if has_spec(folder):
        return read_spec(folder)
    others = [run.name for run in list_runs() if run.result is not None and has_spec(run.folder)]
    instead = f"{others[0]} did" if others else "labs on PyTorch do: upslope lab mnist"
    raise RunProblem(f"{folder.name} saved no model; {instead}")


def _not_there(word: str, labs: list[str]) -> str:
    """What a person may have meant by a word that is no run, in a sentence; or ""."""
    path = Path(word).expanduser()
    if path.exists() or (runs_folder() / word).exists():
        return ""
    if path.suffix.removeprefix(".") in formats.FORMATS or os.sep in word:
        return f"{word} is not there: no such file or folder"
    # The number's digits are alike in all names, so the lab's name is compared alone.
    stem = re.sub(r"-?\d*$", "", word)
    for lab in nearest(stem, labs):
        runs = [run.name for run in list_runs() if run.lab == lab]
        if not runs:
            return f'there is no run "{word}", and none of {lab} yet: upslope lab {lab}'
        near = min(runs, key=lambda run: distance(word, run))
        return f'there is no run "{word}"; did you mean {near}? (upslope runs lists them)'
    return ""


def eager(folder: Path, spec: ModelSpec) -> Any:
    """The model of a run as a PyTorch module in evaluation mode, with its weights."""
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise RunProblem(f"{folder.name} has lost its model.safetensors: {_instead(folder)}")
    try:
        return formats.built(spec, formats.read_weights(weights))
    except RunProblem as problem:
        raise RunProblem(f"{problem}; {_instead(folder)}") from None


def _instead(folder: Path) -> str:
    """What to type where a run's weights are gone or damaged."""
    result = read_result(folder)
    assert result is not None
    others = [run for run in list_runs(folder.parent) if run.lab == result.lab and run.folder.name != folder.name]
    whole = (run.name for run in others if run.result is not None and (run.folder / "model.safetensors").is_file())
    words = ["upslope lab", result.lab, *result.settings]
    words += ["--preset", result.preset] if result.preset != "laptop" else []
    train = f"{' '.join(words)} trains it again"
    return f"{other} has weights, and {train}" if (other := next(whole, "")) else train


def from_file(path: Path) -> LoadedModel:
    """The model in an exported file."""
    kind = path.suffix.removeprefix(".")
    if kind not in formats.FORMATS:
        known = ", ".join(f".{name}" for name in formats.FORMATS)
        raise RunProblem(f"{short(path)} is not an exported model: their names end in {known}")
    if kind == "onnx":
        spec, forward = formats.read_onnx(path)
        return LoadedModel(path.name, spec, forward)
    spec, module = formats.read_safetensors(path) if kind == "safetensors" else formats.read_pt2(path)
    return LoadedModel(path.name, spec, in_torch(module, spec), module)


def in_torch(module: Any, spec: ModelSpec, *, together: int = 256) -> Callable[[Arrays], Arrays]:
    """A PyTorch module as a function of arrays, at most so many samples at a time."""
    import torch
    from torch.utils import _pytree as pytree

    def forward(inputs: Arrays) -> Arrays:
        size = len(next(iter(inputs.values())))
        parts = []
        for first in range(0, size, together):
            some = slice(first, first + together)
            piece = [torch.from_numpy(np.array(inputs[name][some], order="C")) for name in spec.inputs]
            with torch.no_grad():
                parts.append([leaf.numpy() for leaf in pytree.tree_leaves(module(*piece))])
        columns = zip(*parts, strict=True)
        return {name: np.concatenate(column) for name, column in zip(spec.outputs, columns, strict=True)}

    return forward

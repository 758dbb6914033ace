"""Checkpoints: the tensors and the state from which an interrupted run goes on, as safetensors and JSON.

    checkpoint/00000120.safetensors    arrays: weights, the optimizer's moments, the order of this epoch's samples
    checkpoint/00000120.json           numbers: step, random state, length of metrics.jsonl, sha256 of the arrays

The arrays are written first; the JSON file, which names their hash, makes the checkpoint exist. The last two are kept:
when one is damaged, the one before it serves. Neither format can run code when it is loaded.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from upslope.runs.errors import RunProblem
from upslope.runs.files import make_folder, sync_folder, write_atomically, write_json, writing

KEEP = 2
Tensors = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Checkpoint:
    """A moment of a run."""

    step: int
    tensors: Tensors
    state: dict[str, Any]  # JSON: numbers, strings, lists, dicts
    metrics_length: int  # bytes of metrics.jsonl at that moment
    seconds: float  # of work so far, all sessions together
    training_seconds: float  # of those, inside the training loop


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; only when it is whole, older ones go."""
    make_folder(folder)
    name = f"{checkpoint.step:08d}"
    packed = pack(checkpoint.tensors)
    write_atomically(folder / f"{name}.safetensors", packed)
    content = {
        "step": checkpoint.step,
        "metrics_length": checkpoint.metrics_length,
        "seconds": checkpoint.seconds,
        "training_seconds": checkpoint.training_seconds,
        "tensors_sha256": hashlib.sha256(packed).hexdigest(),
        "state": checkpoint.state,
    }
    write_json(folder / f"{name}.json", {**content, "sha256": _digest(content)})
    with writing(folder):
        for old in _names(folder)[KEEP:]:
            (folder / f"{old}.json").unlink(missing_ok=True)
            (folder / f"{old}.safetensors").unlink(missing_ok=True)
        sync_folder(folder)


def load_checkpoint(folder: Path, *, metrics_length: int) -> tuple[Checkpoint | None, list[str]]:
    """The newest whole checkpoint, or None, and a sentence for each damaged one that was passed over.

    `metrics_length` is how long metrics.jsonl is now: a checkpoint that speaks of more lines does not belong to it.
    """
    said: list[str] = []
    for name in _names(folder):
        try:
            checkpoint = _load(folder, name)
            if checkpoint.metrics_length > metrics_length:
                raise RunProblem(f"metrics.jsonl holds {metrics_length} of its {checkpoint.metrics_length} bytes")
            return checkpoint, said
        except RunProblem as problem:
            said.append(f"checkpoint {int(name)} of {folder.parent.name} is damaged ({problem}): not used")
            with writing(folder):  # set aside, so that it is not counted among the last two
                (folder / f"{name}.json").replace(folder / f"{name}.json.damaged")
    return None, said


def last_checkpoint(folder: Path) -> int | None:
    """The step from which an interrupted run goes on; None where nothing is saved."""
    return next((int(name) for name in _names(folder)), None)


def remove_checkpoints(folder: Path) -> None:
    """A finished run needs none."""
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()


def pack(tensors: Tensors) -> bytes:
    """Arrays as the bytes of a safetensors file."""
    return safetensors.numpy.save({name: np.array(value, order="C") for name, value in tensors.items()})


def unpack(packed: bytes) -> Tensors:
    """The arrays in the bytes of a safetensors file."""
    try:
        return {name: np.array(value) for name, value in safetensors.numpy.load(packed).items()}
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise RunProblem(f"not a whole safetensors file: {error}") from None


def _load(folder: Path, name: str) -> Checkpoint:
    try:
        content = json.loads((folder / f"{name}.json").read_bytes())
        expected = content.pop("sha256")
        if _digest(content) != expected:
            raise RunProblem(f"{name}.json was changed")
        packed = (folder / f"{name}.safetensors").read_bytes()
        if hashlib.sha256(packed).hexdigest() != content["tensors_sha256"]:
            raise RunProblem(f"{name}.safetensors does not have the sha256 that {name}.json names")
        return Checkpoint(
            step=content["step"],
            tensors=unpack(packed),
            state=content["state"],
            metrics_length=content["metrics_length"],
            seconds=content["seconds"],
            training_seconds=content["training_seconds"],
        )
    except OSError as error:
        raise RunProblem(f"{name}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RunProblem(f"{name}.json is not whole") from None


def _names(folder: Path) -> list[str]:
    """The checkpoints in the folder, newest first."""
    return sorted((path.stem for path in folder.glob("*.json") if path.stem.isdigit()), key=int, reverse=True)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

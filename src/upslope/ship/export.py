"""Exporting a run's model to one file, compared with the original on real samples before it is called done."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from upslope.runs.errors import Problem, RunProblem
from upslope.runs.files import make_folder, write_atomically, writing
from upslope.runs.result import Result, read_result
from upslope.runs.workspace import short
from upslope.ship import formats
from upslope.ship.card import model_card
from upslope.ship.pipelines.pipeline import Arrays, pipeline_of
from upslope.ship.predictor import from_file, of_run

CLOSE = 1e-4  # the most by which an output may differ
BATCHES = (1, 7, 64)


class NotEqual(Problem):
    """An exported file that does not give what the model gives."""


@dataclass(frozen=True)
class Exported:
    """One exported file, and what the comparison said."""

    path: Path
    card: Path
    size: int  # bytes
    samples: int
    source: str  # of the samples: "test pictures of mnist", "generated pictures like those of mnist"
    example: str  # what `upslope predict` is given with it
    difference: float  # the largest of an output, as a share of the largest output where that is above 1


def export(
    folder: Path, kind: str, *, out: Path | None = None, force: bool = False, say: Callable[[str], None] = print
) -> Exported:
    """Write the model of a finished run to a file of this format, with its model card beside it.

    `out` is the file, or a folder for it: one that is there, or a name without an ending.
    """
    result = finished(folder)
    pipeline = pipeline_of((network := of_run(folder)).spec.task)(network)
    path = target(folder, kind, out=out, force=force)
    card = path.with_name(f"{path.name}.md")
    beside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        say(f"writing {kind}")
        with writing(path):
            formats.WRITERS[kind](network.module, network.spec, beside)
        say("comparing")
        inputs, source = pipeline.samples(max(BATCHES))
        count = len(next(iter(inputs.values())))
        difference = compare(network.forward, from_file(beside).forward, inputs)
        told = f"Compared with the run on {count} {source}: {in_words(difference)}."
        card_text = model_card(path.name, pipeline, result, compared=told)
        write_atomically(card, card_text.encode())  # no model without a card
        with writing(path):
            os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return Exported(path, card, path.stat().st_size, count, source, pipeline.example_for(pipeline.spec), difference)


def finished(folder: Path) -> Result:
    """The result of a run; RunProblem where it is not finished."""
    result = read_result(folder)
    if result is None:
        raise RunProblem(f"{folder.name} is not finished: upslope lab --resume {folder.name} goes on with it")
    return result


def target(folder: Path, ending: str, *, out: Path | None, force: bool) -> Path:
    """The file to write, in a folder that is there. The last part of `ending` tells the format later."""
    path = out or Path(f"{folder.name}.{ending}")
    if path.is_dir() or not path.suffix:
        path = path / f"{folder.name}.{ending}"
    kind = ending.rpartition(".")[2]
    if path.suffix != f".{kind}":
        raise RunProblem(f"{path.name} does not end in .{kind}, which tells the format later")
    if path.exists() and not force:
        raise RunProblem(f"{short(path)} exists already: --force overwrites it, --out names another file")
    make_folder(path.parent)
    return path


def compare(original: Callable[[Arrays], Arrays], exported: Callable[[Arrays], Arrays], inputs: Arrays) -> float:
    """The largest difference of an output, for batches of several sizes; NotEqual if it is more than CLOSE."""
    largest = 0.0
    for size in BATCHES:
        batch = {name: array[:size] for name, array in inputs.items()}
        expected, got = original(batch), exported(batch)
        for name, array in expected.items():
            if got[name].shape != array.shape:
                raise NotEqual(
                    f"the exported model gives {name} of shape {got[name].shape} for {size} samples, the original "
                    f"{array.shape}"
                )
            if array.size:
                scale = max(1.0, float(np.abs(array).max()))
                largest = float(np.maximum(largest, np.abs(got[name] - array).max() / scale))  # nan stays nan
    if not largest <= CLOSE:
        raise NotEqual(f"the exported model's outputs differ from the original's by {largest:.2g}: nothing is written")
    return largest


def in_words(difference: float) -> str:
    """The largest difference of an output, for a person."""
    return f"outputs differ by {difference:.1g} at most" if difference else "the outputs are the same"

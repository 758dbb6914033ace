"""Exporting a run's network to one file, compared with the original on real samples before it is called done."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from upslope.cards import discover
from upslope.data.loading.arrays import Arrays
from upslope.data.loading.fetch import have
from upslope.runs.files import make_folder, write_atomically, writing
from upslope.runs.network import Network
from upslope.runs.problem import Problem, RunProblem
from upslope.runs.result import read_result
from upslope.runs.workspace import short
from upslope.ship import formats
from upslope.ship.card import model_card
from upslope.ship.load import Pictures, eager, from_file, in_torch, looks_like, network_of

CLOSE = 1e-4  # the most by which a score may differ
BATCHES = (1, 7, 64)


class NotEqual(Problem):
    """An exported file that does not say what the network says."""


@dataclass(frozen=True)
class Exported:
    """One exported file, and what the comparison said."""

    path: Path
    card: Path
    size: int  # bytes
    samples: int
    source: str  # of the samples: "test images of mnist", "generated images like those of mnist"
    difference: float  # the largest of a score


def export(
    folder: Path, kind: str, *, out: Path | None = None, force: bool = False, say: Callable[[str], None] = print
) -> Exported:
    """Write the network of a finished run to a file of this format, with its model card beside it.

    `out` is the file, or a folder for it: one that is there, or a name without an ending.
    """
    result = read_result(folder)
    if result is None:
        raise RunProblem(f"{folder.name} is not finished: upslope lab --resume {folder.name} goes on with it")
    network = network_of(folder)
    path = out or Path(f"{folder.name}.{kind}")
    if path.is_dir() or not path.suffix:
        path = path / f"{folder.name}.{kind}"
    if path.suffix != f".{kind}":
        raise RunProblem(f"{path.name} does not end in .{kind}, by which the format is known later")
    if path.exists() and not force:
        raise RunProblem(f"{short(path)} is there already: --force writes over it, --out names another file")
    module = eager(folder, network)
    make_folder(path.parent)
    card = path.with_name(f"{path.name}.md")
    beside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        say(f"writing {kind}")
        with writing(path):
            formats.WRITERS[kind](module, network, beside)
        say("comparing")
        pictures, source = samples(network)
        difference = compare(in_torch(module), from_file(beside).scores, pictures)
        told = f"Compared with the run on {len(pictures)} {source}: {in_words(difference)}."
        card_text = model_card(path.name, network, result, module, compared=told)
        write_atomically(card, card_text.encode())  # no network without a card
        with writing(path):
            os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return Exported(path, card, path.stat().st_size, len(pictures), source, difference)


def compare(original: Callable[[Pictures], Pictures], exported: Callable[[Pictures], Pictures], x: Pictures) -> float:
    """The largest difference of a score, for batches of several sizes; NotEqual if it is more than CLOSE."""
    largest = 0.0
    for size in BATCHES:
        expected, got = original(x[:size]), exported(x[:size])
        if got.shape != expected.shape:
            raise NotEqual(f"the exported network gives {got.shape} for {size} pictures, the original {expected.shape}")
        largest = float(np.maximum(largest, np.abs(got - expected).max()))  # nan stays nan
    if not largest <= CLOSE:
        raise NotEqual(f"the exported network's scores differ from the original's by {largest:.2g}: nothing is written")
    return largest


def in_words(difference: float) -> str:
    """The largest difference of a score, for a person."""
    return f"scores differ by {difference:.1g} at most" if difference else "the scores are the same"


def samples(network: Network) -> tuple[Pictures, str]:
    """Pictures that the network knows how to read: test images where they are here, else generated ones."""
    card = looks_like(network)
    count = max(BATCHES)
    if card is None:
        rng = np.random.default_rng(0)
        return rng.random((count, *network.shape), dtype=np.float32), "random pixels"
    module = discover("data")[card.name].load()
    if card.name == network.data and (not card.files or have(card)):
        data: Arrays = module.load("test").take(slice(count))
        said = f"test images of {card.name}"
    else:
        data = module.toy(rng=np.random.default_rng(0), count=count)
        said = f"generated images like those of {card.name}"
    return np.ascontiguousarray(np.broadcast_to(data.images[:, None], (len(data), *network.shape))), said

"""Trained networks, from wherever they lie: a run, a run's newest finished sibling, or one exported file.

All of them become a `Reader`: pictures with pixels in [0, 1] in, scores out. An ONNX file is run by onnxruntime, and
PyTorch is not imported for it.
"""

import difflib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.cards import DataCard, discover
from upslope.runs.folder import find_run, list_runs
from upslope.runs.network import FILE, Network, read_network
from upslope.runs.problem import RunProblem
from upslope.runs.result import read_result
from upslope.runs.workspace import short
from upslope.ship import formats

Pictures = NDArray[np.float32]  # (N, channels, height, width), in [0, 1]
Scores = NDArray[np.float32]  # (N, classes)


@dataclass(frozen=True)
class Reader:
    """A trained network, ready for pictures."""

    name: str  # as people call it: mnist-0001, mnist-0001.onnx
    network: Network
    scores: Callable[[Pictures], Scores]

    def probabilities(self, pictures: Pictures, *, batch_size: int = 256) -> Scores:
        """What the network believes of each picture, at most so many at a time; RunProblem where it is no number."""
        pieces = [self.scores(pictures[n : n + batch_size]) for n in range(0, len(pictures), batch_size)]
        scores = np.concatenate(pieces).astype(np.float64)
        if not np.isfinite(scores).all():
            raise RunProblem(f"{self.name} gives scores that are no numbers: its training diverged, train it again")
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: Scores = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
        return shares

    @property
    def prepared_as(self) -> str:
        """How any picture is made to look like those of the data set: a name in `upslope.image.prepare`."""
        card = looks_like(self.network)
        return (card.pictures if card is not None else "") or "photo"

    @property
    def learned_from(self) -> str:
        """The data set by its title, or what else the network was trained on."""
        found = discover("data").get(self.network.data)
        return found.card.title if found is not None and isinstance(found.card, DataCard) else "generated pictures"

    @property
    def warning(self) -> str:
        """One sentence where the network has never seen a real picture, or ""."""
        if self.network.data in discover("data"):
            return ""
        return f"{self.name} learned from generated pictures only: what it says of real ones means little"


def looks_like(network: Network) -> DataCard | None:
    """The data set whose pictures a network reads: its own, or for generated ones that with the same classes."""
    cards = {name: found.card for name, found in discover("data").items() if isinstance(found.card, DataCard)}
    if network.data in cards:
        return cards[network.data]
    alike = (c for c in cards.values() if c.classes == network.classes and c.shape == network.shape[-len(c.shape) :])
    return next(alike, None)


def load(word: str) -> Reader:
    """The network that a person means: an exported file, a run by name or folder, or a lab's newest finished run."""
    path = Path(word).expanduser()
    if path.is_file():
        return from_file(path)
    folder = run_folder(word)
    network = network_of(folder)
    return Reader(folder.name, network, in_torch(eager(folder, network)))


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


def network_of(folder: Path) -> Network:
    """What a finished run trained; RunProblem, and which run to take instead, where it keeps no network."""
    if (folder / FILE).exists():
        return read_network(folder)
    others = [run.name for run in list_runs() if run.result is not None and (run.folder / FILE).exists()]
    instead = f"{others[0]} does" if others else "labs on PyTorch keep theirs: upslope lab mnist"
    raise RunProblem(f"{folder.name} holds no network that can be built again; {instead}")


def _not_there(word: str, labs: list[str]) -> str:
    """What a person may have meant by a word that is no run, in a sentence; or ""."""
    path = Path(word).expanduser()
    if path.exists():
        return ""
    if path.suffix.removeprefix(".") in formats.FORMATS or os.sep in word:
        return f"{word} is not there: no such file or folder"
    # The number's digits are alike in all names, so the lab's name is compared alone.
    stem = re.sub(r"-?\d*$", "", word)
    for lab in difflib.get_close_matches(stem, labs, n=1, cutoff=0.5):
        runs = [run.name for run in list_runs() if run.lab == lab]
        if not runs:
            return f'there is no run "{word}", and none of {lab} yet: upslope lab {lab}'
        (near,) = difflib.get_close_matches(word, runs, n=1, cutoff=0)
        return f'there is no run "{word}"; did you mean {near}? (upslope runs lists them)'
    return ""


def eager(folder: Path, network: Network) -> Any:
    """The network of a run as a PyTorch module in evaluation mode, with its weights."""
    return formats.built(network, formats.read_weights(folder / "model.safetensors"))


def from_file(path: Path) -> Reader:
    """The network in an exported file."""
    kind = path.suffix.removeprefix(".")
    if kind not in formats.FORMATS:
        known = ", ".join(f".{name}" for name in formats.FORMATS)
        raise RunProblem(f"{short(path)} is no exported network: their names end in {known}")
    if kind == "onnx":
        network, scores = formats.read_onnx(path)
        return Reader(path.name, network, scores)
    network, module = formats.read_safetensors(path) if kind == "safetensors" else formats.read_pt2(path)
    return Reader(path.name, network, in_torch(module))


def in_torch(module: Any) -> Callable[[Pictures], Scores]:
    """A PyTorch module as a function of arrays."""
    import torch

    def scores(pictures: Pictures) -> Scores:
        with torch.no_grad():
            answered: Scores = module(torch.from_numpy(np.array(pictures, order="C"))).numpy()
        return answered

    return scores

"""Trained networks, from wherever they lie: a run, a run's newest finished sibling, or one exported file.

All of them become a `Reader`: pictures with pixels in [0, 1] in, scores out. An ONNX file is run by onnxruntime, and
PyTorch is not imported for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.cards import DataCard, discover
from upslope.runs.folder import find_run, list_runs
from upslope.runs.network import Network, read_network
from upslope.runs.problem import RunProblem
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
        found = discover("data").get(self.network.data)
        card = found.card if found is not None else None
        return (card.pictures if isinstance(card, DataCard) else "") or "photo"


def load(word: str) -> Reader:
    """The network that a person means: an exported file, a run by name or folder, or a lab's newest finished run."""
    path = Path(word).expanduser()
    if path.is_file():
        return from_file(path)
    folder = run_folder(word)
    network = read_network(folder)
    return Reader(folder.name, network, in_torch(eager(folder, network)))


def run_folder(word: str) -> Path:
    """The folder of a run, given by name or path, or by its lab's name: then the newest that is finished."""
    if word in discover("labs"):
        finished = [run for run in list_runs() if run.lab == word and run.result is not None]
        if not finished:
            raise RunProblem(f"no run of {word} is finished yet: upslope lab {word}")
        return finished[0].folder
    return find_run(word)


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

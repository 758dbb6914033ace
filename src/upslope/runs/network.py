"""What a trained network is, beside its weights: how to build it again, and how to show it any picture.

A lab hands it to `run.save_model`; it lies in the run's folder as network.json. Predicting, exporting and registering
read it, so none of them needs the lab.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from upslope.runs.problem import RunProblem

FILE = "network.json"


@dataclass(frozen=True)
class Network:
    """A trained network: the model, its arguments, what it looks at and what it says."""

    model: str  # the name of the model's card: "resnet"
    arguments: dict[str, Any]  # what its builder is called with
    shape: tuple[int, ...]  # of one input, without the batch: (channels, height, width)
    classes: tuple[str, ...]  # what the scores stand for, in order
    data: str  # the name of the data set that it learned from
    mean: tuple[float, ...]  # by channel, of pixels in [0, 1]: taken off before the network sees them
    std: tuple[float, ...]  # by channel: divided by

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Network":
        """The inverse of `to_json`."""
        lists = ("shape", "classes", "mean", "std")
        return cls(**{**content, **{name: tuple(content[name]) for name in lists}})


def read_network(folder: Path) -> Network:
    """What the run in this folder trained; RunProblem where it is none that can be built again."""
    path = folder / FILE
    if not path.exists():
        unfinished = "" if (folder / "result.json").exists() else " (the run is not finished)"
        raise RunProblem(f"{folder.name} holds no network that can be built again{unfinished}")
    try:
        return Network.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunProblem(f"{FILE} of {folder.name} cannot be read ({error})") from None

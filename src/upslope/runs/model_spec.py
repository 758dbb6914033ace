"""What a trained model is, beside its weights: how to build it again, what it takes and gives, how inputs are prepared.

A lab hands it to `run.save_model`; it lies in the run's folder as model_spec.json. Predicting, exporting and
registering read it, so none of them needs the lab. Runs and exports of versions before it describe an image classifier
in other words (network.json): these are read as well.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from upslope.runs.errors import RunProblem

FILE = "model_spec.json"
OLDER = "network.json"


@dataclass(frozen=True)
class ModelSpec:
    """A trained model in JSON's words."""

    task: str  # Hugging Face's tag: "image-classification"
    model: str  # the name of the model's card: "resnet"
    arguments: dict[str, Any]  # what its builder is called with
    inputs: dict[str, dict[str, Any]]  # name -> {"shape": of one sample, "dtype": "float32"}, in the order of forward
    outputs: dict[str, dict[str, Any]]  # name -> what stands in it: {"classes": [...]}
    preprocessing: dict[str, Any] = field(default_factory=dict)  # what the task's pipeline needs to prepare an input
    data: str = ""  # the name of the data set that it learned from
    builder: str = ""  # the class, where it is not the one of the model's card: a GAN's generator

    @property
    def classes(self) -> tuple[str, ...]:
        """What the first output that has classes distinguishes."""
        return next((tuple(each["classes"]) for each in self.outputs.values() if "classes" in each), ())

    @property
    def typical(self) -> dict[str, Any] | None:
        """What is typical of the logits on data that the model knows; None where its run did not say."""
        return next((each["typical"] for each in self.outputs.values() if "typical" in each), None)

    @property
    def temperature(self) -> float:
        """What logits are divided by before the softmax, so that probabilities are calibrated; 1 if none was fitted."""
        return next((float(each["temperature"]) for each in self.outputs.values() if "temperature" in each), 1.0)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample of the first input."""
        return tuple(next(iter(self.inputs.values()))["shape"])

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ModelSpec":
        """The inverse of `to_json`; also of what older versions wrote."""
        if "task" in content:
            return cls(**content)
        return cls(
            task="image-classification",
            model=content["model"],
            arguments=content["arguments"],
            inputs={"image": {"shape": list(content["shape"]), "dtype": "float32"}},
            outputs={"logits": {"classes": list(content["classes"])}},
            preprocessing={"mean": list(content["mean"]), "std": list(content["std"])},
            data=content["data"],
        )


def has_spec(folder: Path) -> bool:
    """Whether the run in this folder says how its model is built again."""
    return (folder / FILE).exists() or (folder / OLDER).exists()


def read_spec(folder: Path) -> ModelSpec:
    """What the run in this folder trained; RunProblem where it is nothing that can be built again."""
    path = folder / FILE if (folder / FILE).exists() else folder / OLDER
    if not path.exists():
        unfinished = "" if (folder / "result.json").exists() else " (the run is not finished)"
        raise RunProblem(f"{folder.name} saved no model{unfinished}")
    try:
        return ModelSpec.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunProblem(f"{path.name} of {folder.name} cannot be read ({error})") from None

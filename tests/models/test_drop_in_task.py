"""A kind of question that nobody thought of is one file for its task and one for its pipeline; nothing else changes.

Five files are dropped into a copy of the package: a data set, a model, a task, a pipeline and a lab. The lab trains,
its run is predicted with and exported, and no file that was there before knows of them.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import upslope

pytestmark = [pytest.mark.needs("torch", "onnx")]
PACKAGE = Path(upslope.__file__).parent

DATA = '''
"""Springs: how far a spring stretches under two weights."""

import numpy as np

from upslope.cards import DataCard
from upslope.data.loading.dataset import Dataset
from upslope.features import Value

CARD = DataCard(
    name="springs",
    title="Springs",
    licence="CC0",
    homepage="https://example.org/springs",
    citation="nobody 2026",
    features={"light": Value(unit="kg"), "heavy": Value(unit="kg"), "stretch": Value(unit="m")},
    splits={"train": 400, "validation": 100, "test": 100},
    carried_by="NumPy",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    return toy(rng=np.random.default_rng(len(split)), count=CARD.splits[split])


def toy(*, rng: np.random.Generator, count: int = 60) -> Dataset:
    light, heavy = (rng.random(count).astype(np.float32) for _ in range(2))
    return Dataset({"light": light, "heavy": heavy, "stretch": 2 * light + 3 * heavy + 1}, CARD.features)
'''

MODEL = '''
"""A line through points: the model of linear regression."""

from jaxtyping import Float
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size


class Line(nn.Module):
    def __init__(self, *, inputs: int = 2) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, 1)

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, " B"]:
        return self.linear(x)[:, 0]


CARD = ModelCard(
    name="line",
    title="A line",
    paper="Gauss 1809",
    link="",
    domain="tables",
    builder="Line",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(2,)),), output=())},
)
'''

TASK = '''
"""Tabular regression: one number from several."""

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from upslope.data.loading.dataset import Dataset
from upslope.models.build import Built
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.run import Run
from upslope.training.batches import Batch
from upslope.training.tasks.task import Task


class TabularRegression(Task):
    tag: ClassVar[str] = "tabular-regression"

    def collate(self, rows: Dataset) -> Batch:
        x = np.stack([rows["light"], rows["heavy"]], axis=1)
        return {"x": torch.from_numpy(x), "y": torch.from_numpy(np.array(rows["stretch"]))}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return {"loss": (self.model(batch["x"]) - batch["y"]).square().mean()}

    def predict(self, dataset: Dataset) -> Any:
        with self.asking() as model:
            return model(self.collate(dataset)["x"]).numpy()

    def metrics(self, predictions: Any, dataset: Dataset) -> dict[str, float]:
        return {"error": float(np.abs(predictions - dataset["stretch"]).mean())}

    def report(self, run: Run[Any], predictions: Any, dataset: Dataset, *, per_epoch: int) -> None:
        run.picture("curves", figures.curves(run.logged(), {"loss": ["loss"]}, per_epoch=per_epoch))

    def spec(self, network: Built) -> ModelSpec:
        inputs = {"x": {"shape": [2], "dtype": "float32"}}
        return ModelSpec(self.tag, network.model, network.arguments, inputs, {"y": {"unit": "m"}})
'''

PIPELINE = '''
"""Tabular regression in use: LIGHT,HEAVY gives the stretch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from upslope.data.loading.dataset import Dataset
from upslope.ship.pipelines.pipeline import Prediction, Arrays, Options, Pipeline, UnreadableInput


@dataclass(frozen=True)
class Stretch(Prediction):
    metres: float

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        return [("stretch", f"{self.metres:.2f} m", None)]

    def facts(self, options: Options) -> dict[str, Any]:
        return {"input": self.subject, "stretch": self.metres}


class TabularRegression(Pipeline):
    tag: ClassVar[str] = "tabular-regression"
    noun: ClassVar[str] = "pair"
    example: ClassVar[str] = "0.5,1"

    def read(self, words: Sequence[str], options: Options) -> Iterator[Any]:
        for word in words:
            try:
                light, heavy = map(float, word.split(","))
                yield word, [light, heavy]
            except ValueError:
                yield UnreadableInput(word, f"{word} is no pair of numbers, which is written 0.5,1")

    def preprocess(self, items: Sequence[Any]) -> Arrays:
        return {"x": np.array([pair for _, pair in items], dtype=np.float32)}

    def postprocess(self, outputs: Arrays, items: Sequence[Any]) -> list[Prediction]:
        return [Stretch(word, float(y)) for (word, _), y in zip(items, outputs["y"], strict=True)]

    def rows(self, dataset: Dataset) -> Arrays:
        return {"x": np.stack([dataset["light"], dataset["heavy"]], axis=1)}

    def draw(self, answers: Sequence[Any]) -> Any:
        from matplotlib.figure import Figure

        figure = Figure()
        figure.subplots().bar([a.subject for a in answers], [a.metres for a in answers])
        return figure

    def card(self) -> dict[str, list[str]]:
        return {"What it does": ["Takes two weights, gives a stretch."], "Limits": ["Springs break."]}
'''

LAB = '''
"""A spring, learned: most stretches are met."""

import numpy as np
import torch

from upslope.cards import LabCard, Metric
from upslope.data.loading.splits import splits
from upslope.models.build import built
from upslope.runs.run import Run
from upslope.training.batches import Batches
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.fit import fit
from upslope.training.tasks.tabular_regression import TabularRegression


class Config(TrainingConfig):
    """Settings of this lab."""

    data: str = "springs"


def run(config: Config, run: Run[Config]) -> None:
    """Train, test once."""
    train, validation, test = splits(config.data, toy="springs", rng=np.random.default_rng(config.seed))
    network = built("line-toy", seed=config.seed)
    task = TabularRegression(network.module)
    batches = Batches(train, collate=task.collate, batch_size=20, seed=config.seed)
    optimizer = torch.optim.SGD(network.module.parameters(), lr=0.2)
    fit(run, task, batches, optimizer=optimizer, epochs=30, validate=validation)
    conclude(run, task, test, network=network, per_epoch=batches.per_epoch)


CARD = LabCard(
    name="spring",
    title="A spring",
    paper="Hooke 1678",
    claim="most stretches are met",
    domain="tables",
    seconds={"smoke": 3, "laptop": 3, "full": 3},
    data=("springs",),
    expect=(),
    presets={"smoke": {}, "laptop": {}, "full": {}},
    metrics={"test_error": Metric(unit="m", higher_is_better=False)},
)
'''

FILES = {
    "data/springs": DATA,
    "models/tables/line": MODEL,
    "training/tasks/tabular_regression": TASK,
    "ship/pipelines/tabular_regression": PIPELINE,
    "labs/tables/spring": LAB,
}


@pytest.fixture(scope="module")
def upslope_of_the_copy(tmp_path_factory):
    """`upslope WORDS` of a copy of the package with the five files in it: standard output, standard error, status."""
    folder, home = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("home")
    shutil.copytree(PACKAGE, folder / "upslope", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in FILES.items():
        path = folder / "upslope" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text.lstrip())
    environment = {**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1", "UPSLOPE_HOME": str(home)}

    def run(*words):
        command = [sys.executable, "-P", "-m", "upslope", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=home)

    return run


def test_a_new_task_trains_predicts_and_is_exported(upslope_of_the_copy):
    done = upslope_of_the_copy("lab", "spring", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["test_error"] < 0.05

    done = upslope_of_the_copy("predict", "spring", "0.5,1", "x", "--json", "--show", "drawn.png")
    assert done.returncode == 3, "one of two inputs could not be read"
    said = json.loads(done.stdout)
    assert said["task"] == "tabular-regression"
    assert said["answers"][0]["stretch"] == pytest.approx(5, abs=0.1)
    assert said["unread"] == [{"path": "x", "reason": "x is no pair of numbers, which is written 0.5,1"}]
    assert said["picture"] == "drawn.png"

    done = upslope_of_the_copy("export", "spring", "--format", "onnx")
    assert done.returncode == 0, done.stderr
    assert "test pairs of springs" in done.stdout
    assert "upslope predict spring-0001.onnx 0.5,1" in done.stdout
    done = upslope_of_the_copy("predict", "spring-0001.onnx", "0,0", "--json")
    assert json.loads(done.stdout)["answers"][0]["stretch"] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("predict", "spring"), "spring-0001 reads pairs: upslope predict spring 0.5,1"),
        (("predict", "spring", "1,1", "--temperature", "2"), "--temperature means nothing for tabular-regression"),
        (("predict", "spring", "1,1", "--show", "x.gif"), "--show writes a PNG picture for tabular-regression"),
    ],
)
def test_what_means_nothing_to_a_task_is_said(upslope_of_the_copy, words, sentence):
    if "spring-0001" not in upslope_of_the_copy("runs", "--json").stdout:
        assert upslope_of_the_copy("lab", "spring").returncode == 0
    done = upslope_of_the_copy(*words)
    assert done.returncode == 2
    assert sentence in done.stderr

"""A new model, data set or lab is one file: dropped into a copy of the package, it is found everywhere by itself."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import upslope

HERE = Path(__file__).parent
PACKAGE = Path(upslope.__file__).parent

MODEL = '''
"""A network of the tests' own."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.pooling import global_average_pool
from upslope.cards import Input, ModelCard, Size


class Droplet(nn.Module):
    def __init__(self, *, width: int, num_classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, padding=1)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        return self.head(global_average_pool(F.relu(self.conv(x))))


CARD = ModelCard(
    name="droplet",
    title="Droplet",
    paper="nobody 2026",
    link="",
    domain="vision",
    builder="Droplet",
    sizes={
        "toy": Size(arguments={"width": 64}, inputs=(Input(shape=(1, 8, 8)),), output=(10,)),
        "droplet256": Size(
            arguments={"width": 256},
            inputs=(Input(shape=(1, 28, 28)),),
            output=(10,),
            parameters=5_130,
            counted_by="hand: 256 * 10 + 2570",
        ),
    },
)
'''

DATA = '''
"""Halves: squares that are dark on the left or on the right."""

import numpy as np

from upslope.cards import DataCard
from upslope.data.loading.arrays import Arrays

CARD = DataCard(
    name="halves",
    title="Halves",
    licence="CC0",
    homepage="https://example.org/halves",
    citation="",
    classes=("left", "right"),
    splits={"train": 60, "test": 20},
    shape=(4, 4),
    carried_by="NumPy",
)


def load(split: str = "train", *, quiet: bool = False) -> Arrays:
    return toy(rng=np.random.default_rng(0 if split == "train" else 1), count=CARD.splits[split])


def toy(*, rng: np.random.Generator, count: int = 60) -> Arrays:
    labels = rng.permutation(np.arange(count) % 2)
    images = rng.random((count, 4, 4)) * 0.1
    for image, label in zip(images, labels, strict=True):
        image[:, 2 * label : 2 * label + 2] += 0.8
    return Arrays(images.astype(np.float32), labels, CARD.classes)
'''

LAB = '''
"""The mean of either half tells them apart."""

import numpy as np

from upslope.cards import Expect, LabCard
from upslope.data import halves
from upslope.runs.config import LabConfig
from upslope.runs.run import Run


class Config(LabConfig):
    """Settings of this lab."""


def run(config: Config, run: Run[Config]) -> None:
    """Look, and say."""
    test = halves.load("test")
    for step in run.steps(1, per_epoch=1):
        right = test.images[:, :, 2:].mean(axis=(1, 2)) > test.images[:, :, :2].mean(axis=(1, 2))
        run.log(step, loss=0.0)
    run.save_model({"weights": np.ones(1)})
    run.finish({"test_accuracy": float((right == test.labels).mean())})


CARD = LabCard(
    name="tell-halves",
    title="Telling halves apart",
    paper="nobody 2026",
    claim="every half",
    domain="vision",
    seconds={"smoke": 1, "laptop": 1},
    data=("halves",),
    expect=(Expect(metric="test_accuracy", at_least=1.0),),
    presets={"smoke": {}, "laptop": {}},
)
'''


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with a copy of the package, into which the three files were dropped and nothing else was changed."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, folder / "upslope", ignore=shutil.ignore_patterns("__pycache__"))
    for room, text in (("models/vision/droplet", MODEL), ("data/halves", DATA), ("labs/vision/tell_halves", LAB)):
        (folder / "upslope" / f"{room}.py").write_text(text.lstrip())
    return folder


@pytest.fixture
def run(root, tmp_path):
    """Run Python on the copy; standard output."""

    def command(*words, **environment):
        env = {**os.environ, "PYTHONPATH": str(root), "NO_COLOR": "1", "UPSLOPE_HOME": str(tmp_path / "home")}
        done = subprocess.run(
            [sys.executable, "-P", *words],
            env={**env, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    return command


def test_it_is_the_copy_that_runs(run, root):
    assert run("-c", "import upslope; print(upslope.__file__)").strip() == str(root / "upslope" / "__init__.py")


@pytest.mark.parametrize(("room", "name"), [("models", "droplet"), ("data", "halves"), ("labs", "tell-halves")])
def test_discovered(run, room, name):
    said = run("-c", f"from upslope.cards import discover; print(*discover({room!r}))").split()
    assert name in said
    assert len(said) > 1


@pytest.mark.parametrize(
    ("words", "key", "names"),
    [
        (("model", "list"), "models", {"droplet256"}),
        (("data", "list"), "data", {"halves"}),
        (("lab",), "labs", {"tell-halves"}),
    ],
    ids=["model", "data", "lab"],
)
def test_listed_for_people_and_for_programs(run, words, key, names):
    text = run("-m", "upslope", *words)
    assert names <= set(re.findall(r"[\w-]+", text))
    entries = json.loads(run("-m", "upslope", *words, "--json"))[key]
    assert names <= {entry["name"] for entry in entries}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("upslope model show drop", {"droplet", "droplet256", "droplet-toy"}),
        ("upslope data show hal", {"halves"}),
        ("upslope lab tell", {"tell-halves"}),
    ],
)
def test_completed_by_the_shell(run, words, wanted):
    count = str(words.count(" "))
    said = run("-m", "upslope", _UPSLOPE_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count)
    assert wanted <= set(said.split())


@pytest.mark.parametrize(
    ("maker", "wanted"),
    [("models", "`droplet256` 5,130"), ("data", "| `halves` |"), ("labs", "| `tell-halves` | Telling halves apart |")],
)
def test_on_the_generated_pages(run, root, maker, wanted):
    code = f"from pathlib import Path; from upslope.academy.pages import MAKERS; print(MAKERS[{maker!r}](Path('.')))"
    assert wanted in run("-c", code)


def test_the_lab_runs_and_the_data_set_is_shown(run):
    said = json.loads(run("-m", "upslope", "lab", "tell-halves", "--preset", "smoke", "--json").splitlines()[-1])
    assert said["metrics"]["test_accuracy"] == 1
    assert "halves" in run("-m", "upslope", "data", "show", "halves").lower()


@pytest.mark.needs("torch")
def test_the_model_is_shown(run):
    assert "5,130" in run("-m", "upslope", "model", "show", "droplet256")


@pytest.mark.needs("torch")
def test_every_contract_is_checked_on_it(run):
    tests = str(HERE / "test_contract.py")
    said = run("-m", "pytest", tests, "-k", "droplet and not onnx", "-v", "-p", "no:cacheprovider", "-p", "no:xdist")
    kept = set(re.findall(r"test_kept\[droplet-(\w+)\] PASSED", said))
    from upslope.checks.contract import contracts

    assert kept == set(contracts()) - {"onnx"}  # which takes as long as all others together

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
"""Spots: noise, and one spot in one of ten places."""

import numpy as np

from upslope.cards import DataCard
from upslope.data.loading.dataset import Dataset
from upslope.features import ClassLabel, Image
from upslope.runs.errors import DataProblem

CLASSES = tuple("0123456789")

CARD = DataCard(
    name="spots",
    title="Spots",
    licence="CC0",
    homepage="https://example.org/spots",
    citation="nobody 2026",
    features={"image": Image((5, 4)), "label": ClassLabel(CLASSES)},
    splits={"train": 200, "validation": 50, "test": 100},
    carried_by="NumPy",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    if split not in CARD.splits:
        raise DataProblem(f'spots has no split "{split}"; it has {", ".join(CARD.splits)}')
    return toy(rng=np.random.default_rng(len(split)), count=CARD.splits[split])


def toy(*, rng: np.random.Generator, count: int = 60) -> Dataset:
    labels = rng.permutation(np.arange(count) % 10)
    images = rng.random((count, 5, 4)) * 0.6
    images[np.arange(count), labels // 2, 2 * (labels % 2)] += 0.4
    return Dataset({"image": images.astype(np.float32), "label": labels}, CARD.features)
'''.replace('tuple("0123456789")', str(tuple("0123456789")))

LAB = '''
"""The mean of each class finds most spots."""

import numpy as np

from pydantic import Field

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data import spots
from upslope.runs.config import LabConfig
from upslope.runs.run import Run


class Config(LabConfig):
    """Settings of this lab."""

    shuffled: bool = Field(False, description="learn from labels in a random order")


def run(config: Config, run: Run[Config]) -> None:
    """Look, and say."""
    train, test = spots.load("train"), spots.load("test")
    labels = train["label"]
    labels = np.random.default_rng(config.seed).permutation(labels) if config.shuffled else labels
    for step in run.steps(1, per_epoch=1):
        means = np.stack([train["image"][labels == label].mean(axis=0) for label in range(10)])
        far = ((test["image"][:, None] - means) ** 2).sum(axis=(2, 3))
        run.log(step, loss=float(far.min(axis=1).mean()))
    run.save_model({"means": means})
    run.finish({"test_accuracy": float((far.argmin(axis=1) == test["label"]).mean())})


CARD = LabCard(
    name="find-spots",
    title="Finding spots",
    paper="nobody 2026",
    claim="most spots",
    domain="vision",
    seconds={"smoke": 1, "laptop": 1, "full": 1},
    data=("spots",),
    expect=(Expect(metric="test_accuracy", at_least=0.5, ablations={"shuffled labels": 0.2}),),
    presets={"smoke": {}, "laptop": {}, "full": {}},
    metrics={"test_accuracy": Metric(unit="%", chance=0.1)},
    ablations=(Ablation(name="shuffled labels", settings={"shuffled": True}),),
)
'''


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with a copy of the package, into which the three files were dropped and nothing else was changed."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, folder / "upslope", ignore=shutil.ignore_patterns("__pycache__"))
    for room, text in (("models/vision/droplet", MODEL), ("data/spots", DATA), ("labs/vision/find_spots", LAB)):
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
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    return command


def test_it_is_the_copy_that_runs(run, root):
    assert run("-c", "import upslope; print(upslope.__file__)").strip() == str(root / "upslope" / "__init__.py")


@pytest.mark.parametrize(("room", "name"), [("models", "droplet"), ("data", "spots"), ("labs", "find-spots")])
def test_discovered(run, room, name):
    said = run("-c", f"from upslope.cards import discover; print(*discover({room!r}))").split()
    assert name in said
    assert len(said) > 1


@pytest.mark.parametrize(
    ("words", "key", "names"),
    [
        (("model", "list"), "models", {"droplet256"}),
        (("data", "list"), "data", {"spots"}),
        (("lab",), "labs", {"find-spots"}),
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
        ("upslope data show spo", {"spots"}),
        ("upslope lab find", {"find-spots"}),
    ],
)
def test_completed_by_the_shell(run, words, wanted):
    count = str(words.count(" "))
    said = run("-m", "upslope", _UPSLOPE_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count)
    assert wanted <= set(said.split())


@pytest.mark.parametrize(
    ("maker", "wanted"),
    [("models", "`droplet256` 5,130"), ("data", "| `spots` |"), ("labs", "| `find-spots` | Finding spots |")],
)
def test_on_the_generated_pages(run, maker, wanted):
    """The README's tables, made again from the cards."""
    code = (
        "from pathlib import Path; from upslope.academy.generated_docs import update;"
        f"page = Path('README.md'); page.write_text('<!-- made by: {maker} -->\\n<!-- end -->');"
        "print(update(Path('.'), write=True)); print(page.read_text())"
    )
    assert wanted in run("-c", code)


def test_the_lab_runs_and_the_data_set_is_shown(run):
    said = json.loads(run("-m", "upslope", "lab", "find-spots", "--preset", "smoke", "--json").splitlines()[-1])
    assert said["metrics"]["test_accuracy"] > 0.5
    assert "spots" in run("-m", "upslope", "data", "show", "spots").lower()


@pytest.mark.needs("torch")
def test_the_model_is_shown(run):
    assert "5,130" in run("-m", "upslope", "model", "show", "droplet256")


# Where cards of a kind are put to their checks, the dropped-in one and one that was there before.
CHECKED = [
    ("models/test_contract.py", "droplet", "lenet"),
    ("data/test_sets.py", "spots", "digits"),
    ("labs/test_labs.py", "find-spots", "lenet"),
]
PYTEST = (
    "-m",
    "pytest",
    "--depth",
    "all",
    *[str(HERE.parent / file) for file, _, _ in CHECKED],
    "-p",
    "no:cacheprovider",
)


@pytest.mark.needs("torch")
def test_whatever_is_checked_of_a_sibling_is_checked_of_it(run):
    """Nobody writes down what is to be checked: it runs over all cards that are found."""
    said = run(*PYTEST, "--collect-only", "-q").splitlines()
    for file, name, sibling in CHECKED:
        of = {who: re.compile(rf"{file}::.*\[{who}[\]-]") for who in (name, sibling)}
        asked = {who: {line.replace(who, "") for line in said if of[who].search(line)} for who in of}
        assert asked[name] == asked[sibling]
        assert len(asked[name]) >= 5


@pytest.mark.deep
@pytest.mark.needs("torch")
def test_they_pass_what_takes_no_training_and_no_export(run):
    quick = "droplet and not onnx and not export or spots and not find-spots or find-spots and (cards or targets)"
    said = run(*PYTEST, "-v", "-k", quick)
    passed = re.findall(r"\[(droplet|spots|find-spots)[\]-]\S* PASSED", said)
    from upslope.checks.contract import contracts

    assert passed.count("droplet") == len(contracts()) - 2
    assert passed.count("spots") == 7
    assert passed.count("find-spots") == 3

"""A judge of generated images: a small classifier of our own, frozen, that no generator is trained against.

    judge = judge_of("fashion_mnist", train)
    scores = judge.compare(judge.read(samples), judge.read(test["image"]))

It is trained when first needed, on the training images and nothing else, and kept beside the data sets, in a file that
carries the sha256 of its weights. The recipe is fixed, on one thread with seeded batches, so one machine always trains
the same bits; another processor or version of PyTorch may round otherwise and train another judge. Scores of different
judges are not compared: results name theirs by `judge.sha256`. Another seed is another judge, with features of its own:
what only one of them sees is no property of the images (`judge_panel.py`).
"""

import hashlib
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.generative.frechet import frechet_distance
from upslope.data.loading.dataset import Dataset
from upslope.features import Image
from upslope.models.vision.sprint import Sprint
from upslope.runs.checkpoint import pack, unpack
from upslope.runs.files import make_folder, write_atomically
from upslope.runs.progress import Bar, progress_bar
from upslope.runs.reports import classification
from upslope.runs.workspace import data_folder
from upslope.training.batches import Batches
from upslope.training.seeding import seeded
from upslope.training.state import arrays

RECIPE = 1  # counts what changes the weights that are trained: a judge of another recipe is another judge
SEED = 1  # of the judge that reads alone
FEATURES = 64
EPOCHS, BATCH, LR, WEIGHT_DECAY = 6, 128, 0.01, 0.02
CONFIDENT = 0.9  # a probability from which a sample counts as clearly one of the classes
COVERED = 0.02  # the share of samples from which a class counts as generated
COLLAPSED = 0.5  # the share of generated classes below which it is mode collapse

Images = NDArray[np.float32]  # (N, 28, 28), in [0, 1]


@dataclass(frozen=True, eq=False)
class Reading:
    """What a judge reads in images: features, the numbers before its last layer, and a probability of each class."""

    features: Float[Tensor, "N D"]
    probabilities: Float[Tensor, "N K"]


class Judge(nn.Module):
    """Grey images of 28 x 28 pixels to features, and to a logit for each class."""

    def __init__(self, *, classes: int) -> None:
        super().__init__()
        self.body = Sprint(num_classes=FEATURES)
        self.head = nn.Linear(FEATURES, classes)

    def features(self, x: Float[Tensor, "B 1 28 28"]) -> Float[Tensor, "B D"]:
        """Of images in [0, 1]."""
        return F.gelu(self.body(2 * x - 1))

    def forward(self, x: Float[Tensor, "B 1 28 28"]) -> Float[Tensor, "B K"]:
        return self.head(self.features(x))

    @property
    def sha256(self) -> str:
        """Of the weights, 64 hexadecimal digits: the judge's name."""
        return hashlib.sha256(pack(arrays(self))).hexdigest()

    @torch.no_grad()
    def read(self, images: Images, *, batch_size: int = 500) -> Reading:
        """Features and probabilities of images in [0, 1]; other ranges are refused."""
        low, high = float(images.min(initial=0.0)), float(images.max(initial=0.0))
        if not (low >= 0 and high <= 1):
            raise ValueError(f"pixels lie between {low:g} and {high:g}; a judge reads images in [0, 1]")
        self.eval()
        parts = [
            self.features(torch.tensor(images[first : first + batch_size])[:, None])
            for first in range(0, len(images), batch_size)
        ]
        features = torch.cat(parts)
        return Reading(features, self.head(features).softmax(dim=1))

    def accuracy(self, dataset: Dataset) -> float:
        """The share of real images that it reads right: how far it can be trusted."""
        return classification.accuracy(self.read(dataset["image"]).probabilities.numpy(), dataset["label"])

    def compare(self, generated: Reading, real: Reading) -> dict[str, float]:
        """How generated images compare with real ones.

        frechet_distance: of the features. confident: the share of generated images that are clearly one class
        (probability >= 0.9). coverage: the share of classes that at least 2 % of them show. smallest_class: the share
        of the rarest class. A distance of fewer images than features is warned of.
        """
        classes = generated.probabilities.shape[1]
        shares = generated.probabilities.argmax(dim=1).bincount(minlength=classes) / len(generated.probabilities)
        sure = generated.probabilities.amax(dim=1) >= CONFIDENT
        return {
            "frechet_distance": distance(generated.features, real.features),
            "confident": sure.double().mean().item(),
            "coverage": (shares >= COVERED).double().mean().item(),
            "smallest_class": shares.min().item(),
        }


def mode_collapse(coverage: float, classes: int) -> str:
    """ "mode collapse: the samples show 3 of 10 classes" where that is fewer than half; else ""."""
    if coverage >= COLLAPSED:
        return ""
    return f"mode collapse: the samples show {round(coverage * classes)} of {classes} classes"


def distance(generated: Float[Tensor, "N D"], real: Float[Tensor, "M D"]) -> float:
    """The Fréchet distance of two sets of features; a warning where a set has fewer images than features.

    So few leave the covariance without an inverse, and the distance says more of their number than of what they show.
    """
    fewest, features = min(len(generated), len(real)), real.shape[1]
    if fewest < features:
        warnings.warn(
            f"the Fréchet distance of {fewest} images by {features} features is mostly chance: compare at least as "
            "many images as there are features, better thousands",
            stacklevel=3,
        )
    return frechet_distance(generated, real)


def judge_of(name: str, train: Dataset, *, seed: int = SEED, quiet: bool = False) -> Judge:
    """The judge of a data set, read from beside the data, or trained now on `train`; that of "toy" is not kept."""
    if name != "toy" and (kept := kept_judge(name, classes=len(train.classes), seed=seed)) is not None:
        return kept
    with progress_bar(EPOCHS * (len(train) // BATCH), "training the judge", quiet=quiet) as bar:
        judge = on_one_thread(lambda: train_judge(train, seed=seed, bar=bar))
    if name != "toy":
        path = judges_folder() / f"{_stem(name, seed)}{judge.sha256}.safetensors"
        make_folder(path.parent)
        write_atomically(path, pack(arrays(judge)))
    return judge


def judges_folder() -> Path:
    """Where judges lie: beside the data sets."""
    return data_folder() / "judges"


def kept_judge(name: str, *, classes: int, seed: int) -> Judge | None:
    """The judge that was trained before; None where there is none, or no file holds the weights that it is named by."""
    judge = Judge(classes=classes)
    for path in sorted(judges_folder().glob(f"{_stem(name, seed)}*.safetensors")):
        with suppress(Exception):  # a damaged file is trained again
            judge.load_state_dict({key: torch.tensor(value) for key, value in unpack(path.read_bytes()).items()})
            if path.stem.endswith(judge.sha256):
                return judge.eval().requires_grad_(False)
    return None


def _stem(name: str, seed: int) -> str:
    return f"{name}-{RECIPE}-{seed}-"


def train_judge(train: Dataset, *, seed: int = SEED, bar: Bar | None = None) -> Judge:
    """The fixed recipe: AdamW on one cycle, plain cross-entropy, every second image mirrored unless it is handwriting.

    A mirrored garment is a garment; a mirrored 7 is none.
    """
    feature = train.features["image"]
    mirrored = not (isinstance(feature, Image) and feature.look == "handwriting")
    with seeded(seed):
        judge = Judge(classes=len(train.classes))
    optimizer = torch.optim.AdamW(judge.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    batches = Batches(train, batch_size=min(BATCH, len(train)), seed=seed)
    total = EPOCHS * batches.per_epoch
    # PyTorch's own schedule: a judge does not hang on parts that learners write.
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=total, pct_start=0.1)
    for step in range(1, total + 1):
        batch = batches.at(step)
        images: Tensor = batch["image"][:, None]
        if mirrored:
            images[::2] = images[::2].flip(-1)
        optimizer.zero_grad()
        loss: Any = F.cross_entropy(judge(images), batch["label"])
        loss.backward()
        optimizer.step()
        schedule.step()
        if bar is not None:
            bar.update(step)
    return judge.eval().requires_grad_(False)


def on_one_thread(work: Callable[[], Judge]) -> Judge:
    """With one thread sums have one order, and the same weights come out each time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return work()
    finally:
        torch.set_num_threads(threads)

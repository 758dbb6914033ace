"""The frozen reader: does a picture show what its prompt says, word by word?

    reader = reader_of("things", train)
    reading = reader.read(pictures)               # reading.said["color"]: the color that it sees in each

A small classifier with one head for each column of labels, trained as a judge is (`judge.py`): when first needed, by a
fixed recipe, on the training pictures and nothing else, and kept beside the data sets under the hash of its weights. No
generator is trained against it. Its training pictures are painted anew in every batch, so that it knows all pairs of
thing and color, also those that a generator never sees: who has not met a green four may take it for a nine. It errs on
real pictures, too; how often is the ceiling of what it can find.
"""

import hashlib
import itertools
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.data.loading.colored_things import COLORS
from upslope.data.loading.dataset import Dataset
from upslope.features import ClassLabel
from upslope.models.vision.sprint import Stage
from upslope.runs.checkpoint import pack, unpack
from upslope.runs.files import make_folder, write_atomically
from upslope.runs.progress import Bar, progress_bar
from upslope.runs.workspace import data_folder
from upslope.training.batches import Batch, Batches
from upslope.training.seeding import seeded
from upslope.training.state import arrays

RECIPE = 2  # counts what changes the weights that are trained
FEATURES, LAST = 64, 4  # numbers before the heads; pixels of the side of the last maps
EPOCHS, STEPS, BATCH, LR, WEIGHT_DECAY = 12, 1000, 128, 0.01, 0.02  # at most so many epochs, and so many steps

Pictures = NDArray[np.float32]  # (N, H, W, 3), in [0, 1]


@dataclass(frozen=True, eq=False)
class PromptReading:
    """What is read in pictures: features, and by column the label of each."""

    features: Float[Tensor, "N D"]
    said: dict[str, NDArray[np.int64]]


class Trunk(nn.Sequential):
    """Pictures of `side` pixels in [-1, 1] to so many features; where something lies is still to be seen in them."""

    def __init__(self, side: int, features: int) -> None:
        halvings = (side // LAST).bit_length() - 1
        if LAST << halvings != side:
            raise ValueError(f"pictures of {side} pixels: the side is {LAST} times a power of 2")
        widths = [3, *(64 >> (halvings - 1 - number) for number in range(halvings))]
        stages = [
            Stage(nn.Conv2d(before, after, 3, padding=1, bias=False), pool=True)
            for before, after in itertools.pairwise(widths)
        ]
        super().__init__(*stages, nn.Flatten(), nn.Linear(widths[-1] * LAST**2, features))


class PromptReader(nn.Module):
    """Pictures in [-1, 1] to logits for each column, {"color": (B, 5), ...}."""

    def __init__(self, side: int, columns: Mapping[str, int]) -> None:
        super().__init__()
        self.trunk = Trunk(side, FEATURES)
        self.heads = nn.ModuleDict({name: nn.Linear(FEATURES, count) for name, count in columns.items()})

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> dict[str, Tensor]:
        features = F.gelu(self.trunk(x))
        return {name: head(features) for name, head in self.heads.items()}

    @property
    def sha256(self) -> str:
        """Of the weights, 64 hexadecimal digits: the reader's name."""
        return hashlib.sha256(pack(arrays(self))).hexdigest()

    @torch.no_grad()
    def read(self, pictures: Pictures, *, batch_size: int = 500) -> PromptReading:
        """What pictures in [0, 1] show; other ranges are refused."""
        low, high = float(pictures.min(initial=0.0)), float(pictures.max(initial=0.0))
        if not (low >= 0 and high <= 1):
            raise ValueError(f"pixels lie between {low:g} and {high:g}; the reader takes pictures in [0, 1]")
        self.eval()
        device = next(self.parameters()).device
        parts = [as_images(pictures[first : first + batch_size]) for first in range(0, len(pictures), batch_size)]
        features = torch.cat([F.gelu(self.trunk(part.to(device))) for part in parts])
        said = {name: head(features).argmax(dim=1).cpu().numpy() for name, head in self.heads.items()}
        return PromptReading(features.cpu(), said)


def as_images(pictures: Pictures) -> Float[Tensor, "N 3 H W"]:
    """Pictures (N, H, W, 3) in [0, 1] as networks take them: channels first, in [-1, 1]."""
    return torch.tensor(pictures).permute(0, 3, 1, 2).contiguous() * 2 - 1


def label_columns(data: Dataset) -> dict[str, tuple[str, ...]]:
    """The columns that hold labels, and the names of each."""
    return {name: each.names for name, each in data.features.items() if isinstance(each, ClassLabel)}


def reader_of(name: str, train: Dataset, *, quiet: bool = False) -> PromptReader:
    """The reader of a data set, read from beside the data, or trained now on `train`; that of "toy" is not kept."""
    columns = {column: len(names) for column, names in label_columns(train).items()}
    folder, stem = data_folder() / "judges", f"prompts-{name}-{RECIPE}-"
    for path in sorted(folder.glob(f"{stem}*.safetensors")) if name != "toy" else ():
        with suppress(Exception):  # a damaged file is trained again
            reader = PromptReader(train["image"].shape[1], columns)
            reader.load_state_dict({key: torch.tensor(value) for key, value in unpack(path.read_bytes()).items()})
            if path.stem == stem + reader.sha256:
                return reader.eval().requires_grad_(False)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums have one order, and the same weights come out each time
    try:
        reader = train_reader(train, columns, quiet=quiet)
    finally:
        torch.set_num_threads(threads)
    if name != "toy":
        make_folder(folder)
        write_atomically(folder / f"{stem}{reader.sha256}.safetensors", pack(arrays(reader)))
    return reader


def train_reader(train: Dataset, columns: Mapping[str, int], *, quiet: bool = False) -> PromptReader:
    """The fixed recipe: AdamW on one cycle, cross-entropy of each column, painted anew, nothing mirrored or moved."""
    with seeded(RECIPE):
        reader = PromptReader(train["image"].shape[1], columns)
    size = min(BATCH, len(train))
    batches = Batches(train, collate=_collate, transform=repainted, batch_size=size, seed=RECIPE)
    total = min(STEPS, EPOCHS * batches.per_epoch)
    optimizer = torch.optim.AdamW(reader.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=total, pct_start=0.1)
    with progress_bar(total, "training the reader", quiet=quiet) as bar:
        _train(reader, batches, optimizer, schedule, total, bar)
    return reader.eval().requires_grad_(False)


def _collate(rows: Dataset) -> dict[str, Any]:
    labels = {name: torch.tensor(rows[name]) for name in label_columns(rows)}
    return {"image": as_images(rows["image"]), **labels}


def repainted(batch: Batch, generator: torch.Generator) -> Batch:
    """A batch whose things have other colors, drawn by chance, and labels that say so.

    `image` is (B, 3, H, W) in [-1, 1]; the columns of labels are in pairs, a thing and its color, from left to right,
    and each pair has an equal part of the width.
    """
    palette = torch.tensor(list(COLORS.values()), dtype=torch.float32)
    parts, labels = [], {}
    colors = [name for name in batch if name != "image"][1::2]
    for column, part in zip(colors, batch["image"].chunk(len(colors), dim=3), strict=True):
        drawn = torch.randint(len(palette), (len(part),), generator=generator)
        grey = (part.amax(dim=1, keepdim=True) + 1) / 2
        parts.append(grey * palette[drawn][:, :, None, None] * 2 - 1)
        labels[column] = drawn
    return {**batch, **labels, "image": torch.cat(parts, dim=3)}


def _train(reader: PromptReader, batches: Batches, optimizer: Any, schedule: Any, total: int, bar: Bar) -> None:
    for step in range(1, total + 1):
        batch = batches.at(step)
        logits = reader(batch["image"])
        losses: Any = [F.cross_entropy(each, batch[name]) for name, each in logits.items()]
        optimizer.zero_grad()
        sum(losses).backward()
        optimizer.step()
        schedule.step()
        bar.update(step)

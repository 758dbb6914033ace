"""Content and style as distances between the feature maps of a frozen network.

L. Gatys, A. Ecker, M. Bethge, "A Neural Algorithm of Artistic Style", 2015, https://arxiv.org/abs/1508.06576; the
layers and the names of the losses are those of J. Johnson, A. Alahi, L. Fei-Fei 2016,
https://arxiv.org/abs/1603.08155, section 3.2.

The published choice is VGG-16, which has seen a million photographs. Where its weights cannot be had, a VGG of four
stages is trained here in a minute, to tell the ten classes of CIFAR-10 apart. It is weaker: its filters see edges,
colors and grain, hardly things, so strokes come out small. Losses under different features are not comparable.
"""

from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.generative.gram_matrix import gram_matrix
from upslope.data import cifar10_jpg_subset
from upslope.data.loading.dataset import Dataset
from upslope.models.pretrained import load as pretrained
from upslope.runs.progress import progress_bar
from upslope.training.batches import Batches
from upslope.training.kept_network import kept_network
from upslope.training.seeding import generator, seeded

Which = Literal["small", "vgg16", "random", "toy"]
RECIPE = 1  # counts what changes the weights
DEPTHS, WIDTHS = (2, 2, 2, 2), (16, 32, 64, 96)
EPOCHS, BATCH, LR = 3, 128, 0.01
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of photographs; as VGG-16 wants them
CONTENT_LAYER = 1  # relu2_2


class Features(nn.Module):
    """Pictures (B, 3, H, W) in [0, 1] to the maps at the end of each of four stages: relu1_2, relu2_2, relu3_3, ..."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        stages: list[list[nn.Module]] = [[]]
        for layer in layers:
            if isinstance(layer, nn.MaxPool2d):
                stages.append([])
            stages[-1].append(layer)
        self.stages = nn.ModuleList(nn.Sequential(*stage) for stage in stages[:4])
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(STD)[:, None, None])

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> list[Tensor]:
        x = (x - self.mean) / self.std
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class Perceptual(nn.Module):
    """How far a picture is from the content of a photograph and the style of one painting."""

    def __init__(self, features: Features, painting: Float[Tensor, "1 3 H W"]) -> None:
        super().__init__()
        self.features = features
        with torch.no_grad():
            for number, maps in enumerate(features(painting)):
                self.register_buffer(f"target{number}", gram_matrix(maps))

    @property
    def targets(self) -> list[Tensor]:
        """The painting's Gram matrices (1, C, C), one for each layer."""
        return [target for name, target in self.named_buffers(recurse=False) if name.startswith("target")]

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self.targets[0].device

    def forward(
        self, painted: Float[Tensor, "B 3 H W"], photograph: Float[Tensor, "B 3 H W"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The content loss and the style loss, means over the batch.

        Content: the squared distance of the maps of relu2_2, over their own squares. Style: the squared distance of
        Gram matrices, over the square of the painting's, a mean over four layers. So both are 1 for a picture without
        any features, whatever the network's scale, which the papers leave to the weights.
        """
        maps = self.features(painted)
        with torch.no_grad():
            wanted = self.features(photograph)[CONTENT_LAYER]
        content = F.mse_loss(maps[CONTENT_LAYER], wanted) / wanted.square().mean()
        apart = [
            (gram_matrix(each) - target).square().sum(dim=(1, 2)).mean() / target.square().sum()
            for each, target in zip(maps, self.targets, strict=True)
        ]
        return content, torch.stack(apart).mean()


def total_variation(x: Float[Tensor, "B C H W"]) -> Float[Tensor, ""]:
    """The mean squared difference of neighbors, across and down: what noise has most of (Johnson et al. 2016, 3.2)."""
    return (x[..., 1:] - x[..., :-1]).square().mean() + (x[..., 1:, :] - x[..., :-1, :]).square().mean()


def features_of(which: Which, *, quiet: bool = False) -> Features:
    """The frozen features of this name: "small" and "toy" are trained at first need, "random" has not learned."""
    if which == "vgg16":
        vgg16: Any = pretrained("vgg16", quiet=quiet)
        return Features(vgg16.features).eval().requires_grad_(False)
    if which == "random":
        return Features(_small().features).eval().requires_grad_(False)
    if which == "toy":
        made = cifar10_jpg_subset.toy(rng=np.random.default_rng(0), count=256)
        return Features(kept_network("", _small, lambda network: _train(network, made, quiet=quiet)).features)

    def train(network: SmallVGG) -> None:
        _train(network, cifar10_jpg_subset.load("train", quiet=quiet), quiet=quiet)

    return Features(kept_network(f"features-cifar10-{RECIPE}", _small, train).features)


class SmallVGG(nn.Module):
    """Four stages of two 3 x 3 convolutions, of PyTorch's own layers: learners' parts change no measure."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for depth, width in zip(DEPTHS, WIDTHS, strict=True):
            for _ in range(depth):
                conv = nn.Conv2d(channels, width, 3, padding=1)
                nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
                layers += [conv, nn.BatchNorm2d(width), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features, self.classifier = nn.Sequential(*layers), nn.Linear(channels, 10)

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K"]:
        return self.classifier(self.features(x).mean(dim=(2, 3)))


def _small() -> SmallVGG:
    with seeded(1):
        return SmallVGG().to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _train(network: SmallVGG, train: Dataset, *, quiet: bool) -> None:
    """AdamW on one cycle, plain cross-entropy, every second picture mirrored."""
    batches = Batches(train, batch_size=BATCH, seed=1)
    total = EPOCHS * batches.per_epoch
    optimizer = torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=total, pct_start=0.2)
    mean, std = (torch.tensor(each)[:, None, None] for each in (MEAN, STD))
    with progress_bar(total, "training the features", quiet=quiet) as bar:
        for step in range(1, total + 1):
            batch = batches.at(step)
            x = _levels(batch["image"])
            x[::2] = x[::2].flip(-1)
            optimizer.zero_grad()
            loss: Any = F.cross_entropy(network((x - mean) / std), batch["label"], label_smoothing=0.1)
            loss.backward()
            optimizer.step()
            schedule.step()
            bar.update(step)


def _levels(images: Tensor) -> Tensor:
    """(B, H, W, 3), bytes or shares, as (B, 3, H, W) in [0, 1]."""
    images = images.permute(0, 3, 1, 2)
    return images / 255 if images.dtype == torch.uint8 else images.clone()


def noise_like(photograph: Float[Tensor, "B 3 H W"], *, seed: int) -> Float[Tensor, "B 3 H W"]:
    """Grey levels around the middle with some noise, from which a picture is painted."""
    return 0.5 + 0.1 * torch.randn(photograph.shape, generator=generator(seed, 77))

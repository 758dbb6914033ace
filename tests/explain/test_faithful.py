"""Explanations that are faithful: they point at what a class is made of, and they change with the weights.

J. Adebayo et al., "Sanity Checks for Saliency Maps", 2018, https://arxiv.org/abs/1810.03292: a map that stays the same
while the weights are made random, layer by layer, says nothing about the network.
"""

import numpy as np
import pytest

pytest.importorskip("torch", reason="networks are made of PyTorch")

import torch
from torch import nn
from torch.nn import functional as F

from upslope.explain.grad_cam import class_activation_map, last_maps
from upslope.explain.integrated_gradients import integrated_gradients
from upslope.explain.occlusion import occlusion, spread
from upslope.models.build import built

SIDE, MARK = 28, 8
HIGHEST = 0.5  # rank correlation from which on a map has not changed


def marks(rng, count):
    """Noise with one mark in each picture: a ring, a cross or a disk, at a random place; its class and its corner."""
    y, x = np.mgrid[:MARK, :MARK] - (MARK - 1) / 2
    far = np.hypot(x, y)
    shapes = [(far > 2.2) & (far < 4), (np.abs(x) < 1) | (np.abs(y) < 1), (np.abs(x - y) < 1.5)]
    pictures = rng.normal(0.35, 0.12, (count, 1, SIDE, SIDE)).astype(np.float32)
    classes, corners = rng.integers(0, 3, count), rng.integers(1, SIDE - MARK - 1, (count, 2))
    for picture, number, (top, left) in zip(pictures, classes, corners, strict=True):
        picture[0, top : top + MARK, left : left + MARK] += 0.6 * shapes[number]
    return torch.from_numpy(pictures), torch.from_numpy(classes), corners


@pytest.fixture(scope="module")
def learned():
    """A small network that tells the marks apart, after a few seconds of training, and pictures it has not seen."""
    model = built("vgg-small", seed=0, num_classes=3, widths=(12, 24, 32), depths=(1, 1, 1)).module
    rng = np.random.default_rng(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(80):
        pictures, classes, _ = marks(rng, 48)
        optimizer.zero_grad()
        F.cross_entropy(model(pictures), classes).backward()
        optimizer.step()
    model.eval()
    pictures, classes, corners = marks(np.random.default_rng(1), 60)
    with torch.no_grad():
        right = model(pictures).argmax(dim=1) == classes
    assert right.float().mean() > 0.95
    return model, pictures[right], classes[right], corners[right.numpy()]


def by_grad_cam(model, pictures, classes):
    layer, grid = last_maps(model, pictures[:1])
    return class_activation_map(model, pictures, classes, layer=layer, grid=grid)


def by_occlusion(model, pictures, classes):
    found = []
    for picture, number in zip(pictures, classes, strict=True):
        lost = occlusion(model, picture, window=7, stride=3, value=0.35)[..., number]
        found.append(spread(lost, (SIDE, SIDE), window=7, stride=3))
    return torch.stack(found)


def by_gradients(model, pictures, classes):
    found = []
    for picture, number in zip(pictures, classes, strict=True):
        each = integrated_gradients(
            lambda points, number=number: model(points)[:, number],
            picture,
            baseline=torch.full_like(picture, 0.35),
            steps=16,
        )
        # A mark answers as a whole: the mean over a little square, with its sign.
        found.append(F.avg_pool2d(each.sum(dim=0)[None], 5, stride=1, padding=2)[0])
    return torch.stack(found)


def by_edges(model, pictures, classes):
    """A planted method that never asks the network: the picture's own edges, which look like an explanation."""
    edges = F.conv2d(pictures, torch.tensor([[[[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]]]), padding=1).abs()
    return F.avg_pool2d(edges, 5, stride=1, padding=2)[:, 0]


METHODS = {"grad-cam": by_grad_cam, "occlusion": by_occlusion, "integrated gradients": by_gradients}


def pointing(maps, corners):
    """The share of pictures in which the largest number lies on the mark, or within a place of the map beside it."""
    hits = []
    for each, (top, left) in zip(maps, corners, strict=True):
        scale = SIDE / each.shape[0]
        row, column = divmod(int(each.argmax()), each.shape[1])
        y, x = (row + 0.5) * scale, (column + 0.5) * scale
        near = scale / 2
        hits.append(top - near <= y <= top + MARK + near and left - near <= x <= left + MARK + near)
    return float(np.mean(hits))


def randomized(model):
    """The same network with its layers made random one after the other, from the last to the first."""
    copy = built("vgg-small", seed=0, num_classes=3, widths=(12, 24, 32), depths=(1, 1, 1)).module.eval()
    copy.load_state_dict(model.state_dict())
    generator = torch.Generator().manual_seed(5)
    layers = [module for module in copy.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    for layer in reversed(layers):
        with torch.no_grad():
            spread_of = layer.weight.std()
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * spread_of)
        yield copy


def likeness(method, model, pictures, classes):
    """How like the maps stay (Spearman's rank correlation, the mean over pictures) as layer after layer is random."""
    from scipy.stats import spearmanr

    first = method(model, pictures, classes).flatten(1).numpy()
    found = []
    for other in randomized(model):
        again = method(other, pictures, classes).flatten(1).numpy()
        each = [
            spearmanr(a, b).statistic if np.ptp(a) > 0 and np.ptp(b) > 0 else 0.0
            for a, b in zip(first, again, strict=True)
        ]
        found.append(float(np.mean(each)))
    return found


def depends_on_the_weights(method, model, pictures, classes):
    """Whether a method's maps change once all layers are random."""
    return abs(likeness(method, model, pictures, classes)[-1]) < HIGHEST


@pytest.mark.parametrize("name", METHODS)
def test_the_largest_number_lies_on_the_mark(learned, name):
    model, pictures, classes, corners = learned
    assert pointing(METHODS[name](model, pictures, classes), corners) >= 0.9


@pytest.mark.parametrize("name", METHODS)
def test_maps_change_with_the_weights(learned, name):
    model, pictures, classes, _ = learned
    assert depends_on_the_weights(METHODS[name], model, pictures[:12], classes[:12])


def test_a_method_that_ignores_the_weights_is_caught(learned):
    """It points at the marks as well as any: only the random weights give it away."""
    model, pictures, classes, corners = learned
    assert pointing(by_edges(model, pictures, classes), corners) >= 0.9
    assert not depends_on_the_weights(by_edges, model, pictures[:12], classes[:12])

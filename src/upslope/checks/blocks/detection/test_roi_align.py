"""What roi_align must do."""

import numpy as np
from scipy import ndimage

from upslope.blocks.detection import roi_align as module
from upslope.checks import survives, wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

MAP = [[[[0.0, 1], [2, 3]]]]
ROW = [[[[4.0, 5, 6, 9]]]]


def sample(rng, count, *, pictures=2, channels=2, map_size=(4, 5), size=2, scale=0.5, samples=2):
    """Boxes on, across and beside feature maps."""
    height, width = map_size
    extent = np.array([width, height]) / scale
    first = rng.uniform(-0.3, 0.8, (count, 2)) * extent
    last = first + rng.uniform(0.1, 0.7, (count, 2)) * extent
    return {
        "features": some(rng, pictures, channels, height, width),
        "boxes": np.concatenate([first, last], axis=1).round(3),
        "pictures": rng.integers(0, pictures, count),
        "size": size,
        "scale": scale,
        "samples": samples,
    }


def drawn(rng):
    yield sample(rng, 2, map_size=(2, 3), channels=1, size=1, samples=1)
    yield sample(rng, 1, pictures=1, map_size=(3, 2), scale=1.0, samples=1)
    yield sample(rng, 4, channels=3, size=3, scale=1 / 8)
    yield sample(rng, 3, pictures=3, map_size=(6, 4), size=2, samples=3)
    yield sample(rng, 0)


def by_scipy(features, boxes, pictures, size, scale=1.0, samples=2):
    """Every sample by SciPy's interpolation."""
    along = (np.arange(size * samples) + 0.5) / (size * samples)
    found = np.zeros((len(boxes), features.shape[1], size, size))
    for n, (x1, y1, x2, y2) in enumerate(np.asarray(boxes) * scale):
        places = np.meshgrid(y1 + (y2 - y1) * along - 0.5, x1 + (x2 - x1) * along - 0.5, indexing="ij")
        seen = [(place >= -1) & (place <= most) for place, most in zip(places, features.shape[2:], strict=True)]
        for c in range(features.shape[1]):
            values = ndimage.map_coordinates(features[pictures[n], c], places, order=1, mode="nearest")
            cells = np.where(seen[0] & seen[1], values, 0).reshape(size, samples, size, samples)
            found[n, c] = cells.mean(axis=(1, 3))
    return found


def at(features, *boxes, **more):
    return {"features": features, "boxes": list(boxes), "pictures": [0] * len(boxes), "size": 1, "samples": 1, **more}


ALIGN = TorchOp(module.roi_align, samples=drawn, truth=by_scipy)

test_shape = ALIGN.shape("(N, C, size, size), and the dtype stays; no boxes give nothing")
test_by_hand = ALIGN.by_hand(
    "the middle of [[0, 1], [2, 3]] is 1.5, and a box that is one place has its value",
    (at(MAP, [0.0, 0, 2, 2], [1.0, 0, 2, 1], [0.0, 1, 1, 2]), [[[[1.5]]], [[[1.0]]], [[[2.0]]]]),
)
test_between = ALIGN.by_hand(
    "nothing is rounded: a box that lies a quarter of a place further sees a quarter of the next one",
    (at(MAP, [0.25, 0.0, 1.25, 1.0], [0.0, 0.75, 1.0, 1.75]), [[[[0.25]]], [[[1.5]]]]),
)
test_stride = ALIGN.by_hand(
    "boxes are in pixels: of a map with a stride of 16 the box [16, 0, 32, 16] is one place",
    (at(MAP, [16.0, 0, 32, 16], [0.0, 0, 32, 32], scale=1 / 16), [[[[1.0]]], [[[1.5]]]]),
)
test_border = ALIGN.by_hand(
    "up to half a place beyond the map there is its edge, and farther outside 0",
    (
        at(ROW, [-1.0, 0, 0, 1], [-1.25, 0, 0, 1], [4.0, 0, 5, 1], [4.0, 0, 5.25, 1], [0.0, 0, 0.5, 1]),
        [[[[4.0]]], [[[0.0]]], [[[9.0]]], [[[0.0]]], [[[4.0]]]],
    ),
    (
        at(np.swapaxes(ROW, 2, 3), [0.0, -1, 1, 0], [0.0, -1.25, 1, 0], [0.0, 4, 1, 5], [0.0, 4, 1, 5.25]),
        [[[[4.0]]], [[[0.0]]], [[[9.0]]], [[[0.0]]]],
    ),
)
test_samples = ALIGN.by_hand(
    "a cell is the mean of samples that divide it evenly: of 4, 5, 6, 9 two cells are 4.5 and 7.5",
    (at(ROW, [0.0, 0, 4, 1], size=2, samples=2), [[[[4.5, 7.5], [4.5, 7.5]]]]),
)
test_random = ALIGN.random("random boxes on, across and beside random maps of several pictures")
test_default = ALIGN.random(
    "a scale of 1 and two samples each way where nothing is said",
    lambda rng: [{k: v for k, v in sample(rng, 3, scale=1.0).items() if k not in ("scale", "samples")}],
)
test_large = ALIGN.large("8 boxes of 7 x 7 cells", lambda rng: [sample(rng, 8, map_size=(20, 30), size=7)], atol=1e-4)
test_gradient = ALIGN.gradient(
    "the gradient agrees with finite differences, of the features and of the boxes",
    lambda rng: [sample(rng, 2, pictures=2, channels=1, map_size=(3, 3), size=1)],
)
test_laws = ALIGN.laws("the laws of every operation: calls, passes and memory do not get mixed up")


wrong(
    module.roi_align,
    {
        "the box's edges are rounded to places of the map, as in RoIPool": (
            "(boxes * scale)[:, :, None]",
            "(boxes * scale).round()[:, :, None]",
        ),
        "place 0 is taken to have its middle at 0: everything is half a place off": (
            "along - 0.5, left + (right - left) * along - 0.5",
            "along, left + (right - left) * along",
        ),
        "samples lie at the corners of the cells, not in the middle of their parts": (
            "device=boxes.device) + 0.5)",
            "device=boxes.device))",
        ),
        "the scale is forgotten: pixels are taken for places": ("(boxes * scale)", "boxes"),
        "every box is looked for in the first picture": (
            "pictures[:, None, None]",
            "torch.zeros_like(pictures)[:, None, None]",
        ),
        "boxes are read as top, left, bottom, right": ("left, top, right, bottom =", "top, left, bottom, right ="),
        "what lies far outside sees the edge of the map, not 0": (" * inside[..., None]", ""),
        "the largest sample of a cell counts, as in RoIPool, not their mean": (
            ".mean(dim=(2, 4))",
            ".amax(dim=(2, 4))",
        ),
        "the nearest place is taken, without interpolation": (
            "down, across = (y - above)[..., None], (x - before)[..., None]",
            "down, across = (y - above)[..., None].round(), (x - before)[..., None].round()",
        ),
        "the features are cut from the graph": (
            "features.permute(0, 2, 3, 1)",
            "features.detach().permute(0, 2, 3, 1)",
        ),
        "the result is always float64": ("return cells.permute", "return cells.double().permute"),
    },
)
survives(
    module.roi_align,
    {"fractions in float32 are right to seven digits": [("dtype=boxes.dtype, device", "device")]},
)

"""What anchor_grid, match_anchors and encode_boxes must do."""

import math

import numpy as np

from upslope.blocks.detection import anchors as module
from upslope.checks import grades, wrong
from upslope.checks.blocks.detection.drawn import pair
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.expect import close

LN2 = math.log(2)


def grids(rng, sizes=((1, 1), (1, 2), (2, 1), (3, 2), (2, 5))):
    """Maps of different height and width, with one and several scales and ratios."""
    for height, width in sizes:
        for scales, ratios in ((1, 1), (1, 3), (3, 1), (2, 3)):
            yield {
                "height": height,
                "width": width,
                "stride": int(rng.choice([4, 8, 16])),
                "scales": tuple(rng.uniform(4, 40, scales).round(1).tolist()),
                "ratios": tuple(rng.uniform(0.25, 4, ratios).round(2).tolist()),
            }


def one_by_one(height, width, stride, scales, ratios=(1.0,)):
    """Place by place, scale by scale, ratio by ratio."""
    made = []
    for i in range(height):
        for j in range(width):
            for scale in scales:
                for ratio in ratios:
                    wide = math.sqrt(scale * scale / ratio)
                    x, y, high = (j + 0.5) * stride, (i + 0.5) * stride, ratio * wide
                    made.append([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2])
    return np.array(made).reshape(-1, 4)


GRID = TorchOp(module.anchor_grid, samples=grids, truth=one_by_one)

test_grid_shape = GRID.shape(
    "a row of four float32 numbers for each place, scale and ratio", dtypes=("float32",), gives="float32"
)
test_grid_by_hand = GRID.by_hand(
    "two places, stride 8, scale 4, ratio 4: 8 high and 2 wide around (4, 4) and (12, 4)",
    ({"height": 1, "width": 2, "stride": 8, "scales": (4,), "ratios": (4,)}, [[3, 0, 5, 8], [11, 0, 13, 8]]),
)
test_grid_middle = GRID.by_hand(
    "the middle is half a stride in, and what reaches beyond the picture is not cut",
    ({"height": 1, "width": 1, "stride": 16, "scales": (32,)}, [[-8, -8, 24, 24]]),
    ({"height": 1, "width": 1, "stride": 5, "scales": (2,)}, [[1.5, 1.5, 3.5, 3.5]]),
)
test_grid_places = GRID.by_hand(
    "places come row by row: from left to right, then down",
    (
        {"height": 2, "width": 2, "stride": 2, "scales": (2,)},
        [[0, 0, 2, 2], [2, 0, 4, 2], [0, 2, 2, 4], [2, 2, 4, 4]],
    ),
)
test_grid_shapes = GRID.by_hand(
    "at a place come all ratios of the first scale, then all of the second; a ratio is height / width",
    (
        {"height": 1, "width": 1, "stride": 16, "scales": (4, 8), "ratios": (0.25, 4.0)},
        [[4, 7, 12, 9], [7, 4, 9, 12], [0, 6, 16, 10], [6, 0, 10, 16]],
    ),
)
test_grid_empty = GRID.by_hand(
    "a map without places has no anchors: shape (0, 4)",
    ({"height": 0, "width": 3, "stride": 8, "scales": (4,)}, np.zeros((0, 4))),
)
test_grid_random = GRID.random("random strides, scales and ratios", dtypes=("float32",), atol=1e-4)
test_grid_large = GRID.large("a map of 25 x 38 places", lambda rng: grids(rng, sizes=((25, 38),)), atol=1e-3)


@grades(module.anchor_grid)
def test_grid_areas(rng):
    """the area is the square of the scale, whatever the ratio: scale 10, ratios 0.1, 1 and 6"""
    grid = module.anchor_grid(1, 1, stride=4, scales=(10,), ratios=(0.1, 1, 6))
    areas = (grid[:, 2] - grid[:, 0]) * (grid[:, 3] - grid[:, 1])
    close(areas, [100, 100, 100], case="areas of scale 10, ratios 0.1, 1 and 6", rtol=1e-4)


def tables(rng, sizes=((1, 1), (6, 1), (8, 3), (12, 5), (5, 0), (0, 2)), digits=2):
    """Overlaps of anchors and objects, most of them small."""
    return [{"iou": np.round(rng.uniform(0, 1, size) ** rng.choice([1, 4]), digits)} for size in sizes]


def with_thresholds(rng):
    for sample in tables(rng, ((6, 2), (9, 3))):
        yield {**sample, "high": 0.5, "low": 0.4}
        yield {**sample, "high": 0.5, "low": 0.5}


def by_rules(iou, high=0.7, low=0.3):
    """Row by row, rule by rule."""
    matches = []
    for row in iou.tolist():
        best = max(row, default=0.0)
        needed = any(value > 0 and value == iou[:, m].max() for m, value in enumerate(row))
        known = needed or (best >= high and row)
        matches.append(row.index(best) if known else -1 if best < low or not row else -2)
    return np.array(matches, dtype=np.int64)


MATCH = TorchOp(module.match_anchors, samples=tables, truth=by_rules)

test_match_shape = MATCH.shape(
    "one whole number, int64, for each anchor; without objects, and without anchors", gives="int64"
)
test_match_by_hand = MATCH.by_hand(
    "matched, neither, an object's best after all, and background",
    ({"iou": [[0.8, 0], [0.4, 0], [0.1, 0.2], [0, 0]]}, [0, -2, 1, -1]),
)
test_match_thresholds = MATCH.by_hand(
    "an IoU of exactly `high` is matched, one of exactly `low` is neither",
    ({"iou": [[0.75], [1.0], [0.25], [0.5]], "high": 0.75, "low": 0.25}, [0, 0, -2, -2]),
)
test_match_ties = MATCH.by_hand(
    "all of an object's equally good anchors are matched; of equal objects an anchor has the first",
    ({"iou": [[0.2, 0.1], [0.2, 0.0], [0.0, 0.1]]}, [0, 0, 1]),
    ({"iou": [[0.9, 0.9], [0.1, 0.8]]}, [0, 1]),
)
test_match_own = MATCH.by_hand(
    "an anchor that is the best of one object, and meets another more, stays with that other",
    ({"iou": [[0.5, 0.2], [0.6, 0.1], [0.0, 0.1]]}, [0, 0, -1]),
)
test_match_unmet = MATCH.by_hand(
    "an object that no anchor meets has none",
    ({"iou": [[0.8, 0.0], [0.0, 0.0], [0.1, 0.0]]}, [0, -1, -1]),
)
test_match_random = MATCH.random("random overlaps, of pictures without objects as well", dtypes=("float64",))
test_match_other = MATCH.random("other thresholds, also one for both", with_thresholds, dtypes=("float64",))
test_match_large = MATCH.large("400 anchors and 20 objects", lambda rng: tables(rng, ((400, 20),), 6), dtype="float64")
test_match_laws = MATCH.laws("calls and memory do not get mixed up", dtypes=(), backward=False)


def pairs(rng):
    for count in (1, 2, 5, 30):
        boxes, anchors = pair(rng, count)
        yield {"boxes": boxes, "anchors": anchors}
        yield {"boxes": boxes[::-1], "anchors": anchors, "weights": (10.0, 10.0, 5.0, 5.0)}
    boxes, anchors = pair(rng, 6)
    yield {"boxes": boxes.reshape(3, 2, 4), "anchors": anchors.reshape(3, 2, 4)}
    yield {"boxes": np.zeros((0, 4)), "anchors": np.zeros((0, 4))}


def of_pairs(boxes, anchors, weights=(1.0, 1.0, 1.0, 1.0)):
    codes = []
    for box, anchor in zip(boxes.reshape(-1, 4).tolist(), anchors.reshape(-1, 4).tolist(), strict=True):
        row: list[float] = []
        for k in (0, 1):
            side, own = anchor[k + 2] - anchor[k], box[k + 2] - box[k]
            row.insert(k, (box[k] + own / 2 - anchor[k] - side / 2) / side)
            row.append(math.log(own / side))
        codes.append([value * weight for value, weight in zip(row, weights, strict=True)])
    return np.array(codes).reshape(boxes.shape)


CODES = TorchOp(module.encode_boxes, samples=pairs, truth=of_pairs)

test_codes_shape = CODES.shape("four numbers for each box, and the dtype stays")
test_codes_by_hand = CODES.by_hand(
    "half an anchor to the right and half as high is [0.5, 0, 0, -ln 2]; the anchor itself is 0",
    ({"boxes": [[2.0, 1, 6, 3]], "anchors": [[0.0, 0, 4, 4]]}, [[0.5, 0, 0, -LN2]]),
    ({"boxes": [[1.0, 2, 3, 7]], "anchors": [[1.0, 2, 3, 7]]}, [[0.0, 0, 0, 0]]),
    ({"boxes": [[0.0, 4, 8, 8]], "anchors": [[0.0, 0, 4, 4]]}, [[0.5, 1, LN2, 0]]),
)
test_codes_weights = CODES.by_hand(
    "each number is multiplied by its weight",
    (
        {"boxes": [[2.0, 1, 6, 3]], "anchors": [[0.0, 0, 4, 4]], "weights": (10.0, 20.0, 5.0, 3.0)},
        [[5.0, 0, 0, -3 * LN2]],
    ),
)
test_codes_random = CODES.random("random boxes and anchors")
test_codes_gradient = CODES.gradient("the gradient agrees with finite differences")
test_codes_laws = CODES.laws("the laws of every operation: calls, passes and memory do not get mixed up")


wrong(
    module.anchor_grid,
    {
        "the half is forgotten: the middle lies at the corner of the place": (
            "[:, None] + 0.5) * stride",
            "[:, None]) * stride",
        ),
        "half a pixel is added, not half a stride": (
            "[:, None] + 0.5) * stride",
            "[:, None] * stride) + 0.5",
        ),
        "the ratio is taken as width / height": (
            "(scale[:, None] * root).flatten(), (scale[:, None] / root).flatten()",
            "(scale[:, None] / root).flatten(), (scale[:, None] * root).flatten()",
        ),
        "the root is forgotten: an anchor is ratio * ratio times as high as wide": (
            "torch.tensor(ratios).sqrt()",
            "torch.tensor(ratios)",
        ),
        "only the height follows the ratio, so that the area does too": (
            "(scale[:, None] * root).flatten(), (scale[:, None] / root).flatten()",
            "(scale[:, None] * root**2).flatten(), scale[:, None].expand(-1, len(root)).flatten()",
        ),
        "the scale is taken as half the side": ("dim=1) / 2  # (A, 4)", "dim=1)  # (A, 4)"),
        "all scales of the first ratio come first": (
            "(scale[:, None] * root).flatten(), (scale[:, None] / root).flatten()",
            "(scale * root[:, None]).flatten(), (scale / root[:, None]).flatten()",
        ),
        "places come column by column": (
            "torch.arange(height).repeat_interleave(width), torch.arange(width).repeat(height)",
            "torch.arange(height).repeat(width), torch.arange(width).repeat_interleave(height)",
        ),
        "rows are taken for x, columns for y": (
            "[across, down, across, down]",
            "[down, across, down, across]",
        ),
        "all places of the first shape come first, then those of the second": (
            "(centers + shapes).reshape(-1, 4)",
            "(centers + shapes).transpose(0, 1).reshape(-1, 4)",
        ),
        "what reaches beyond the picture is cut off": (
            "(centers + shapes).reshape(-1, 4)",
            "(centers + shapes).reshape(-1, 4).clamp(min=0)",
        ),
        "the anchors are float64": ("(centers + shapes).reshape(-1, 4)", "(centers + shapes).reshape(-1, 4).double()"),
        "the boxes are stacked one by one, and without a place there is nothing to stack": (
            "return (centers + shapes).reshape(-1, 4)",
            "return torch.stack(list((centers + shapes).reshape(-1, 4)))",
        ),
    },
)
wrong(
    module.match_anchors,
    {
        "the low-quality rule is left out: an object whose best anchor fits badly has none": (
            "matches = torch.where(needed, objects, matches)",
            "pass",
        ),
        "an object that no anchor meets takes all that have an IoU of 0": (" & (iou > 0)", ""),
        "the low-quality rule gives an anchor to the object that needs it, not to its own best": (
            "matches = torch.where(needed, objects, matches)",
            "matches = torch.where(needed, ((iou == iou.max(dim=0).values) & (iou > 0)).long().argmax(dim=1), matches)",
        ),
        "of an object's equally good anchors only the first is matched": (
            "needed = ((iou == iou.max(dim=0).values) & (iou > 0)).any(dim=1)",
            "needed = torch.isin(torch.arange(len(iou)), iou.argmax(dim=0)[iou.amax(dim=0) > 0])",
        ),
        "background and neither are exchanged": (
            "torch.where(best < low, -1, torch.where(best >= high, objects, -2))",
            "torch.where(best < low, -2, torch.where(best >= high, objects, -1))",
        ),
        "an anchor between the thresholds is background": ("objects, -2)", "objects, -1)"),
        "an anchor whose IoU is exactly `high` is not matched": ("best >= high", "best > high"),
        "a picture without objects is not thought of": ("if iou.shape[1] == 0:", "if False:"),
        "the best anchor of each object is asked for, not the best object of each anchor": (
            "best, objects = iou.max(dim=1)",
            "best, objects = iou.max(dim=1)[0], iou.max(dim=0)[1].repeat(len(iou))[: len(iou)]",
        ),
        "the overlap of an object's best anchor is raised to `high` in the table itself": (
            "best, objects = iou.max(dim=1)",
            "iou.data[iou == iou.amax(dim=0)] = high\n    best, objects = iou.max(dim=1)",
        ),
    },
)
wrong(
    module.encode_boxes,
    {
        "the way is not divided by the anchor's size": (" / anchor_size\n    # Sizes are", "\n    # Sizes are"),
        "the way is divided by the box's size, not the anchor's": (
            "(center - anchor_center) / anchor_size",
            "(center - anchor_center) / size",
        ),
        "the sizes are compared by their ratio, without a logarithm": (
            "(size / anchor_size).log()",
            "size / anchor_size",
        ),
        "the ratio is turned round": ("(size / anchor_size).log()", "(anchor_size / size).log()"),
        "the way leads from the box to the anchor": ("(center - anchor_center)", "(anchor_center - center)"),
        "the corners are compared, not the centers": (
            "(boxes[..., 2:] + boxes[..., :2]) / 2, (anchors[..., 2:] + anchors[..., :2]) / 2",
            "boxes[..., :2], anchors[..., :2]",
        ),
        "the logarithms are cut from the graph": ("(size / anchor_size).log()", "(size / anchor_size).detach().log()"),
        "the weights are not looked at": (" * boxes.new_tensor(weights)", ""),
        "sizes come first, then the way": ("torch.cat([shift, growth]", "torch.cat([growth, shift]"),
        "the result is always float64": (
            "torch.cat([shift, growth], dim=-1)",
            "torch.cat([shift, growth], dim=-1).double()",
        ),
    },
)

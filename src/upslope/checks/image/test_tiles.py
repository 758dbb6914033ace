"""What tile_and_blend must do."""

from functools import partial
from itertools import pairwise

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import close, equal, raises
from upslope.image import tiles as module

TILE = (8, 10)


def picture(rng, height, width, channels=2):
    return rng.uniform(0, 1, (channels, height, width)).astype(np.float32)


def pixelwise(x):
    """A network that looks at each pixel alone: three classes."""
    return np.stack([x[:, 0], x[:, -1] ** 2, 1 - x.mean(axis=1)], axis=1).astype(np.float32)


def counted(x):
    """A network that says where in its tile a place lies."""
    rows = np.arange(x.shape[2], dtype=np.float32)[None, None, :, None] * np.ones_like(x[:, :1])
    return np.concatenate([rows, np.ones_like(rows)], axis=1)


@grades(module.tile_and_blend)
def test_whole(rng):
    """a network that looks at single pixels says of the tiles what it says of the whole"""
    for height, width, overlap in ((8, 10, 2), (20, 31, 3), (17, 40, 0), (33, 12, 7), (9, 11, 4)):
        x = picture(rng, height, width)
        got = module.tile_and_blend(x, pixelwise, tile=TILE, overlap=overlap)
        case = f"a picture of {height} x {width}, tiles of 8 x 10, overlap={overlap}"
        equal(got.shape, (3, height, width), case=case, problem="the shape is wrong")
        close(got, pixelwise(x[None])[0], case=case, atol=1e-5)


@grades(module.tile_and_blend)
def test_small(rng):
    """a picture that is smaller than a tile, on one side or on both, comes back at its size"""
    for height, width in ((3, 4), (8, 4), (5, 30), (1, 1), (7, 10)):
        x = picture(rng, height, width)
        got = module.tile_and_blend(x, pixelwise, tile=TILE, overlap=3)
        case = f"a picture of {height} x {width}"
        equal(got.shape, (3, height, width), case=case, problem="the shape is wrong")
        close(got, pixelwise(x[None])[0], case=case, atol=1e-5)


@grades(module.tile_and_blend)
def test_one_tile(rng):
    """a picture as large as a tile is looked at once, as it is, and float32 comes back"""
    seen = []

    def forward(part):
        seen.append(part.copy())
        return part

    x = picture(rng, *TILE)
    got = module.tile_and_blend(x, forward, tile=TILE, overlap=3)
    equal(len(seen), 1, case="a picture of one tile", problem="the number of tiles is wrong")
    close(seen[0], x[None], case="what the network is shown", atol=0)
    equal(got.dtype, np.dtype("float32"), case="a picture of one tile", problem="the dtype is wrong")


@grades(module.tile_and_blend)
def test_mirrored(rng):
    """what a small picture grows by is its mirror image, half on each side, the larger half behind"""
    seen = []
    x = np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3)

    def forward(part):
        seen.append(part.copy())
        return part

    module.tile_and_blend(x, forward, tile=(8, 8), overlap=0)
    equal(len(seen), 1, case="a picture of 3 x 3 in a tile of 8 x 8", problem="the number of tiles is wrong")
    lines = [1, 0, 0, 1, 2, 2, 1, 0]  # 2 in front, 3 behind
    close(seen[0], x[:, lines][:, :, lines][None], case="a picture of 3 x 3 in a tile of 8 x 8")


@grades(module.tile_and_blend)
def test_seam(rng):
    """by hand: in a row of 6, tiles of 4 with overlap 2 say 3 and 6; at pixel 2 the mean is 4"""
    answers = iter((3.0, 6.0))
    said = module.tile_and_blend(
        np.zeros((1, 1, 6), dtype=np.float32), lambda part: np.full_like(part, next(answers)), tile=(1, 4), overlap=0
    )
    close(
        said, np.array([3.0, 3, 4.5, 4.5, 6, 6]).reshape(1, 1, 6), case="overlap=0: places are still shared", atol=1e-6
    )
    answers = iter((3.0, 6.0))
    said = module.tile_and_blend(
        np.zeros((1, 1, 6), dtype=np.float32), lambda part: np.full_like(part, next(answers)), tile=(3, 4), overlap=2
    )
    close(
        said,
        np.array([3.0, 3, 4, 5, 6, 6]).reshape(1, 1, 6),
        case="overlap=2: the nearer middle counts more",
        atol=1e-5,
    )


@grades(module.tile_and_blend)
def test_weighted(rng):
    """each place is the mean of its tiles' answers, weighted by `window`"""
    x = picture(rng, 21, 10)
    got = module.tile_and_blend(x, counted, tile=TILE, overlap=3)
    weight = module.window(*TILE, 3)[:, 0]
    total, share = np.zeros(21), np.zeros(21)
    for top in module.starts(21, 8, 3):
        total[top : top + 8] += weight * np.arange(8)
        share[top : top + 8] += weight
    close(got[0, :, 4], total / share, case="a network that says how far down in its tile a place lies", atol=1e-4)


@grades(module.tile_and_blend)
def test_overlaps(rng):
    """neighboring tiles share at least the overlap, and no part of a tile lies outside"""
    seen = []

    def forward(part):
        seen.append(part)
        return part

    x = np.arange(40 * 50, dtype=np.float32).reshape(1, 40, 50)
    module.tile_and_blend(x, forward, tile=TILE, overlap=4)
    corners = sorted({divmod(int(part[0, 0, 0, 0]), 50) for part in seen})
    for part in seen:
        equal(part.shape, (1, 1, 8, 10), case="what the network is shown", problem="the tile has another size")
    for axis, tile, side in ((0, 8, 40), (1, 10, 50)):
        at = sorted({corner[axis] for corner in corners})
        equal(at[0], 0, case=f"the first tile along axis {axis}", problem="it begins elsewhere")
        equal(at[-1] + tile, side, case=f"the last tile along axis {axis}", problem="it ends elsewhere")
        least = min(a + tile - b for a, b in pairwise(at))
        equal(least >= 4, True, case=f"what tiles along axis {axis} share, at least: {least}", problem="too little")


@grades(module.tile_and_blend)
def test_given(rng):
    """the picture stays as it is, and calls do not remember calls"""
    x = picture(rng, 20, 25)
    before = x.copy()
    first = module.tile_and_blend(x, pixelwise, tile=TILE, overlap=2)
    module.tile_and_blend(picture(rng, 12, 30), counted, tile=(6, 6), overlap=1)
    close(x, before, case="the picture afterwards", atol=0)
    close(module.tile_and_blend(x, pixelwise, tile=TILE, overlap=2), first, case="the same call again", atol=0)


@grades(module.tile_and_blend)
def test_refuses(rng):
    """an overlap as large as a tile is refused: a ValueError with both"""
    x = picture(rng, 20, 20)
    for overlap in (8, 9, -1):
        raises(
            ValueError,
            partial(module.tile_and_blend, x, pixelwise, tile=TILE, overlap=overlap),
            says=(f"overlap={overlap}", "8 x 10"),
            case=f"overlap={overlap} with tiles of 8 x 10",
        )


wrong(
    module.tile_and_blend,
    {
        "the last tile overwrites what the others said": (
            "total[part] += said * weight",
            "total[part] = said * weight",
        ),
        "all places of a tile count the same: hard seams": (
            "weight = window(*tile, overlap)",
            "weight = np.ones(tile, dtype=np.float32)",
        ),
        "it is divided by the number of tiles, not by what counted": (
            "counted[part] += weight",
            "counted[part] += 1",
        ),
        "a small picture grows by zeros": ('mode="symmetric"', 'mode="constant"'),
        "a small picture grows by mirroring, its edge not repeated": ('mode="symmetric"', 'mode="reflect"'),
        "what a small picture grew by is not cut off": (
            "total[:, top : top + height, left : left + width]",
            "total",
        ),
        "the answer is cut from the corner, not from where the picture lay": (
            "total[:, top : top + height, left : left + width]",
            "total[:, :height, :width]",
        ),
        "height and width are exchanged": ("height, width = picture.shape[1:]", "width, height = picture.shape[1:]"),
        "an overlap as large as a tile is let through": ("if not 0 <= overlap < min(tile):", "if False:"),
        "tiles lie side by side, whatever overlap is asked for": (
            "starts(grown.shape[2], tile[1], overlap)",
            "starts(grown.shape[2], tile[1], 0)",
        ),
        "the picture itself is changed": ("counted = np.zeros", "picture *= 0.5\n    counted = np.zeros"),
    },
)

"""What thin, Canny's non-maximum suppression, must do."""

import math

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import some
from upslope.image import canny


def whole(*shapes, high=4):
    return lambda rng: [
        {"dx": rng.integers(-high, high + 1, shape), "dy": rng.integers(-high, high + 1, shape)} for shape in shapes
    ]


def mixed(rng):
    """Whole numbers, which are often equal, and others, which lie between 0 and 1 as well."""
    yield from whole((3, 4), (2, 5), (6, 6), (1, 7), (7, 1))(rng)
    for _ in range(3):
        yield {"dx": some(rng, 6, 7), "dy": some(rng, 6, 7)}


def pixel_by_pixel(dx, dy):
    """The angle of each gradient decides, and two neighbors."""
    height, width = dx.shape
    size = abs(dx) + abs(dy)
    out = np.zeros_like(size)
    for y in range(height):
        for x in range(width):
            angle = math.degrees(math.atan2(float(dy[y, x]), float(dx[y, x]))) % 180
            diagonal = False
            if angle < 22.5 or angle > 157.5:
                first = (0, -1)
            elif 67.5 < angle < 112.5:
                first = (-1, 0)
            else:
                first, diagonal = (-1, -1) if angle < 90 else (-1, 1), True
            sides = []
            for sign in (1, -1):
                row, column = y + sign * first[0], x + sign * first[1]
                inside = 0 <= row < height and 0 <= column < width
                sides.append(size[row, column] if inside else 0)
            m = size[y, x]
            if m > sides[0] and (m > sides[1] or (m == sides[1] and not diagonal)):
                out[y, x] = m
    return out


def line(*values, axis):
    """A gradient along a row, a column or a diagonal, and 0 elsewhere."""
    if axis == "row":
        return np.array([values])
    if axis == "column":
        return np.array([values]).T
    square = np.diag(np.array(values))
    return square if axis == "falling" else square[:, ::-1].copy()


THIN = OpInfo(canny.thin, samples=mixed, truth=pixel_by_pixel, tensor=np.asarray)

test_shape_and_dtype = THIN.shape(
    "the shape and the dtype of dx", lambda rng: [{"dx": some(rng, *s), "dy": some(rng, *s)} for s in ((3, 4), (1, 5))]
)
test_by_hand = THIN.by_hand(
    "dx = [[0, 3, 5, 5, 1]] and dy = 0: of the two 5 side by side the first stays",
    ({"dx": line(0, 3, 5, 5, 1, axis="row"), "dy": np.zeros((1, 5), dtype=int)}, [[0, 0, 5, 0, 0]]),
    ({"dx": np.zeros((4, 1), dtype=int), "dy": line(2, -7, 3, 4, axis="column")}, [[0], [7], [0], [4]]),
)


@grades(canny.thin)
def test_diagonals(rng):
    """a gradient to the lower right is compared along that diagonal, one to the lower left along the other"""
    for axis, sign in (("falling", 1), ("rising", -1)):
        dx = line(2, 5, 3, axis=axis)
        case = f"thin({dx.tolist()}, dy = {'dx' if sign > 0 else '-dx'})"
        close(canny.thin(dx, sign * dx), 2 * line(0, 5, 0, axis=axis), case=case)
        # Across the gradient nothing is compared.
        across = line(2, 5, 3, axis="rising" if axis == "falling" else "falling")
        case = f"thin({across.tolist()}, dy = {'dx' if sign > 0 else '-dx'})"
        close(canny.thin(across, sign * across), 2 * across, case=case)
        two = line(4, 4, 1, axis=axis)
        case = f"thin({two.tolist()}, dy = {'dx' if sign > 0 else '-dx'}): equal along a diagonal, none stays"
        close(canny.thin(two, sign * two), 0 * two, case=case)


@grades(canny.thin)
def test_sectors(rng):
    """the direction changes at 22.5 and at 67.5 degrees"""
    for degrees in (10, 21, 24, 44, 66, 69, 89, 100, 112, 114, 135, 156, 159, 170, 190, 225, 300):
        turn = math.radians(degrees)
        dx, dy = np.round(100 * np.cos(turn) * PLATE, 3), np.round(100 * np.sin(turn) * PLATE, 3)
        case = f"gradients at {degrees} degrees, as large as {PLATE.tolist()}"
        close(canny.thin(dx, dy), pixel_by_pixel(dx, dy), case=case)


PLATE = np.array([[1.0, 3.0, 5.0], [7.0, 6.0, 5.5], [2.0, 4.0, 8.0]])

test_random = THIN.random("random gradients: compared pixel by pixel", dtypes=("float64",))
test_large = THIN.large("gradients of 40 x 50 pixels", whole((40, 50), high=300), dtype="float64")
test_laws = THIN.laws(
    "the laws of every operation: calls and memory do not get mixed up, and the gradients stay",
    lambda rng: [{"dx": some(rng, *s), "dy": some(rng, *s)} for s in ((4, 5), (3, 6))],
    backward=False,
    dtypes=(),
)


wrong(
    canny.thin,
    {
        "every pixel is compared with its left and right neighbor": (
            "vertical = np.abs(dx) < slope * np.abs(dy)",
            "vertical = np.zeros_like(horizontal); horizontal = ~vertical",
        ),
        "neighbors along the edge are compared, not across it": (
            "        (horizontal, 0, -1),\n        (vertical, -1, 0),\n",
            "        (vertical, 0, -1),\n        (horizontal, -1, 0),\n",
        ),
        "the diagonals have changed places, as if rows counted upwards": (
            "(dx < 0) == (dy < 0)",
            "(dx < 0) != (dy < 0)",
        ),
        "of two equal neighbors side by side both stay": (
            "ridge = (size > before) & (size >= behind)",
            "ridge = (size >= before) & (size >= behind)",
        ),
        "of two equal neighbors side by side none stays": (
            "ridge = (size > before) & (size >= behind)",
            "ridge = (size > before) & (size > behind)",
        ),
        "a diagonal begins at 45 degrees": ("slope = np.tan(np.pi / 8)", "slope = 1.0"),
        "the result is 1 on ridges, not the size of the gradient": ("result[kept] = size[kept]", "result[kept] = 1"),
        "beyond the border the picture goes on": ("np.pad(size, 1)", 'np.pad(size, 1, mode="edge")'),
        "the result is float64, whatever came": ("np.zeros_like(size)", "np.zeros(size.shape)"),
        "the ridges are written over dx": ("result = np.zeros_like(size)", "result = dx\n    result[...] = 0"),
    },
)
survives(
    canny.thin,
    {
        "no ratio of whole numbers is the tangent of 22.5 degrees": [
            ("np.abs(dy) < slope", "np.abs(dy) <= slope"),
            ("np.abs(dx) < slope", "np.abs(dx) <= slope"),
        ],
        "where one of them is 0 the gradient is no diagonal": [("(dx < 0)", "(dx <= 0)"), ("(dy < 0)", "(dy <= 0)")],
    },
)

"""What undo_letterbox must do."""

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import close, equal
from upslope.checks.op_info import OpInfo
from upslope.image import letterbox as module
from upslope.image.letterbox import Letterbox

WIDE = Letterbox(100, 300, 21, 64, 21, 0, 64)
HIGH = Letterbox(300, 100, 64, 21, 0, 21, 64)


def some_done(rng):
    """A picture of any size on a square, each side rounded on its own, as `letterbox` does it."""
    height, width, size = (int(n) for n in rng.integers(20, 500, 3))
    factor = size / max(height, width)
    down, across = max(1, round(height * factor)), max(1, round(width * factor))
    return Letterbox(height, width, down, across, (size - down) // 2, (size - across) // 2, size)


def drawn(rng, counts=(1, 3, 5, 8, 0), outside=0.0):
    for count in counts:
        done = some_done(rng)
        low = np.array([done.left, done.top]) - outside * done.size
        side = np.array([done.scaled_width, done.scaled_height]) + 2 * outside * done.size
        corners = np.sort(low + rng.uniform(0, 1, (count, 2, 2)) * side, axis=1).reshape(count, 4)
        yield {"boxes": corners.round(3), "done": done}


def by_definition(boxes, done):
    """Corner by corner in Python's numbers."""
    rows = []
    for x1, y1, x2, y2 in np.asarray(boxes).reshape(-1, 4).tolist():
        row = []
        for x, y in ((x1, y1), (x2, y2)):
            x, y = (x - done.left) * done.width / done.scaled_width, (y - done.top) * done.height / done.scaled_height
            row += [min(max(x, 0), done.width), min(max(y, 0), done.height)]
        rows.append(row)
    return np.array(rows, dtype=np.float64).reshape(np.shape(boxes))


UNDO = OpInfo(module.undo_letterbox, samples=drawn, truth=by_definition, tensor=np.asarray)

test_shape = UNDO.shape("as many boxes as came, and the dtype stays; of no boxes none")
test_by_hand = UNDO.by_hand(
    "100 x 300 pixels on a square of 64: [16, 21, 32, 42] was [75, 0, 150, 100]",
    ({"boxes": [[16.0, 21, 32, 42]], "done": WIDE}, [[75.0, 0, 150, 100]]),
    ({"boxes": [[21.0, 16, 42, 32]], "done": HIGH}, [[0.0, 75, 100, 150]]),
    ({"boxes": [[0.0, 21, 64, 42]], "done": WIDE}, [[0.0, 0, 300, 100]]),
)
test_border = UNDO.by_hand(
    "what lies on the border, or beyond the square, comes to the picture's edge",
    ({"boxes": [[-5.0, 0, 70, 64], [16, 10, 32, 31.5]], "done": WIDE}, [[0.0, 0, 300, 100], [75, 0, 150, 50]]),
    ({"boxes": [[0.0, -5, 64, 70]], "done": HIGH}, [[0.0, 0, 100, 300]]),
)
test_random = UNDO.random("random pictures and squares, each side by what was really done", dtypes=("float64",))
test_outside = UNDO.random(
    "random boxes that reach into the border", lambda rng: drawn(rng, outside=0.2), dtypes=("float64",)
)
test_float32 = UNDO.random("the same in float32", dtypes=("float32",), atol=1e-2)
test_large = UNDO.large("500 boxes", lambda rng: drawn(rng, (500,)), dtype="float64")


@grades(module.undo_letterbox)
def test_there_and_back(rng):
    """what `letterbox` did to pictures of random sizes is undone within half a pixel"""
    for _ in range(5):
        height, width, size = (int(n) for n in rng.integers(20, 200, 3))
        square, done = module.letterbox(np.zeros((height, width), dtype=np.float32), size, fill=1.0)
        # Where the picture lies, read from the square itself.
        rows, columns = np.nonzero(square < 0.5)
        found = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], dtype=np.float64)
        case = f"a picture of {height} x {width} on {size} x {size}: all of it"
        close(module.undo_letterbox(found, done), [[0, 0, width, height]], case=case, rtol=0, atol=0.5)


@grades(module.undo_letterbox)
def test_shapes(rng):
    """one box alone, and boxes of several pictures at once; what came is not changed"""
    boxes = np.array([16.0, 21, 32, 42])
    close(module.undo_letterbox(boxes, WIDE), [75, 0, 150, 100], case="one box, (4,)")
    table = np.tile(boxes, (2, 3, 1))
    close(module.undo_letterbox(table, WIDE), np.tile([75.0, 0, 150, 100], (2, 3, 1)), case="boxes (2, 3, 4)")
    equal(boxes.tolist(), [16.0, 21.0, 32.0, 42.0], case="the box afterwards")


wrong(
    module.undo_letterbox,
    {
        "the scale that was asked for is taken for both sides, not what rounding made of it": (
            "done.width / done.scaled_width, done.height / done.scaled_height",
            "(max(done.height, done.width) / done.size,) * 2",
        ),
        "the border that was asked for is taken off, not the whole pixels that were put there": (
            "np.array([done.left, done.top, done.left, done.top])",
            "np.array([(done.size - n * done.size / max(done.height, done.width)) / 2"
            " for n in (done.width, done.height)] * 2)",
        ),
        "the scale is undone first, and then the border of the square is taken off": (
            "(boxes - offset) * np.array([across, down, across, down])",
            "boxes * np.array([across, down, across, down]) - offset",
        ),
        "the border is not taken off": ("(boxes - offset)", "boxes"),
        "top and left are exchanged": (
            "np.array([done.left, done.top, done.left, done.top])",
            "np.array([done.top, done.left, done.top, done.left])",
        ),
        "across and down are exchanged": ("[across, down, across, down]", "[down, across, down, across]"),
        "the picture is made smaller once more": (
            "done.width / done.scaled_width, done.height / done.scaled_height",
            "done.scaled_width / done.width, done.scaled_height / done.height",
        ),
        "boxes may end outside of the picture": ("np.clip(moved, 0, edge)", "moved"),
        "the result is always float64": ("dtype=boxes.dtype", "dtype=np.float64"),
        "the border is taken off in place": (
            "# First the border goes, then the scale.",
            "boxes -= offset\n    offset = 0 * offset",
        ),
    },
)

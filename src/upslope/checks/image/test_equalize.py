"""What equalize must do."""

from fractions import Fraction

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close, equal, true
from upslope.checks.op_info import OpInfo
from upslope.image import equalize as module


def levels(*rows):
    return np.array(rows, dtype=np.uint8)


def drawn(rng):
    for shape, low, high in (((2, 5), 0, 256), ((3, 3), 90, 110), ((4, 4), 250, 256), ((12, 9), 0, 4), ((7,), 20, 30)):
        yield {"image": rng.integers(low, high, shape, dtype=np.uint8)}


def counted(image):
    """Pixel by pixel, in fractions."""
    pixels = [int(v) for v in image.ravel()]
    darkest = pixels.count(min(pixels))
    rest = len(pixels) - darkest
    new = {v: round(Fraction(255 * (sum(p <= v for p in pixels) - darkest), rest)) if rest else v for v in set(pixels)}
    return np.array([new[v] for v in pixels]).reshape(image.shape)


EQUALIZE = OpInfo(module.equalize, samples=drawn, truth=counted, tensor=np.asarray)

test_shape_and_dtype = EQUALIZE.shape("the shape of the image, uint8", gives="uint8")
test_by_hand = EQUALIZE.by_hand(
    "[[10, 10, 11, 13]] becomes [[0, 0, 128, 255]]", ({"image": levels([10, 10, 11, 13])}, [[0, 0, 128, 255]])
)
test_random = EQUALIZE.random("random levels: counted pixel by pixel, in fractions", dtypes=("float64",), atol=0)
test_large = EQUALIZE.large(
    "an image of 3,600 pixels",
    lambda rng: [{"image": np.clip(rng.normal(120, 20, (60, 60)), 0, 255).astype(np.uint8)}],
    dtype="float64",
    atol=0,
)


@grades(module.equalize)
def test_one_level(rng):
    """an image of a single level, and one without pixels, stay as they are"""
    for image in (levels([7, 7], [7, 7]), levels([0]), levels([255, 255]), np.zeros((0, 3), dtype=np.uint8)):
        got = module.equalize(image)
        case = f"equalize({image.tolist()})"
        close(got, image, case=case, rtol=0, atol=0)
        true(got is not image, "what came back is the image itself, not a copy", case=case)


@grades(module.equalize)
def test_ends(rng):
    """the darkest level becomes 0 and the brightest 255, and no two change places"""
    image = rng.integers(60, 130, (20, 30), dtype=np.uint8)
    got = np.asarray(module.equalize(image))
    equal((int(got.min()), int(got.max())), (0, 255), case="levels from 60 to 129: the extremes of the result")
    order = np.argsort(image.ravel(), kind="stable")
    true(bool((np.diff(got.ravel()[order].astype(int)) >= 0).all()), "a darker pixel became a brighter one")


@grades(module.equalize)
def test_input_stays(rng):
    """the image itself is not changed"""
    image = rng.integers(0, 256, (5, 6), dtype=np.uint8)
    before = image.copy()
    module.equalize(image)
    close(image, before, case="the image after equalize(image)", rtol=0, atol=0)


wrong(
    module.equalize,
    {
        "the darkest level is counted as well, and becomes more than 0": (
            "darkest = below[below > 0][:1].sum()",
            "darkest = 0",
        ),
        "levels are cut off, not rounded": ("np.rint(", "np.floor("),
        "each level becomes its own count, without those below it": ("below = np.cumsum(counts)", "below = counts"),
        "the levels that occur are stretched from 0 to 255, however many pixels they have": (
            "table = np.rint(255 * np.maximum(below - darkest, 0) / rest)",
            (
                "table = np.rint(255 * (np.arange(256.0) - image.min(initial=255)) "
                "/ max(int(image.max(initial=0)) - int(image.min(initial=255)), 1)) % 256"
            ),
        ),
        "the count of pixels in the darkest level is not taken off the number of pixels": (
            "/ rest)",
            "/ image.size)",
        ),
        "an image of a single level becomes black": ("return image.copy()", "return np.zeros_like(image)"),
        "the result has 256 levels for 255, and the brightest becomes 0": ("np.rint(255 *", "np.rint(256 *"),
        "the levels come back as floats": ("table.astype(np.uint8)[image]", "table[image]"),
        "the pixels are changed in place": (
            "return np.asarray(table.astype(np.uint8)[image])",
            "image[...] = table.astype(np.uint8)[image]; return image",
        ),
    },
)
survives(
    module.equalize,
    {
        "levels below the darkest do not occur, so nobody looks up what they become": [
            ("darkest, 0) / rest", "darkest, -1) / rest"),
        ],
        "of one number the mean is the sum, and without pixels nothing is looked up": [("[:1].sum()", "[:1].mean()")],
    },
)

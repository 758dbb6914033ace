"""What gaussian_blur must do."""

import math

import numpy as np
from scipy import ndimage

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import some
from upslope.image import gaussian

QUARTERS = {"sigma": 1 / math.sqrt(2 * math.log(2)), "radius": 1}  # the weights 1/4, 1/2, 1/4
SIZES = (((3, 4), 0.8, 1), ((5, 3), 1.5, 2), ((6, 9), 3.0, 4), ((4, 4), 1.0, 0), ((8, 5), 0.5, 3))


def drawn(*sizes):
    return lambda rng: [{"image": some(rng, *shape), "sigma": sigma, "radius": r} for shape, sigma, r in sizes]


def by_scipy(image, sigma, radius):
    return ndimage.gaussian_filter(image, sigma, mode="mirror", radius=radius)


BLUR = OpInfo(gaussian.gaussian_blur, samples=drawn(*SIZES), truth=by_scipy, tensor=np.asarray)

test_shape_and_dtype = BLUR.shape("the shape and the dtype of the image")
test_by_hand = BLUR.by_hand(
    "with the weights 1/4, 1/2, 1/4 a single 16 in the middle becomes 4 everywhere",
    ({"image": [[0.0, 0, 0], [0, 16, 0], [0, 0, 0]], **QUARTERS}, [[4] * 3] * 3),
    ({"image": [[0.0, 0, 0, 0, 0]] * 2 + [[0, 0, 16, 0, 0]] + [[0.0] * 5] * 2, **QUARTERS}, ...),
)
test_random = BLUR.random("random images: SciPy's gaussian_filter with mode=mirror")
test_large = BLUR.large("an image of 60 x 80 pixels", drawn(((60, 80), 2.0, 8)))


@grades(gaussian.gaussian_blur)
def test_even_areas(rng):
    """an even image stays what it is, right up to its border"""
    for level in (1.0, -3.5):
        image = np.full((7, 9), level)
        case = f"an image of {level} everywhere, sigma=2, radius=3"
        close(gaussian.gaussian_blur(image, sigma=2.0, radius=3), image, case=case)


@grades(gaussian.gaussian_blur)
def test_axes(rng):
    """rows and columns are blurred alike: the blurred transpose is the transpose blurred"""
    image = some(rng, 6, 9)
    once = np.asarray(gaussian.gaussian_blur(image.T.copy(), sigma=1.2, radius=3)).T
    close(gaussian.gaussian_blur(image, sigma=1.2, radius=3), once, case="an image and its transpose, sigma=1.2")


test_laws = BLUR.laws(
    "the laws of every operation: calls and memory do not get mixed up, and the image stays", backward=False, dtypes=()
)


wrong(
    gaussian.gaussian_blur,
    {
        "the exponent lacks its 1/2": ("np.exp(-0.5 *", "np.exp(-1.0 *"),
        "the weights do not sum to one": ("weights = weights / weights.sum()", "weights = 1.0 * weights"),
        "only the rows are blurred": (
            "both += float(weight) * rows[k : k + height]",
            "both = rows[radius : radius + height]",
        ),
        "beyond the border lies 0": ('mode="reflect"', 'mode="constant"'),
        "the outermost pixels occur twice": ('mode="reflect"', 'mode="symmetric"'),
        "the result is float64, whatever came": ("np.zeros_like(image)", "np.zeros((height, width))"),
        "the image itself is blurred": ("both = np.zeros_like(image)", "both = image\n    both[...] = 0"),
        "all neighbors count alike: a box, not a bell": (
            "weights = np.exp(-0.5 * (places / sigma) ** 2)",
            "weights = np.ones(2 * radius + 1)",
        ),
        "sigma is taken for its square": ("(places / sigma) ** 2)", "places**2 / sigma)"),
    },
)
survives(
    gaussian.gaussian_blur,
    {"rows kept in float64 are only closer to the right ones": [("width), dtype=image.dtype)", "width))")]},
)

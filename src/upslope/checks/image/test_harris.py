"""What harris must do."""

import numpy as np
from scipy import ndimage

from upslope.checks import grades, wrong
from upslope.checks.expect import close, true
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import some
from upslope.image import harris as module


def drawn(*sizes):
    return lambda rng: [{"image": some(rng, *shape), "sigma": sigma, "k": k} for shape, sigma, k in sizes]


def by_scipy(image, sigma, k=0.04):
    """Slopes, products and their means by SciPy's filters; the two eigenvalues in place of the determinant."""
    dx, dy = (ndimage.sobel(image, axis=axis, mode="mirror") for axis in (1, 0))
    radius = round(4 * sigma)
    a, b, c = (ndimage.gaussian_filter(x, sigma, mode="mirror", radius=radius) for x in (dx * dx, dx * dy, dy * dy))
    root = np.sqrt(((a - c) / 2) ** 2 + b * b)
    first, second = (a + c) / 2 + root, (a + c) / 2 - root
    return first * second - k * (first + second) ** 2


SIZES = (((4, 5), 0.5, 0.04), ((6, 7), 1.0, 0.06), ((7, 9), 1.2, 0.0), ((12, 11), 2.0, 0.05))
HARRIS = OpInfo(module.harris, samples=drawn(*SIZES), truth=by_scipy, tensor=np.asarray)

test_shape_and_dtype = HARRIS.shape("the shape and the dtype of the image")
test_random = HARRIS.random("random images: the two eigenvalues by SciPy's filters", dtypes=("float64",), atol=1e-4)
test_default = HARRIS.random(
    "k is 0.04 where none is given",
    lambda rng: [{"image": some(rng, 7, 8), "sigma": 1.0}],
    dtypes=("float64",),
    atol=1e-4,
)
test_large = HARRIS.large("an image of 60 x 80 pixels", drawn(((60, 80), 1.5, 0.04)), dtype="float64", atol=1e-4)


@grades(module.harris)
def test_by_hand(rng):
    """a slope of 1 to the right: a = 8**2 = 64, b = c = 0, and the response is 0 - 0.05 * 64**2 = -204.8"""
    image = np.tile(np.arange(30.0), (30, 1))
    got = np.asarray(module.harris(image, sigma=1.0, k=0.05))[12:18, 12:18]
    case = "image[y, x] = x, sigma=1, k=0.05, far from the border"
    close(got, np.full((6, 6), -204.8), case=case)


@grades(module.harris)
def test_corners_edges_areas(rng):
    """positive and largest at a corner, negative at an edge, 0 in even areas"""
    image = np.zeros((40, 40))
    image[20:, 20:] = 1.0
    got = np.asarray(module.harris(image, sigma=1.0))
    case = "0, but 1 from (20, 20) on to the lower right, sigma=1"
    row, column = np.unravel_index(int(np.argmax(got)), got.shape)
    near = abs(int(row) - 20) <= 2 and abs(int(column) - 20) <= 2
    true(near, "the largest response is not at the corner", case=case, got=f"({row}, {column})", expected="(20, 20)")
    true(float(got[35, 20]) < 0, "the response at an edge is not negative", case=case, got=float(got[35, 20]))
    close(got[:10, :10], np.zeros((10, 10)), case=f"{case}: the even upper left")


test_laws = HARRIS.laws(
    "the laws of every operation: calls and memory do not get mixed up, and the image stays", backward=False, dtypes=()
)


wrong(
    module.harris,
    {
        "the slopes are averaged before they are multiplied: without the blur of the products M has rank one": (
            "    a = gaussian_blur(dx * dx, sigma=sigma, radius=radius)\n"
            "    b = gaussian_blur(dx * dy, sigma=sigma, radius=radius)\n"
            "    c = gaussian_blur(dy * dy, sigma=sigma, radius=radius)\n",
            "    dx, dy = (gaussian_blur(slope, sigma=sigma, radius=radius) for slope in (dx, dy))\n"
            "    a, b, c = dx * dx, dx * dy, dy * dy\n",
        ),
        "the product dx dy is left out: corners at a slant look like others": ("a * c - b * b", "a * c"),
        "the trace is not squared": ("(a + c) ** 2", "(a + c)"),
        "k (trace M)**2 is added": ("- k * (a + c)", "+ k * (a + c)"),
        "k is not looked at: it is 0.04 in any case": ("- k * (a + c)", "- 0.04 * (a + c)"),
        "the determinant is divided by the trace, as Noble does": (
            "a * c - b * b - k * (a + c) ** 2",
            "(a * c - b * b) / (a + c + 1e-9)",
        ),
        "the smaller eigenvalue is taken, as Shi and Tomasi do": (
            "a * c - b * b - k * (a + c) ** 2",
            "(a + c) / 2 - (((a - c) / 2) ** 2 + b * b) ** 0.5",
        ),
        "the response is float32, whatever came": (
            "a * c - b * b - k * (a + c) ** 2",
            '(a * c - b * b - k * (a + c) ** 2).astype("float32")',
        ),
        "the image is brought to at most 1 first, in place": (
            "dx, dy = sobel(image)",
            "image /= image.max()\n    dx, dy = sobel(image)",
        ),
        "the window ends at sigma": ("radius = round(4 * sigma)", "radius = round(sigma)"),
    },
)

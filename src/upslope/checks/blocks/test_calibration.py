"""What affine_from_range must do."""

import math
from fractions import Fraction
from functools import partial

from upslope.blocks import calibration
from upslope.checks import grades, wrong
from upslope.checks.expect import close, equal, raises, true


def asked(low, high):
    """The answer, and the call in words."""
    got = calibration.affine_from_range(low, high)
    case = f"affine_from_range({low:g}, {high:g})"
    true(isinstance(got, tuple) and len(got) == 2, "what comes back is no pair", case=case, got=got)
    return *got, case


def compare(low, high, scale, zero_point):
    """Both numbers, whatever kind of whole number the zero point is."""
    got, zero, case = asked(low, high)
    close(got, scale, case=f"{case}: the scale", rtol=1e-6, atol=0)
    equal(int(zero), zero_point, case=f"{case}: the zero point")
    true(zero == int(zero), "the zero point is not a whole number", case=case, got=zero)


def by_fractions(low, high):
    """Without rounding, but for the last step."""
    low, high = min(Fraction(low), Fraction(0)), max(Fraction(high), Fraction(0))
    place = -low * 255 / (high - low)
    return float((high - low) / 255), place


@grades(calibration.affine_from_range)
def test_by_hand(rng):
    """-1 to 4.1 is (0.02, 50), and -3 to 2.1 is (0.02, 150)"""
    compare(-1.0, 4.1, 0.02, 50)
    compare(-3.0, 2.1, 0.02, 150)
    compare(-128.0, 127.0, 1.0, 128)


@grades(calibration.affine_from_range)
def test_one_sided(rng):
    """a range without 0 is widened until it has it: 2 to 5.1 is (0.02, 0), -5.1 to -2 is (0.02, 255)"""
    compare(2.0, 5.1, 0.02, 0)
    compare(-5.1, -2.0, 0.02, 255)
    compare(0.0, 5.1, 0.02, 0)
    compare(-5.1, 0.0, 0.02, 255)
    compare(3.0, 3.0, 3 / 255, 0)
    compare(-3.0, -3.0, 3 / 255, 255)


@grades(calibration.affine_from_range)
def test_rounded(rng):
    """the zero point is the nearest whole number"""
    compare(-1.0, 1.55, 0.01, 100)
    compare(-1.006, 1.544, 0.01, 101)
    compare(-1.004, 1.546, 0.01, 100)


@grades(calibration.affine_from_range)
def test_random(rng):
    """300 random ranges, with exact fractions"""
    for _ in range(300):
        low, high = sorted(rng.normal(0, 10 ** rng.uniform(-6, 6), 2).tolist())
        scale, place = by_fractions(low, high)
        if abs(place % 1 - Fraction(1, 2)) > Fraction(1, 1000):  # not where both neighbors are as near
            compare(low, high, scale, round(place))


@grades(calibration.affine_from_range)
def test_grid(rng):
    """0 stands on the grid, and the grid reaches both ends within half a step"""
    for _ in range(100):
        low, high = sorted(rng.normal(0, 3, 2).tolist())
        scale, zero, case = asked(low, high)
        true(0 <= zero <= 255, "the zero point is no uint8", case=case, got=zero, expected="0 to 255")
        first, last = -zero * scale, (255 - zero) * scale
        true(first <= low + 0.501 * scale, "the grid begins above low", case=case, got=first, expected=low)
        true(last >= high - 0.501 * scale, "the grid ends below high", case=case, got=last, expected=high)


@grades(calibration.affine_from_range)
def test_nothing_flows(rng):
    """where nothing but 0 was seen, or next to nothing, there is no division by zero: (1, 0)"""
    for low, high in ((0.0, 0.0), (-0.0, 0.0), (0.0, 1e-44), (-1e-40, 1e-40), (-1e-320, 0.0)):
        compare(low, high, 1.0, 0)
    compare(0.0, 1e-30, 1e-30 / 255, 0)
    compare(0.0, 255 * 2.0**-126, 2.0**-126, 0)
    compare(0.0, 250 * 2.0**-126, 1.0, 0)


@grades(calibration.affine_from_range)
def test_kinds(rng):
    """a float and a whole number come back, of whole numbers as well"""
    for low, high in ((-1.0, 4.1), (-100, 155), (0.0, 0.0)):
        scale, zero, case = asked(low, high)
        equal([type(scale).__name__, type(zero).__name__], ["float", "int"], case=f"{case}: the types")


@grades(calibration.affine_from_range)
def test_refuses(rng):
    """a range that is turned round or not finite raises a ValueError that names both ends"""
    for low, high in ((3.0, -1.0), (1.0, 0.5), (0.0, math.inf), (-math.inf, 0.0), (math.nan, 1.0), (3.0, math.nan)):
        call = partial(calibration.affine_from_range, low, high)
        words = [f"{low:g}", f"{high:g}"]
        raises(ValueError, call, case=f"affine_from_range({low:g}, {high:g})", says=words)


wrong(
    calibration.affine_from_range,
    {
        "the range need not hold 0: a border of zeros becomes something else": (
            "low, high = min(low, 0.0), max(high, 0.0)",
            "pass",
        ),
        "only the upper end is widened to 0": ("min(low, 0.0), max", "low, max"),
        "the steps are counted as 256, one for each whole number": (
            "scale = (high - low) / 255\n",
            "scale = (high - low) / 256\n",
        ),
        "the zero point is cut off, not rounded": ("round(-low / scale)", "int(-low / scale)"),
        "the zero point is not rounded at all, so no whole number stands for 0": (
            "round(-low / scale)",
            "-low / scale",
        ),
        "the zero point has the wrong sign": ("round(-low / scale)", "round(low / scale)"),
        "the range is symmetric around 0: half of uint8 is empty behind a ReLU": (
            "min(low, 0.0), max(high, 0.0)",
            "-max(-low, high), max(-low, high)",
        ),
        "the zero point is that of int8, 128 lower": ("round(-low / scale)", "round(-low / scale) - 128"),
        "the zero point is the lowest number, not the whole number that stands for 0": (
            "round(-low / scale)",
            "round(low)",
        ),
        "a range of nothing is divided by 0": ("if scale < 2.0**-126:", "if False:"),
        "a scale that float32 cannot hold is let through: it becomes 0": ("scale < 2.0**-126", "scale == 0"),
        "the scale is the number of steps in 1, not the size of a step": (
            "return scale, round(-low / scale)",
            "return 1 / scale, round(-low / scale)",
        ),
        "a range that holds nan is let through": (
            "not (-math.inf < low <= high < math.inf)",
            "low > high or max(-low, high) == math.inf",
        ),
    },
)

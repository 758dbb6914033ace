"""What mel_filter_bank must do."""

import math

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import close, equal, true
from upslope.sound import mel

# n_mels, n_fft, rate, low, high
SETTINGS = (
    (1, 8, 11_200, 0.0, None),
    (3, 16, 8_000, 0.0, None),
    (4, 32, 8_000, 300.0, 3_400.0),
    (10, 64, 16_000, 0.0, 8_000.0),
    (5, 25, 11_025, 100.0, None),
)


def words(n_mels, n_fft, rate, low, high):
    extra = (f", low={low:g}" if low else "") + (f", high={high:g}" if high else "")
    return f"mel_filter_bank({n_mels}, n_fft={n_fft}, rate={rate}{extra})"


def corners(n_mels, rate, low, high):
    """The points of the filters in hertz, one after the other by Python's math."""
    low, high = (2595 * math.log10(1 + f / 700) for f in (low, rate / 2 if high is None else high))
    step = (high - low) / (n_mels + 1)
    return [700 * (10 ** ((low + step * number) / 2595) - 1) for number in range(n_mels + 2)]


@grades(mel.mel_filter_bank)
def test_shape_and_dtype(rng):
    """a row for each filter, a column for each of n_fft // 2 + 1 frequencies, float64, none below 0"""
    for n_mels, n_fft, rate, low, high in SETTINGS:
        out = mel.mel_filter_bank(n_mels, n_fft=n_fft, rate=rate, low=low, high=high)
        case = words(n_mels, n_fft, rate, low, high)
        true(isinstance(out, np.ndarray), "what came back is not an array", case=case, got=type(out).__name__)
        equal(out.shape, (n_mels, n_fft // 2 + 1), case=case, problem="the shape is wrong")
        equal(out.dtype.name, "float64", case=case, problem="the dtype is wrong")
        true(float(out.min()) >= 0, "filters go below 0", case=case, got=f"{float(out.min()):.3g}")


@grades(mel.mel_filter_bank)
def test_by_hand(rng):
    """with n_mels=1, n_fft=8 and rate=11200 the filter is [[0, 1, 2/3, 1/3, 0]]"""
    out = mel.mel_filter_bank(1, n_fft=8, rate=11_200)
    close(out, [[0, 1, 2 / 3, 1 / 3, 0]], case=words(1, 8, 11_200, 0, None))


@grades(mel.mel_filter_bank)
def test_triangles(rng):
    """each filter is a triangle in hertz between its neighbours' tops"""
    for n_mels, n_fft, rate, low, high in SETTINGS:
        points = corners(n_mels, rate, low, high)
        frequencies = [k * rate / n_fft for k in range(n_fft // 2 + 1)]
        rows = [np.interp(frequencies, points[m : m + 3], [0, 1, 0]) for m in range(n_mels)]
        out = mel.mel_filter_bank(n_mels, n_fft=n_fft, rate=rate, low=low, high=high)
        close(out, rows, case=words(n_mels, n_fft, rate, low, high))


@grades(mel.mel_filter_bank)
def test_sum_is_one(rng):
    """between the first top and the last one the filters add up to 1: nothing is lost"""
    n_mels, n_fft, rate = int(rng.integers(4, 9)), 256, 8000
    points = corners(n_mels, rate, 0, None)
    total = np.asarray(mel.mel_filter_bank(n_mels, n_fft=n_fft, rate=rate)).sum(axis=0)
    between = [k for k in range(n_fft // 2 + 1) if points[1] <= k * rate / n_fft <= points[-2]]
    close(total[between], np.ones(len(between)), case=f"{words(n_mels, n_fft, rate, 0, None)}: sums of columns")


@grades(mel.mel_filter_bank)
def test_limits(rng):
    """nothing below `low` or above `high` passes, and rate / 2 is the default of `high`"""
    out = np.asarray(mel.mel_filter_bank(4, n_fft=80, rate=8000, low=500, high=3000))
    outside = [k for k in range(41) if k * 100 <= 500 or k * 100 >= 3000]
    case = words(4, 80, 8000, 500, 3000)
    close(out[:, outside], np.zeros((4, len(outside))), case=f"{case}: columns outside", atol=1e-9)
    left, right = (mel.mel_filter_bank(4, n_fft=80, rate=8000, high=high) for high in (None, 4000.0))
    close(left, right, case="mel_filter_bank(4, n_fft=80, rate=8000) without high, beside high=4000")


wrong(
    mel.mel_filter_bank,
    {
        "the points lie evenly in hertz, not in mel": (
            "points = 700 * (10 ** (np.linspace(low_mel, high_mel, n_mels + 2) / 2595) - 1)",
            "points = np.linspace(low, rate / 2 if high is None else high, n_mels + 2)",
        ),
        "natural logarithms with the factor 2595, which belongs to base 10": (
            "low_mel = 2595 * np.log10(1 + low / 700)\n    high_mel = 2595 * np.log10(1 + (",
            "low_mel = 2595 * np.log(1 + low / 700)\n    high_mel = 2595 * np.log(1 + (",
        ),
        "the frequencies of the columns end at the rate, not at half of it": (
            "np.arange(n_fft // 2 + 1) * rate / n_fft",
            "np.arange(n_fft // 2 + 1) * rate / (n_fft // 2)",
        ),
        "the columns are spread over n_fft + 1": (
            "np.arange(n_fft // 2 + 1) * rate / n_fft",
            "np.arange(n_fft // 2 + 1) * rate / (n_fft + 1)",
        ),
        "what lies outside of a filter goes below 0": (
            "np.maximum(0.0, np.minimum(rising, falling))",
            "np.minimum(rising, falling)",
        ),
        "the higher of the two lines counts": (
            "np.minimum(rising, falling)",
            "np.minimum(1.0, np.maximum(rising, falling))",
        ),
        "filters are divided by their width, as Slaney's are": (
            "np.maximum(0.0, np.minimum(rising, falling))",
            "np.maximum(0.0, np.minimum(rising, falling)) * 2 / (right - left)",
        ),
        "low is not looked at: every bank begins at 0": ("np.log10(1 + low / 700)", "np.log10(1 + 0 * low / 700)"),
        "high is the rate itself where none is given": ("rate / 2 if high is None", "rate if high is None"),
        "high is not looked at: every bank ends at rate / 2": ("(rate / 2 if high is None else high)", "rate / 2"),
        "the points are moved to whole columns, as in old recipes": (
            "left, centre, right = points[:-2, None], points[1:-1, None], points[2:, None]",
            (
                "points = np.round(points * n_fft / rate) * rate / n_fft + np.arange(n_mels + 2) * 1e-6\n"
                "    left, centre, right = points[:-2, None], points[1:-1, None], points[2:, None]"
            ),
        ),
        "the triangles are straight in mel, and so bent in hertz": (
            "    frequencies = np.arange(n_fft // 2 + 1) * rate / n_fft",
            (
                "    frequencies = 2595 * np.log10(1 + np.arange(n_fft // 2 + 1) * rate / n_fft / 700)\n"
                "    left, centre, right = (2595 * np.log10(1 + f / 700) for f in (left, centre, right))"
            ),
        ),
    },
)

"""What mel_filter_bank must do."""

import math

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import close, true
from upslope.checks.op_info import OpInfo
from upslope.sound import mel

SETTINGS = (
    {"n_mels": 1, "n_fft": 8, "rate": 11_200},
    {"n_mels": 3, "n_fft": 16, "rate": 8_000},
    {"n_mels": 4, "n_fft": 32, "rate": 8_000, "low": 300.0, "high": 3_400.0},
    {"n_mels": 10, "n_fft": 64, "rate": 16_000, "high": 8_000.0},
    {"n_mels": 5, "n_fft": 25, "rate": 11_025, "low": 100.0},
    {"n_mels": 80, "n_fft": 400, "rate": 16_000},
)


def corners(n_mels, rate, low=0.0, high=None):
    """The points of the filters in hertz, one after the other by Python's math."""
    low, high = (2595 * math.log10(1 + f / 700) for f in (low, rate / 2 if high is None else high))
    step = (high - low) / (n_mels + 1)
    return [700 * (10 ** ((low + step * number) / 2595) - 1) for number in range(n_mels + 2)]


def triangles(n_mels, n_fft, rate, **limits):
    """Each filter by linear interpolation between its corners."""
    points = corners(n_mels, rate, **limits)
    frequencies = [k * rate / n_fft for k in range(n_fft // 2 + 1)]
    return np.array([np.interp(frequencies, points[m : m + 3], [0, 1, 0]) for m in range(n_mels)])


BANK = OpInfo(mel.mel_filter_bank, samples=lambda rng: SETTINGS, truth=triangles, tensor=np.asarray)

test_shape_and_dtype = BANK.shape(
    "a row for each filter, a column for each of n_fft // 2 + 1 frequencies, float64", gives="float64"
)
test_by_hand = BANK.by_hand(
    "with n_mels=1, n_fft=8 and rate=11200 the filter is [[0, 1, 2/3, 1/3, 0]]",
    (SETTINGS[0], [[0, 1, 2 / 3, 1 / 3, 0]]),
)
test_triangles = BANK.random("each filter is a triangle in hertz between its neighbours' tops", dtypes=("float64",))


@grades(mel.mel_filter_bank)
def test_sum_is_one(rng):
    """between the first top and the last one the filters add up to 1: nothing is lost"""
    n_mels, n_fft, rate = int(rng.integers(4, 9)), 256, 8000
    points = corners(n_mels, rate)
    bank = np.asarray(mel.mel_filter_bank(n_mels, n_fft=n_fft, rate=rate))
    case = f"mel_filter_bank({n_mels}, n_fft={n_fft}, rate={rate})"
    true(float(bank.min()) >= 0, "filters go below 0", case=case, got=f"{float(bank.min()):.3g}")
    between = [k for k in range(n_fft // 2 + 1) if points[1] <= k * rate / n_fft <= points[-2]]
    close(bank.sum(axis=0)[between], np.ones(len(between)), case=f"{case}: sums of columns")


@grades(mel.mel_filter_bank)
def test_limits(rng):
    """nothing below `low` or above `high` passes"""
    out = np.asarray(mel.mel_filter_bank(4, n_fft=80, rate=8000, low=500, high=3000))
    outside = [k for k in range(41) if k * 100 <= 500 or k * 100 >= 3000]
    case = "mel_filter_bank(4, n_fft=80, rate=8000, low=500, high=3000): columns outside"
    close(out[:, outside], np.zeros((4, len(outside))), case=case, atol=1e-9)


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
        "what lies outside of a filter goes below 0": (
            "np.maximum(0.0, np.minimum(rising, falling))",
            "np.minimum(rising, falling)",
        ),
        "filters are divided by their width, as Slaney's are": (
            "np.maximum(0.0, np.minimum(rising, falling))",
            "np.maximum(0.0, np.minimum(rising, falling)) * 2 / (right - left)",
        ),
        "low is not looked at: every bank begins at 0": ("np.log10(1 + low / 700)", "np.log10(1 + 0 * low / 700)"),
        "the filters are the columns": (
            "np.maximum(0.0, np.minimum(rising, falling))",
            "np.maximum(0.0, np.minimum(rising, falling)).T",
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

"""What log_mel must do."""

import math

import numpy as np

from upslope.checks import wrong
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import some
from upslope.sound import log_mel as module

# Samples, rate, n_fft, hop, n_mels
SIZES = ((7, 8_000, 8, 4, 3), (1, 11_200, 8, 8, 1), (20, 8_000, 8, 2, 3), (30, 16_000, 16, 5, 4), (3, 8_000, 16, 16, 2))
ONE = {"rate": 11_200, "n_fft": 8, "hop": 8, "n_mels": 1}


def drawn(*sizes, **more):
    return lambda rng: [
        {"signal": some(rng, length), "rate": rate, "n_fft": n_fft, "hop": hop, "n_mels": n_mels, **more}
        for length, rate, n_fft, hop, n_mels in sizes
    ]


def written_out(signal, rate, n_fft, hop, n_mels, floor=1e-10):
    """The definition in float64 from the signal on: transform as a matrix, triangles by np.interp."""
    n = np.arange(n_fft)
    padded = np.concatenate([np.zeros(n_fft // 2), signal, np.zeros(n_fft // 2)])
    k = np.arange(n_fft // 2 + 1)
    transform = np.exp(-2j * np.pi * np.outer(k, n) / n_fft) * (0.5 - 0.5 * np.cos(2 * np.pi * n / n_fft))
    top = 2595 * math.log10(1 + rate / 2 / 700)
    points = [700 * (10 ** (top * m / (n_mels + 1) / 2595) - 1) for m in range(n_mels + 2)]
    filters = np.array([np.interp(k * rate / n_fft, points[m : m + 3], [0, 1, 0]) for m in range(n_mels)])
    frames = []
    for start in range(0, len(padded) - n_fft + 1, hop):
        power = np.abs(transform @ padded[start : start + n_fft]) ** 2
        frames.append([math.log(max(floor, band)) for band in filters @ power])
    return np.array(frames).T


MEL = OpInfo(module.log_mel, samples=drawn(*SIZES), truth=written_out, tensor=np.asarray)

test_shape_and_dtype = MEL.shape(
    "a row for each band, a column for each of 1 + N // hop frames, float64", gives="float64"
)
test_by_hand = MEL.by_hand(
    "the signal [3] with one band becomes [[log 18]]; ten times as loud adds log 100",
    ({"signal": [3.0], **ONE}, [[math.log(18)]]),
    ({"signal": [30.0], **ONE}, [[math.log(1800)]]),
)
test_random = MEL.random("random signals: the definition, written out", dtypes=("float64",), atol=1e-5)
test_large = MEL.large("40 bands of frames of 400 samples", drawn((1600, 16_000, 400, 160, 40)), dtype="float64")
test_silence = MEL.by_hand(
    "silence, and no samples at all, are the logarithm of the floor",
    ({"signal": np.zeros(0), **ONE}, [[math.log(1e-10)]]),
    ({"signal": np.zeros(8), **ONE}, [[math.log(1e-10)] * 2]),
)
test_floor = MEL.random("another floor", drawn(*SIZES[2:4], floor=5.0), dtypes=("float64",))
test_laws = MEL.laws(
    "the laws of every operation: calls and memory do not get mixed up, and the signal stays",
    drawn((200, 8_000, 64, 32, 8), (300, 8_000, 64, 32, 8)),
    backward=False,
    dtypes=(),
)


wrong(
    module.log_mel,
    {
        "the logarithm to base 10": ("np.log(", "np.log10("),
        "the floor is added to every band": ("np.maximum(floor, bands)", "floor + bands"),
        "no silence in front and behind: frames begin at sample t * hop": ("np.pad(signal, n_fft // 2)", "signal"),
        "the edges are mirrored, not silent": (
            "np.pad(signal, n_fft // 2)",
            'np.pad(signal, n_fft // 2, mode="reflect")',
        ),
        "the filters take the magnitude, not the power": ("@ power.T", "@ np.sqrt(power).T"),
        "frames are the rows and bands the columns": (
            "np.log(np.maximum(floor, bands))",
            "np.log(np.maximum(floor, bands)).T",
        ),
        "the mean is taken off the signal in place": (
            "padded = np.pad(signal, n_fft // 2)",
            "signal -= signal.mean() if len(signal) else 0; padded = np.pad(signal, n_fft // 2)",
        ),
    },
)

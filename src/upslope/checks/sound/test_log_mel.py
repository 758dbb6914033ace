"""What log_mel must do."""

import math
from functools import partial

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import close, equal, true
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled
from upslope.sound import log_mel as module

# Samples, rate, n_fft, hop, n_mels
SIZES = ((1, 11_200, 8, 8, 1), (7, 8_000, 8, 4, 3), (20, 8_000, 8, 2, 3), (30, 16_000, 16, 5, 4), (3, 8_000, 16, 16, 2))


def call(x, sizes, **more):
    _, rate, n_fft, hop, n_mels = sizes
    return module.log_mel(x, rate=rate, n_fft=n_fft, hop=hop, n_mels=n_mels, **more)


def words(x, sizes):
    _, rate, n_fft, hop, n_mels = sizes
    return f"log_mel({spelled(x)}, rate={rate}, n_fft={n_fft}, hop={hop}, n_mels={n_mels})"


def written_out(x, rate, n_fft, hop, n_mels, floor=1e-10):
    """The definition in float64 from the signal on: transform as a matrix, triangles by np.interp."""
    n = np.arange(n_fft)
    padded = np.concatenate([np.zeros(n_fft // 2), x, np.zeros(n_fft // 2)])
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


@grades(module.log_mel)
def test_shape_and_dtype(rng):
    """a row for each band, a column for each of 1 + N // hop frames, float64"""
    for sizes in SIZES:
        length, _, _, hop, n_mels = sizes
        out = call(some(rng, length).astype(np.float32), sizes)
        case = words(np.zeros(20), sizes)
        true(isinstance(out, np.ndarray), "what came back is not an array", case=case, got=type(out).__name__)
        equal(out.shape, (n_mels, 1 + length // hop), case=case, problem="the shape is wrong")
        equal(out.dtype.name, "float64", case=case, problem="the dtype is wrong")


@grades(module.log_mel)
def test_by_hand(rng):
    """the signal [3] with n_mels=1, n_fft=8 and rate=11200 becomes [[log 18]]"""
    close(call(np.array([3.0]), SIZES[0]), [[math.log(18)]], case=words(np.array([3.0]), SIZES[0]))


@grades(module.log_mel)
def test_random(rng):
    """random signals: the definition, written out"""
    for sizes in SIZES:
        x = some(rng, sizes[0])
        close(call(x, sizes), written_out(x, *sizes[1:]), case=words(x, sizes), atol=1e-5)


@grades(module.log_mel)
def test_silence(rng):
    """silence, and no samples at all, are the logarithm of the floor"""
    for length, frames in ((0, 1), (8, 5)):
        out = call(np.zeros(length), (length, 8_000, 8, 2, 3))
        close(out, np.full((3, frames), math.log(1e-10)), case=f"log_mel of {length} zeros, hop=2, n_mels=3")
    x = some(rng, 20)
    case = f"{words(x, SIZES[2])[:-1]}, floor=5)"
    close(call(x, SIZES[2], floor=5.0), written_out(x, *SIZES[2][1:], floor=5.0), case=case)


@grades(module.log_mel)
def test_loudness(rng):
    """ten times the amplitude adds log 100 to every band, and the signal stays as it is"""
    x = some(rng, 20) + 3
    before = x.tolist()
    quiet, loud = (np.asarray(call(a, SIZES[2])) for a in (x, 10 * x))
    close(loud - quiet, np.full(quiet.shape, math.log(100)), case="20 samples, and the same ten times as loud")
    equal(x.tolist() == before, True, case="20 samples", problem="the signal was changed in place")


@grades(module.log_mel)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    f = partial(module.log_mel, rate=8000, n_fft=64, hop=32, n_mels=8)
    calls = (Call(f, [some(rng, samples)]) for samples in (200, 300))
    keeps_laws(*calls, tensor=np.asarray, backward=False, dtypes=())


wrong(
    module.log_mel,
    {
        "the logarithm to base 10": ("np.log(", "np.log10("),
        "the floor is added to every band": ("np.maximum(floor, bands)", "floor + bands"),
        "the floor is fixed, whatever is asked for": ("np.maximum(floor, bands)", "np.maximum(1e-10, bands)"),
        "no silence in front and behind: frames begin at sample t * hop": ("np.pad(signal, n_fft // 2)", "signal"),
        "the edges are mirrored, not silent": (
            "np.pad(signal, n_fft // 2)",
            'np.pad(signal, n_fft // 2, mode="reflect")',
        ),
        "a whole frame of silence is put on each side": ("np.pad(signal, n_fft // 2)", "np.pad(signal, n_fft)"),
        "the filters take the magnitude, not the power": ("@ power.T", "@ np.sqrt(power).T"),
        "the logarithm comes before the filters": ("@ power.T", "@ np.log(np.maximum(floor, power)).T"),
        "frames are the rows and bands the columns": (
            "np.log(np.maximum(floor, bands))",
            "np.log(np.maximum(floor, bands)).T",
        ),
        "ten times the logarithm to base 10: decibels": ("return np.log(", "return 10 * np.log10("),
        "the filters are those of twice the rate": ("rate=rate)", "rate=2 * rate)"),
        "the mean is taken off the signal in place": (
            "padded = np.pad(signal, n_fft // 2)",
            "signal -= signal.mean() if len(signal) else 0; padded = np.pad(signal, n_fft // 2)",
        ),
    },
)

"""What power_spectrum must do."""

from functools import partial

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close, equal, true
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled
from upslope.sound import spectrum

# Samples, n_fft, hop, and frames of the result.
SIZES = (
    (4, 4, 4, 1),
    (8, 4, 2, 3),
    (9, 4, 2, 3),
    (11, 5, 3, 3),
    (12, 6, 6, 2),
    (7, 8, 2, 0),
    (0, 4, 4, 0),
    (6, 2, 3, 2),
)


def words(x, n_fft, hop):
    return f"power_spectrum({spelled(x)}, n_fft={n_fft}, hop={hop})"


def summed(x, n_fft, hop, frames):
    """The transform as it is written: a sum over the samples of each frame, for each frequency."""
    out = np.zeros((frames, n_fft // 2 + 1))
    for t in range(frames):
        for k in range(n_fft // 2 + 1):
            total = 0j
            for n in range(n_fft):
                faded = x[t * hop + n] * (0.5 - 0.5 * np.cos(2 * np.pi * n / n_fft))
                total += faded * np.exp(-2j * np.pi * k * n / n_fft)
            out[t, k] = abs(total) ** 2
    return out


@grades(spectrum.power_spectrum)
def test_shape_and_dtype(rng):
    """a row for each whole frame, a column for each of n_fft // 2 + 1 frequencies, float64"""
    for length, n_fft, hop, frames in SIZES:
        x = some(rng, length).astype(np.float32)
        out = spectrum.power_spectrum(x, n_fft=n_fft, hop=hop)
        case = f"power_spectrum of {length} samples, n_fft={n_fft}, hop={hop}"
        true(isinstance(out, np.ndarray), "what came back is not an array", case=case, got=type(out).__name__)
        equal(out.shape, (frames, n_fft // 2 + 1), case=case, problem="the shape is wrong")
        equal(out.dtype.name, "float64", case=case, problem="the dtype is wrong")


@grades(spectrum.power_spectrum)
def test_by_hand(rng):
    """[1, 2, 3, 4] with n_fft=4 becomes [[36, 10, 0]]"""
    x = np.array([1.0, 2.0, 3.0, 4.0])
    close(spectrum.power_spectrum(x, n_fft=4, hop=4), [[36, 10, 0]], case=words(x, 4, 4))


@grades(spectrum.power_spectrum)
def test_random(rng):
    """random samples: the sums of the formula, frame by frame"""
    for length, n_fft, hop, frames in SIZES:
        x = some(rng, length)
        case = words(x, n_fft, hop)
        close(spectrum.power_spectrum(x, n_fft=n_fft, hop=hop), summed(x, n_fft, hop, frames), case=case)


@grades(spectrum.power_spectrum)
def test_tone(rng):
    """a tone is a peak at its own frequency, with half as much amplitude beside it, and nothing elsewhere"""
    n_fft, hop = 32, 8
    for k in (3, 9, 13):
        size = float(rng.uniform(0.5, 2.0))
        x = size * np.cos(2 * np.pi * k * np.arange(80) / n_fft + rng.uniform(0, 6))
        expected = np.zeros((7, n_fft // 2 + 1))
        expected[:, k] = (size * n_fft / 4) ** 2
        expected[:, [k - 1, k + 1]] = (size * n_fft / 8) ** 2
        case = f"80 samples of {size:.2f} cos(2 pi {k} n / {n_fft} + phase), n_fft={n_fft}, hop={hop}"
        close(spectrum.power_spectrum(x, n_fft=n_fft, hop=hop), expected, case=case)


@grades(spectrum.power_spectrum)
def test_loudness(rng):
    """twice the amplitude is four times the power, and the samples stay as they are"""
    x = some(rng, 20)
    before = x.tolist()
    once, twice = (spectrum.power_spectrum(a, n_fft=8, hop=4) for a in (x, 2 * x))
    close(twice, 4 * np.asarray(once), case="20 samples, and the same twice as loud")
    equal(x.tolist() == before, True, case="20 samples", problem="the signal was changed in place")


@grades(spectrum.power_spectrum)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    calls = (Call(partial(spectrum.power_spectrum, n_fft=4, hop=2), [some(rng, samples)]) for samples in (9, 12))
    keeps_laws(*calls, tensor=np.asarray, backward=False, dtypes=())


wrong(
    spectrum.power_spectrum,
    {
        "no window: frames are cut out with sharp edges": (
            "window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)",
            "window = np.ones(n_fft)",
        ),
        "the window is the symmetric one, np.hanning, which ends in a 0 as well": (
            "0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)",
            "np.hanning(n_fft)",
        ),
        "the window is Hamming's, not Hann's": ("0.5 - 0.5 * np.cos(2", "0.54 - 0.46 * np.cos(2"),
        "the magnitude, not its square": (
            "np.asarray(spectrum.real**2 + spectrum.imag**2, dtype=np.float64)",
            "np.abs(spectrum)",
        ),
        "the imaginary part is dropped": ("spectrum.real**2 + spectrum.imag**2", "spectrum.real**2"),
        "the last whole frame is missing": (
            "max(0, 1 + (len(signal) - n_fft) // hop)",
            "max(0, (len(signal) - n_fft) // hop)",
        ),
        "frames lie side by side, whatever hop says": ("// hop)) * hop", "// n_fft)) * n_fft"),
        "the half of the spectrum that repeats the other one is kept as well": (
            "np.fft.rfft(frames * window, n=n_fft, axis=1)",
            "np.fft.fft(frames * window, n=n_fft, axis=1)",
        ),
        "the power is divided by n_fft": (
            "spectrum.real**2 + spectrum.imag**2,",
            "(spectrum.real**2 + spectrum.imag**2) / n_fft,",
        ),
        "frequencies are the rows and frames the columns": (
            "np.asarray(spectrum.real**2 + spectrum.imag**2, dtype=np.float64)",
            "(spectrum.real**2 + spectrum.imag**2).T",
        ),
        "a signal shorter than a frame counts a negative number of frames backwards": (
            "np.arange(max(0, 1 + (len(signal) - n_fft) // hop))",
            "np.arange(max(1, 1 + (len(signal) - n_fft) // hop))",
        ),
        "the signal is faded in place, once for each frame": (
            "frames = signal[starts[:, None] + np.arange(n_fft)]",
            "signal *= 1 - 1e-3; frames = signal[starts[:, None] + np.arange(n_fft)]",
        ),
    },
)
survives(
    spectrum.power_spectrum,
    {
        "a range up to -1 is as empty as one up to 0": [("max(0, 1 +", "max(-1, 1 +")],
        "the frames are as long as n_fft": [("n=n_fft, ", "")],
        "the last dimension is the one that rfft takes by itself": [(", axis=1)", ")")],
        "the window is float64, and so is all that follows": [(", dtype=np.float64", "")],
    },
)

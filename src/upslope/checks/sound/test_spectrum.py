"""What power_spectrum must do."""

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import some
from upslope.sound import spectrum

# Samples, n_fft, hop.
SIZES = ((9, 4, 2), (4, 4, 4), (8, 4, 2), (11, 5, 3), (12, 6, 6), (7, 8, 2), (0, 4, 4), (6, 2, 3))


def summed(signal, n_fft, hop):
    """The transform as it is written: a sum over the samples of each frame, for each frequency."""
    starts = range(0, len(signal) - n_fft + 1, hop)
    n, k = np.arange(n_fft), np.arange(n_fft // 2 + 1)
    waves = np.exp(-2j * np.pi * k[:, None] * n / n_fft) * (0.5 - 0.5 * np.cos(2 * np.pi * n / n_fft))
    rows = [[abs(sum(wave * signal[t : t + n_fft])) ** 2 for wave in waves] for t in starts]
    return np.array(rows).reshape(len(starts), len(k))


SPECTRUM = OpInfo(
    spectrum.power_spectrum,
    samples=lambda rng: [{"signal": some(rng, length), "n_fft": n, "hop": hop} for length, n, hop in SIZES],
    truth=summed,
    tensor=np.asarray,
)

test_shape_and_dtype = SPECTRUM.shape(
    "a row for each whole frame, a column for each of n_fft // 2 + 1 frequencies, float64", gives="float64"
)
test_by_hand = SPECTRUM.by_hand(
    "[1, 2, 3, 4] with n_fft=4 becomes [[36, 10, 0]]",
    ({"signal": [1.0, 2.0, 3.0, 4.0], "n_fft": 4, "hop": 4}, [[36, 10, 0]]),
)
test_random = SPECTRUM.random("random samples: the sums of the formula, frame by frame", dtypes=("float64",))
test_large = SPECTRUM.large(
    "frames of 400 samples", lambda rng: [{"signal": some(rng, 800), "n_fft": 400, "hop": 160}], dtype="float64"
)


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


test_laws = SPECTRUM.laws(
    "the laws of every operation: calls and memory do not get mixed up, and the signal stays", backward=False, dtypes=()
)


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
        "the magnitude, not its square": (
            "np.asarray(spectrum.real**2 + spectrum.imag**2, dtype=np.float64)",
            "np.abs(spectrum)",
        ),
        "the last whole frame is missing": (
            "max(0, 1 + (len(signal) - n_fft) // hop)",
            "max(0, (len(signal) - n_fft) // hop)",
        ),
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

"""Free Spoken Digit Dataset: six people say the digits zero to nine, recorded at 8 kHz.

Z. Jackson, C. Souza, J. Flaks, Y. Pan, H. Nicolas, A. Thite, "Jakobovski/free-spoken-digit-dataset: v1.0.8", 2018,
https://doi.org/10.5281/zenodo.1342401. The set has 50 recordings of each digit by each person and is complete; the
first 25 are used here. Recordings 0 to 4 are the test set, as its authors say; 5 to 9 are set aside for validation.
"""

import hashlib
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from upslope.cards import DataCard, File
from upslope.data.loading.dataset import Column, Dataset, Ragged
from upslope.data.loading.fetch import get
from upslope.features import Audio, ClassLabel
from upslope.runs.errors import DataProblem
from upslope.runs.workspace import data_folder, short
from upslope.sound.wav import mono, parse_wav

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
RATE = 8000  # hertz
EACH = 25  # recordings of a digit by a speaker

CARD = DataCard(
    name="fsdd",
    title="Free Spoken Digit Dataset, half of it",
    licence="CC BY-SA 4.0",
    homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
    citation="Jackson, Z. et al. (2018). Free Spoken Digit Dataset v1.0.8. doi:10.5281/zenodo.1342401",
    features={"audio": Audio(rate=RATE), "label": ClassLabel(DIGITS), "speaker": ClassLabel(SPEAKERS)},
    splits={"train": 900, "validation": 300, "test": 300},
    files=(
        File(
            name="recordings.zip",
            sha256="0706d93a8310d258c56977ee7aa2d1e3292e1a74be00ea20853f13098609ff6b",
            size=8_047_375,
        ),
    ),
    note="recordings 0 to 24 of 0 to 49, packed for a mirror from commit 26eb9aaf76e8; without one, git clone the "
    "homepage into the data folder as fsdd, and its folder recordings is read",
)

# Of the names and bytes of the 1,500 files, one after the other in alphabetical order.
CONTENT = "43c5c2acb10baa64b74350b0e66c88cb2726e58bf8e9f457d52cc66d59262b76"
_SPLITS = {"train": (10, EACH), "validation": (5, 10), "test": (0, 5), "all": (0, EACH)}


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split, "train", "validation" or "test", or "all" of them: to hold out speakers in place of recordings."""
    if split not in _SPLITS:
        raise DataProblem(f'fsdd has no split "{split}"; it has {", ".join(_SPLITS)}')
    first, last = _SPLITS[split]
    files = _files(quiet=quiet)
    wanted = [
        (digit, speaker, name)
        for number in range(first, last)
        for digit in range(len(DIGITS))
        for speaker, person in enumerate(SPEAKERS)
        if (name := f"{digit}_{person}_{number}.wav")
    ]
    sounds = [parse_wav(files[name], name) for _, _, name in wanted]
    columns: dict[str, Column] = {
        "audio": Ragged.of([mono(sound.samples) for sound in sounds]),
        "label": np.array([digit for digit, _, _ in wanted]),
        "speaker": np.array([speaker for _, speaker, _ in wanted]),
    }
    return Dataset(columns, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Vowels that glide from one sound to another, by six voices: generated, so they need no file."""
    order = rng.permutation(count)
    labels, speakers = order % len(DIGITS), order // len(DIGITS) % len(SPEAKERS)
    audio = [glide(int(label), int(speaker), rng=rng) for label, speaker in zip(labels, speakers, strict=True)]
    return Dataset({"audio": Ragged.of(audio), "label": labels, "speaker": speakers}, CARD.features)


# For each digit the two lowest resonances of the throat and mouth, in hertz, at its beginning and at its end.
GLIDES = (
    ((300, 2100), (500, 900)),
    ((400, 800), (600, 1300)),
    ((300, 1800), (350, 800)),
    ((450, 1200), (280, 2200)),
    ((500, 850), (550, 1050)),
    ((750, 1200), (350, 2000)),
    ((350, 2000), (400, 1500)),
    ((550, 1700), (500, 1200)),
    ((600, 1900), (300, 2300)),
    ((400, 1100), (700, 1900)),
)


def glide(digit: int, speaker: int, *, rng: np.random.Generator) -> NDArray[np.float32]:
    """A digit of the toy set: harmonics of the voice's pitch, loud where the gliding resonances are; (N,) in [-1, 1].

    Each voice has a pitch and a length of the throat, which moves all resonances; no two recordings are alike.
    """
    length = int(RATE * rng.uniform(0.25, 0.45))
    pitch = (90 + 25 * speaker) * rng.uniform(0.95, 1.05)
    throat = (0.88 + 0.05 * speaker) * rng.uniform(0.98, 1.02)
    way = np.linspace(0, 1, length)
    voice = np.exp(2j * np.pi * np.cumsum(pitch * (1.05 - 0.1 * way)) / RATE)  # it falls, as a sentence does at its end
    harmonics = np.arange(1, int(3000 / pitch))
    # How loud each harmonic is, at some moments; between them in straight lines.
    moments = np.linspace(0, 1, 12)
    loud = np.zeros((len(harmonics), len(moments)))
    for begin, end, width, size in zip(*GLIDES[digit], (90, 140), (1.0, 0.6), strict=True):
        resonance = throat * (begin + (end - begin) * moments)
        loud += size * np.exp(-0.5 * ((harmonics[:, None] * pitch - resonance) / width) ** 2)
    sound = sum(np.interp(way, moments, row) * (voice**k).imag for k, row in zip(harmonics, loud, strict=True))
    sound *= np.sin(np.pi * way) ** 0.5 / np.abs(sound).max()
    noise = rng.normal(0, 10 ** rng.uniform(-3.0, -2.0), length)
    return np.asarray(np.clip(rng.uniform(0.2, 0.8) * sound + noise, -1, 1), dtype=np.float32)


def _files(*, quiet: bool) -> Mapping[str, bytes]:
    """The 1,500 recordings by name: of the packed file, else of a clone of the set's repository."""
    clone = data_folder() / CARD.name / "recordings"
    if clone.is_dir():
        return _cloned()
    try:
        folder = get(CARD, quiet=quiet)
    except DataProblem as problem:
        raise DataProblem(f"{problem}; or git clone {CARD.homepage} {short(clone.parent)}") from None
    with zipfile.ZipFile(folder / CARD.files[0].name) as packed:
        return {name.rpartition("/")[2]: packed.read(name) for name in packed.namelist() if name.endswith(".wav")}


def _cloned() -> Mapping[str, bytes]:
    """The recordings of a clone of the repository; DataProblem where they are not those that the card means."""
    clone = data_folder() / CARD.name / "recordings"
    names = sorted(f"{d}_{s}_{n}.wav" for d in range(len(DIGITS)) for s in SPEAKERS for n in range(EACH))
    try:
        files = {name: (clone / name).read_bytes() for name in names}
    except OSError as error:
        raise DataProblem(f"{short(clone)} is not a clone of {CARD.homepage}: {error}") from None
    if (got := content_hash(files)) != CONTENT:
        raise DataProblem(f"{short(clone)} holds other recordings (sha256 {got[:8]}..., expected {CONTENT[:8]}...)")
    return files


def content_hash(files: Mapping[str, bytes]) -> str:
    """sha256 of names and contents in alphabetical order, in hexadecimal."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode())
        digest.update(files[name])
    return digest.hexdigest()

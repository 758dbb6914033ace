"""IDX, the format of MNIST and its kin: a magic number, the sizes as big-endian integers, then the bytes.

    0  0  8  3     two zeros, 8 for unsigned bytes, 3 dimensions
    00 00 ea 60    60000 images
    00 00 00 1c    28 rows
    00 00 00 1c    28 columns
    ...            60000 x 28 x 28 bytes, the last index fastest

A file that is not what its card says is refused in one sentence, and no more is unpacked than expected.
"""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from upslope.cards import DataCard
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.features import Image
from upslope.runs.errors import DataProblem

_UNSIGNED_BYTE = 8


def read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The array in a gzipped IDX file of unsigned bytes that must have this shape."""
    most = 4 + 4 * len(shape) + int(np.prod(shape))
    try:
        with gzip.open(path) as file:
            content = file.read(most + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataProblem(f"{path.name} is not a whole gzip file ({error}): fetch it again") from None
    except OSError as error:
        raise DataProblem(f"{path.name} cannot be read: {error.strerror or error}") from None
    return parse_idx(content, shape, name=path.name)


def parse_idx(content: bytes, shape: tuple[int, ...], *, name: str) -> NDArray[np.uint8]:
    """The array in the bytes of an IDX file."""
    header = 4 + 4 * len(shape)
    if len(content) < header:
        raise DataProblem(f"{name} ends after {len(content)} bytes, inside its header of {header}")
    zeros, kind, dimensions = struct.unpack_from(">HBB", content)
    if zeros or kind != _UNSIGNED_BYTE or dimensions != len(shape):
        raise DataProblem(
            f"{name} begins with {content[:4].hex(' ')}: not an IDX file of unsigned bytes in {len(shape)} dimensions"
        )
    sizes = struct.unpack_from(f">{dimensions}I", content, 4)
    if sizes != shape:
        raise DataProblem(f"{name} says it holds {_by(sizes)} values, expected {_by(shape)}")
    expected = header + int(np.prod(shape))
    if len(content) != expected:
        relation = "more than" if len(content) > expected else f"{len(content)} bytes, not"
        raise DataProblem(f"{name} holds {relation} the {expected} bytes that its header announces")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def _by(sizes: tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes))


def load_split(card: DataCard, split: str, *, quiet: bool = False) -> Dataset:
    """A split of a data set in MNIST's four files; validation is what the card leaves over of the training images."""
    if split not in card.splits:
        raise DataProblem(f'{card.name} has no split "{split}"; it has {", ".join(card.splits)}')
    folder = get(card, quiet=quiet)
    train = card.splits["train"]
    prefix, count = ("t10k", card.splits["test"]) if split == "test" else ("train", train + card.splits["validation"])
    image = card.of(Image)
    assert image is not None
    images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz", (count, *image[1].shape))
    labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", (count,))
    part = {"train": slice(0, train), "validation": slice(train, None), "test": slice(None)}[split]
    columns = {"image": images[part].astype(np.float32) / np.float32(255), "label": labels[part].astype(np.int64)}
    return Dataset(columns, card.features)

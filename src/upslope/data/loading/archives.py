"""Data sets that come as one zip file, or as a folder of images with a sub-folder for each class.

Members of a zip are read in place, one at a time: nothing is unpacked, so no name in it can lead out of a folder.
"""

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset, Lazy
from upslope.features import ClassLabel, Image
from upslope.image.read import SUFFIXES, UnreadablePicture, read_picture
from upslope.runs.errors import DataProblem

MOST = 512 * 2**20  # bytes of one member, unpacked


def members(path: Path, *, suffix: str = "") -> tuple[str, ...]:
    """The names of a zip's files that end in `suffix`, sorted."""
    with _opened(path) as archive:
        return tuple(sorted(n for n in archive.namelist() if n.endswith(suffix) and not n.endswith("/")))


def member(path: Path, name: str) -> bytes:
    """The bytes of one file in a zip; more than MOST are not unpacked."""
    return next(contents(path, (name,)))


def contents(path: Path, names: Iterable[str]) -> Iterator[bytes]:
    """The bytes of several files in a zip, one after the other; its list of files is read once."""
    with _opened(path) as archive:
        for name in names:
            yield _content(archive, path, name)


def _content(archive: zipfile.ZipFile, path: Path, name: str) -> bytes:
    try:
        size = archive.getinfo(name).file_size
        if size > MOST:
            raise DataProblem(f"{name} in {path.name} is larger than {MOST // 2**20} MB: {size:,} bytes")
        with archive.open(name) as file:
            content = file.read(size + 1)
    except KeyError:
        raise DataProblem(f"{path.name} holds no {name}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataProblem(f"{name} in {path.name} is damaged: {error}") from None
    if len(content) != size:
        raise DataProblem(f"{name} in {path.name} holds other than the {size:,} bytes that the archive announces")
    return content


def zipped(path: Path, names: tuple[str, ...], decode: Callable[[BytesIO], NDArray[Any]]) -> Lazy:
    """A column of which row i is member `names[i]`, decoded when it is asked for."""
    return Lazy(names, lambda name: decode(BytesIO(member(path, name))))


def image_folder(root: Path, *, classes: tuple[str, ...] = ()) -> Dataset:
    """Images in sub-folders named as their classes, read when they are asked for: columns `image` and `label`."""
    try:
        names = classes or tuple(sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")))
    except OSError as error:
        raise DataProblem(f"{root} cannot be read: {error.strerror or error}") from None
    found = [(path, label) for label, name in enumerate(names) for path in _images(root / name)]
    if not found:
        raise DataProblem(f"{root} holds no images in folders named as their classes ({', '.join(SUFFIXES)})")
    labels = np.array([label for _, label in found], dtype=np.int64)
    images = Lazy([path for path, _ in found], _image)
    return Dataset({"image": images, "label": labels}, {"image": Image(()), "label": ClassLabel(names)})


def _images(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise DataProblem(f"{folder} is not there: each class has a folder of its name")
    yield from sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))


def _image(path: Path) -> NDArray[Any]:
    try:
        return read_picture(path)
    except UnreadablePicture as problem:
        raise DataProblem(str(problem)) from None


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataProblem(f"{path.name} is not a zip file that can be read: {error}") from None

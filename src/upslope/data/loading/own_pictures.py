"""A person's own photographs, a folder for each class, to learn from and to be measured on.

    photographs/cat/*.jpg  photographs/dog/*.jpg                    parted here
    photographs/train/cat/...  photographs/test/cat/...             parted by the person; classes are matched by name

With a folder `validation` as well there are three parts; if there is one beside `train`, it is what is tested on. What
is no class is passed over (hidden folders, `.ipynb_checkpoints`, `__MACOSX`). A file that cannot be read is named and
the rest is used. A picture that is there twice, or again in another size, stays on one side of the split with its
copies, and is not learned from where the person put a copy among those that are measured on; copies under two labels
are reported, and none of them is used.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from upslope.data.loading.dataset import Dataset
from upslope.features import ClassLabel, Feature, Image
from upslope.image.preprocess import whole
from upslope.image.read import SUFFIXES, UnreadablePicture, read_picture
from upslope.image.resize import resized
from upslope.runs.errors import DataProblem
from upslope.runs.workspace import short

_PARTS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing"),
}
_NO_CLASS = {"__MACOSX", "__pycache__"}
_LEAST = 5  # pictures of a class, so that each part has one
# Of 1,500 photographs no two thumbnails are nearer than 0.8; a copy of half or twice the size as JPEG is within 0.17.
_THUMB, _NEAR = 8, 0.3
_NAMED = 5  # files that cannot be read
_SHARE = 0.15  # of the pictures, to validate on, and again to test on

Tick = Callable[[int, int], None]


@dataclass(frozen=True)
class OwnPictures:
    """The three parts, where each picture lies, and what a person should know about the folder."""

    train: Dataset
    validation: Dataset
    test: Dataset
    paths: dict[str, tuple[Path, ...]]  # of each part, in the order of its rows
    unreadable: tuple[str, ...] = ()  # sentences
    copies: tuple[tuple[Path, ...], ...] = ()  # pictures that are the same
    across: tuple[tuple[Path, ...], ...] = ()  # those of them that the person put into several parts
    contradictions: tuple[tuple[Path, ...], ...] = ()  # the same picture under two labels

    def sentences(self) -> list[str]:
        """What a person should know about the folder, in short."""
        rest = len(self.unreadable) - _NAMED
        said = [*self.unreadable[:_NAMED], *([f"and {rest} more files that cannot be read"] if rest > 0 else [])]
        for groups, what in (
            (self.copies, "is there more than once: its copies stay on one side of the split"),
            (self.across, "is in several parts: it is measured on, and not learned from"),
            (self.contradictions, "is there under two labels: it is not used"),
        ):
            if groups:
                more = f" (and so are {len(groups) - 1} more)" if len(groups) > 1 else ""
                said.append(f"{short(groups[0][0])} {what}{more}")
        return said

    def counts(self) -> dict[str, Any]:
        """How many pictures are in each part, and how many remarks there are about the folder."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        odd = ("unreadable", "copies", "across", "contradictions")
        return {f"pictures_{name}": len(part) for name, part in parts.items()} | {
            name: len(getattr(self, name)) for name in odd if getattr(self, name)
        }


@dataclass
class _Found:
    """What was read: pictures, labels, paths, and the part that the person put each in, if any."""

    pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    thumbs: list[NDArray[np.float32]] = field(default_factory=list)


def own_pictures(folder: Path, *, side: int, rng: np.random.Generator, tick: Tick = lambda _, __: None) -> OwnPictures:
    """Read the folder; every picture is brought to (side, side, 3). Raises DataProblem where nothing can be learned."""
    folder = folder.expanduser()
    if not folder.is_dir():
        raise DataProblem(f"{short(folder)} is not a folder; images= names one that holds a folder for each class")
    roots = _roots(folder)
    classes = _classes(roots)
    files = [
        (path, label, part)
        for part, root in roots.items()
        for label, name in enumerate(classes)
        for path in _images(root / name)
    ]
    found, unreadable = _read(files, side, tick)
    _enough(found, classes, folder)
    groups, same = _groups(found)
    contradictions = [c for c in same if len({found.labels[i] for i in c}) > 1]
    across = [c for c in same if len({found.parts[i] for i in c}) > 1]
    parts = _parts(found, groups, rng, unused=[i for copies in contradictions for i in copies])
    features: dict[str, Feature] = {"image": Image((side, side, 3), look="whole"), "label": ClassLabel(classes)}
    rows = {name: [i for i, part in enumerate(parts) if part == name] for name in ("train", "validation", "test")}
    data = {name: _dataset(found, chosen, features) for name, chosen in rows.items()}
    if empty := [name for name, each in data.items() if not len(each)]:
        raise DataProblem(f"{short(folder)}: nothing is left for {empty[0]} once copies are left out; add pictures")
    return OwnPictures(
        **data,
        paths={name: tuple(found.paths[i] for i in chosen) for name, chosen in rows.items()},
        unreadable=tuple(unreadable),
        copies=_paths(found, same),
        across=_paths(found, across),
        contradictions=_paths(found, contradictions),
    )


def _paths(found: _Found, groups: Sequence[Sequence[int]]) -> tuple[tuple[Path, ...], ...]:
    return tuple(tuple(found.paths[i] for i in group) for group in groups)


def _roots(folder: Path) -> dict[str, Path]:
    """Where the classes' folders lie: in one folder, or in one for each part."""
    below = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    roots = {part: below[name] for part, names in _PARTS.items() for name in names if name in below}
    if "train" not in roots:
        return {"": folder}
    if "test" not in roots and "validation" in roots:
        roots["test"] = roots.pop("validation")
    return roots


def _classes(roots: dict[str, Path]) -> tuple[str, ...]:
    """The names of the training folder's classes, 2 before 10; in the other parts they are found by name."""
    first = next(iter(roots.values()))
    names = sorted((path.name for path in first.iterdir() if path.is_dir() and _is_class(path.name)), key=_natural)
    if len(names) < 2:
        what = f"only {names[0]}" if names else "none"
        raise DataProblem(f"{short(first)} holds a folder for each class, at least two; there is {what}")
    if empty := [name for name in names if not _images(first / name)]:
        raise DataProblem(f"the folder of {empty[0]} in {short(first)} holds no pictures: fill it or take it away")
    for root in list(roots.values())[1:]:
        others = {path.name for path in root.iterdir() if path.is_dir() and _is_class(path.name)}
        if strange := sorted(others - set(names)):
            raise DataProblem(f"{short(root)} holds a class {strange[0]} that is not in {short(first)}")
    return tuple(names)


def _is_class(name: str) -> bool:
    return not name.startswith(".") and name not in _NO_CLASS


def _natural(name: str) -> list[tuple[int, int | str]]:
    """2 before 10."""
    return [(0, int(part)) if part.isdecimal() else (1, part.lower()) for part in re.split(r"(\d+)", name) if part]


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    files = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    inside = ((path, path.relative_to(folder).parts) for path in files)
    return sorted((path for path, parts in inside if all(map(_is_class, parts))), key=lambda path: _natural(str(path)))


def _read(files: Sequence[tuple[Path, int, str]], side: int, tick: Tick) -> tuple[_Found, list[str]]:
    found, unreadable = _Found(), []
    for number, (path, label, part) in enumerate(files):
        tick(number, len(files))
        try:
            picture = read_picture(path)
        except UnreadablePicture as problem:
            unreadable.append(str(problem))
            continue
        seen = whole(picture, side, side)
        found.pictures.append(np.rint(255 * seen).astype(np.uint8))
        found.thumbs.append(resized(picture, _THUMB, _THUMB).astype(np.float32).ravel())
        found.labels.append(label)
        found.paths.append(path)
        found.parts.append(part)
    return found, unreadable


def _enough(found: _Found, classes: Sequence[str], folder: Path) -> None:
    counts = np.bincount(np.asarray(found.labels, dtype=np.int64), minlength=len(classes))
    least = int(counts.argmin())
    if counts[least] < _LEAST:
        what = f"{classes[least]} has {counts[least]} that can be read"
        raise DataProblem(f"each class in {short(folder)} needs at least {_LEAST} pictures; {what}")


def _groups(found: _Found) -> tuple[NDArray[np.int64], list[list[int]]]:
    """Which pictures belong together because they are copies of each other, and those that have a copy."""
    count = len(found.thumbs)
    pairs = cKDTree(np.stack(found.thumbs)).query_pairs(_NEAR, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, groups = connected_components(links, directed=False)
    by_group: dict[int, list[int]] = {}
    for i, group in enumerate(groups):
        by_group.setdefault(int(group), []).append(i)
    return groups.astype(np.int64), [members for members in by_group.values() if len(members) > 1]


def _parts(found: _Found, groups: NDArray[np.int64], rng: np.random.Generator, *, unused: Sequence[int]) -> list[str]:
    """The part of each picture: as the person put it, else drawn class by class, copies together."""
    labels = np.asarray(found.labels)
    parts = np.array([part or "train" for part in found.parts], dtype=object)
    parts[list(unused)] = "left out"
    for held_out, others in (("test", ("validation", "train")), ("validation", ("train",))):
        seen = np.isin(groups, groups[parts == held_out])
        parts[seen & np.isin(parts, others)] = "left out"  # a copy of what is measured on
    free = np.flatnonzero(parts == "train")
    for name in [name for name in ("test", "validation") if name not in found.parts]:
        for label in np.unique(labels):
            own = free[(labels[free] == label) & (parts[free] == "train")]
            need = max(1, round(_SHARE * int((labels[free] == label).sum())))
            for group in rng.permutation(np.unique(groups[own])):
                together = np.flatnonzero((groups == group) & (parts == "train"))
                if need <= 0:
                    break
                if len(together) <= max(need, 1):
                    parts[together] = name
                    need -= len(together)
    return [str(part) for part in parts]


def _dataset(found: _Found, rows: Sequence[int], features: dict[str, Feature]) -> Dataset:
    side = found.pictures[0].shape
    images = np.stack([found.pictures[i] for i in rows]) if rows else np.empty((0, *side), dtype=np.uint8)
    labels = np.asarray([found.labels[i] for i in rows], dtype=np.int64)
    return Dataset({"image": images, "label": labels}, features)


def at_side(dataset: Dataset, side: int) -> Dataset:
    """Square pictures of bytes at another size, as `own_pictures` would have read them."""
    images: NDArray[np.uint8] = dataset["image"]
    if images.shape[1] == side:
        return dataset
    made = [np.rint(255 * whole(image / np.float32(255), side, side)).astype(np.uint8) for image in images]
    return Dataset(
        {"image": np.stack(made), "label": dataset["label"]},
        {"image": Image((side, side, 3), look="whole"), "label": dataset.features["label"]},
    )

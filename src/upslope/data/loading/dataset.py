"""A read-only data set in memory or on disk: columns of equal length, each with its feature.

    data = Dataset({"image": images, "label": labels}, CARD.features)
    len(data); data["label"]; data.take([3, 1])

A column is one of four kinds: an array (also memory-mapped, so that a set may be larger than memory), a `Ragged` array
whose rows differ in length, a tuple of texts, or a `Lazy` column that decodes a file when a row is asked for.
"""

import mmap
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Row
from typing import Any, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from upslope.features import Audio, Boxes, ClassLabel, Feature, Image, Instances, Mask, Sequence, Text, Tokens, Value


class Ragged:
    """Rows of different lengths in one array: row i is `values[offsets[i]:offsets[i + 1]]`."""

    def __init__(self, values: NDArray[Any], offsets: NDArray[np.int64]) -> None:
        """`offsets` has one more number than there are rows, begins with 0 and ends with len(values)."""
        if offsets.ndim != 1 or len(offsets) < 1 or offsets[0] != 0 or offsets[-1] != len(values):
            raise ValueError(f"offsets run from 0 to {len(values)}, the number of values; got {offsets[:3]} ...")
        if (np.diff(offsets) < 0).any():
            raise ValueError("offsets never fall")
        self.values, self.offsets = values, offsets

    @classmethod
    def of(cls, rows: Row[ArrayLike], dtype: Any = None) -> "Ragged":
        """The rows, one after the other."""
        arrays = [np.asarray(row, dtype=dtype) for row in rows]
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in arrays])]).astype(np.int64)
        return cls(np.concatenate(arrays) if arrays else np.empty(0, dtype=dtype or np.float32), offsets)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The length of each row."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        row = range(len(self))[row]
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[row] for row in range(len(self)))

    def take(self, index: NDArray[np.int64]) -> "Ragged":
        """The rows at these positions."""
        lengths = self.lengths[index]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        # For each value of the new rows, where it lies now.
        where = np.arange(offsets[-1]) + np.repeat(self.offsets[index] - offsets[:-1], lengths)
        return Ragged(self.values[where], offsets)


class Lazy:
    """Rows that are decoded when they are asked for: `decode(source)` gives the array of one row."""

    def __init__(self, sources: Row[Any], decode: Callable[[Any], NDArray[Any]]) -> None:
        self.sources, self.decode = tuple(sources), decode

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, row: int) -> NDArray[Any]:
        return self.decode(self.sources[row])

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[row] for row in range(len(self)))

    def take(self, index: NDArray[np.int64]) -> "Lazy":
        """The rows at these positions, not decoded yet."""
        return Lazy([self.sources[row] for row in index], self.decode)


Column = Union[NDArray[Any], Ragged, Lazy, tuple[str, ...]]  # noqa: UP007


class Dataset:
    """Columns of equal length, by name, with what each holds. Raises ValueError where one holds something else."""

    def __init__(self, columns: Mapping[str, Column], features: Mapping[str, Feature]) -> None:
        if set(columns) != set(features) or not columns:
            raise ValueError(f"the features are {', '.join(features)}; the columns are {', '.join(columns) or 'none'}")
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"all columns must have the same length, got {lengths}")
        for name, column in columns.items():
            _check(name, column, features[name])
        self._columns, self.features = dict(columns), dict(features)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __getitem__(self, name: str) -> Any:
        """A whole column."""
        if name not in self._columns:
            raise KeyError(f"there is no column {name!r}; the columns are {', '.join(self._columns)}")
        return self._columns[name]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self.row(number) for number in range(len(self)))

    @property
    def columns(self) -> Mapping[str, Column]:
        """All columns, by name."""
        return self._columns

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the first column that holds class labels."""
        for feature in self.features.values():
            if isinstance(feature, ClassLabel):
                return feature.names
        raise ValueError(f"no column holds class labels; the columns are {', '.join(self._columns)}")

    def row(self, number: int) -> dict[str, Any]:
        """One sample; what is lazy is decoded."""
        return {name: column[number] for name, column in self._columns.items()}

    def take(self, index: NDArray[Any] | slice | Row[int]) -> "Dataset":
        """The samples at these positions, in this order."""
        taken = object.__new__(Dataset)  # what was checked once need not be checked for every batch
        taken._columns = {name: _take(column, index) for name, column in self._columns.items()}
        taken.features = self.features
        return taken


def rows_of(column: NDArray[Any], index: NDArray[Any]) -> NDArray[Any]:
    """Rows of an array by fancy indexing. Of a memory-mapped one a copy: its pages do not stay in this process' memory.

    The operating system keeps them in its cache as long as it has room, and the next reader finds them there.
    """
    taken = np.array(column[index])
    mapped = getattr(column, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
    return taken


def _take(column: Column, index: NDArray[Any] | slice | Row[int]) -> Column:
    if isinstance(column, np.memmap) and not isinstance(index, slice):
        return rows_of(column, np.asarray(index))
    if isinstance(column, np.ndarray):
        return column[index if isinstance(index, slice) else np.asarray(index)]
    if isinstance(column, tuple):
        return column[index] if isinstance(index, slice) else tuple(column[int(n)] for n in index)
    numbers = np.arange(len(column))[index if isinstance(index, slice) else np.asarray(index, dtype=np.int64)]
    return column.take(numbers)


def _check(name: str, column: Column, feature: Feature) -> None:
    """Whether a column holds what its feature says; the numbers of a memory-mapped one are not read for that."""
    if isinstance(column, Lazy):
        return
    if isinstance(feature, Text):
        if not isinstance(column, tuple) or not all(isinstance(text, str) for text in column):
            raise ValueError(f"{name} holds texts: a tuple of str, got {type(column).__name__}")
        return
    if isinstance(column, tuple):
        if not isinstance(feature, Sequence):
            raise ValueError(f"{name} holds {feature.describe()}, got a tuple of str")
        return
    if isinstance(feature, Sequence | Boxes) and not isinstance(column, Ragged):
        raise ValueError(f"{name} holds {feature.describe()}: a Ragged column, got an array {column.shape}")
    values = column.values if isinstance(column, Ragged) else column
    one = feature.of if isinstance(feature, Sequence) else feature
    kinds, shape = _EXPECTED[type(one)](one)
    got = values.shape[1:]
    if values.dtype.name not in kinds or (shape is not None and got != shape):
        sizes = "" if shape is None else f" ({', '.join(['N', *map(str, shape)])})"
        wanted = f"{' or '.join(kinds)}{sizes}"
        raise ValueError(f"{name} holds {one.describe()}: {wanted}, got {values.dtype} {values.shape}")
    if isinstance(values, np.memmap) or not values.size:
        return
    if isinstance(one, Instances) and values.min() < 0:
        raise ValueError(f"{name} holds {one.describe()}, got {values.min()}")
    most = {ClassLabel: "names", Mask: "names", Tokens: "vocab_size"}.get(type(one))
    if most is not None:
        below = getattr(one, most)
        below = below if isinstance(below, int) else len(below)
        if not 0 <= values.min() <= values.max() < below:
            raise ValueError(f"{name} runs from {values.min()} to {values.max()}, and there are {below} to choose from")
    values.flags.writeable = False


_INTEGERS = ("int64", "int32", "int16", "uint8", "uint16")
_EXPECTED: dict[type, Callable[[Any], tuple[tuple[str, ...], tuple[int, ...] | None]]] = {
    Image: lambda feature: (("float32", "uint8"), feature.shape or None),
    ClassLabel: lambda _: (("int64",), ()),
    Tokens: lambda _: (_INTEGERS, None),
    Audio: lambda _: (("float32",), None),
    Boxes: lambda _: (("float32",), (4,)),
    Mask: lambda _: (_INTEGERS, None),
    Instances: lambda _: (_INTEGERS, None),
    Value: lambda feature: ((feature.dtype,), ()),
}

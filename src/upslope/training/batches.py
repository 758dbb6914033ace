"""Batches as a function of seed and step: rows of a data set, chosen, collated and augmented the same way every time.

Batch number s is computed from (seed, s) alone. A resumed run needs no position in a stream; and several processes
that share the batch each compute the same whole of it, and take their part.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils import _pytree as pytree

from upslope.data.loading.dataset import Dataset, Ragged, rows_of
from upslope.runs.errors import ConfigProblem
from upslope.training.seeding import generator

Batch = dict[str, Any]  # a tree of tensors; the first dimension of each counts the samples
Collate = Callable[[Dataset], Batch]
Transform = Callable[[Batch, torch.Generator], Batch]
Order = Callable[[Dataset, np.random.Generator], NDArray[np.int64]]


class Source(Protocol):
    """What a training loop needs of batches."""

    @property
    def per_epoch(self) -> int:
        """Batches in an epoch."""

    def at(self, step: int, *, process: int = 0, of: int = 1) -> Batch:
        """The part of one process of the batch for this step, counted from 1."""


def stack(rows: Dataset) -> Batch:
    """Every column as a tensor; ragged ones padded with 0, and their lengths under NAME_lengths."""
    batch: Batch = {}
    for name, column in rows.columns.items():
        if isinstance(column, np.ndarray):
            batch[name] = as_tensor(column)
        elif isinstance(column, Ragged):
            batch[name], batch[f"{name}_lengths"] = pad(column)
        elif not isinstance(column, tuple):
            batch[name] = torch.from_numpy(np.stack(list(column)))
    return batch


def as_tensor(column: NDArray[Any]) -> Tensor:
    """A tensor of an array's numbers; of a data set's own, which nobody may change, a copy."""
    return torch.from_numpy(np.require(column, requirements="W"))


def pad(rows: Ragged, *, value: float = 0) -> tuple[Tensor, Tensor]:
    """Rows of different lengths as one tensor (B, longest, ...), filled up with `value`; and their lengths (B,)."""
    lengths = rows.lengths
    longest = int(lengths.max(initial=0))
    padded = np.full((len(rows), longest, *rows.values.shape[1:]), value, dtype=rows.values.dtype)
    padded[np.arange(longest) < lengths[:, np.newaxis]] = rows.values
    return torch.from_numpy(padded), torch.from_numpy(lengths)


def pad_maps(columns: Mapping[str, Sequence[NDArray[Any]]]) -> Batch:
    """Maps (H, W) of pictures of different sizes as tensors (B, highest, widest), by name, and `size` (B, 2) of each.

    Each lies in the upper left, and what is left is filled up with 0.
    """
    sizes = np.array([each.shape for each in next(iter(columns.values()))], dtype=np.int64).reshape(-1, 2)
    batch: Batch = {"size": torch.from_numpy(sizes)}
    for name, maps in columns.items():
        whole = np.zeros((len(maps), *sizes.max(axis=0)), dtype=maps[0].dtype)
        for place, each in zip(whole, maps, strict=True):
            place[: each.shape[0], : each.shape[1]] = each
        batch[name] = torch.from_numpy(whole)
    return batch


def shuffled(dataset: Dataset, rng: np.random.Generator) -> NDArray[np.int64]:
    """The order of an epoch: any."""
    return rng.permutation(len(dataset))


def by_length(column: str, *, batch_size: int, pool: int = 50) -> Order:
    """An order in which the samples of a batch are about equally long, so that little is padded.

    Within pools of `pool` batches samples are sorted by the length of `column`; then the batches are shuffled.
    """

    def order(dataset: Dataset, rng: np.random.Generator) -> NDArray[np.int64]:
        lengths = np.asarray([len(row) for row in dataset[column]])
        index = rng.permutation(len(dataset))
        size = pool * batch_size
        pools = [index[first : first + size] for first in range(0, len(index), size)]
        index = np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in pools])
        whole = len(index) // batch_size * batch_size
        batches = index[:whole].reshape(-1, batch_size)
        return np.concatenate([rng.permutation(batches).ravel(), index[whole:]])

    return order


def by_class(column: str, *, each: int) -> Order:
    """An order in which samples of one class come `each` at a time, so that a batch holds several of most classes.

    What is left over of a class comes in smaller parts.
    """

    def order(dataset: Dataset, rng: np.random.Generator) -> NDArray[np.int64]:
        labels = np.asarray(dataset[column])
        own = (rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels))
        parts = [members[first : first + each] for members in own for first in range(0, len(members), each)]
        return np.concatenate([parts[number] for number in rng.permutation(len(parts))])

    return order


class Batches:
    """The rows of a data set in batches of one size; what is left over at the end of an epoch waits for the next."""

    def __init__(
        self,
        dataset: Dataset,
        *,
        batch_size: int,
        seed: int,
        collate: Collate = stack,
        transform: Transform | None = None,
        order: Order = shuffled,
    ) -> None:
        """`collate` makes tensors of rows, `transform` changes them at random, `order` gives the rows of an epoch."""
        if batch_size > len(dataset):
            raise ConfigProblem(f"batch_size={batch_size} is more than the {len(dataset)} samples that there are")
        self.dataset, self.collate, self.transform, self.order = dataset, collate, transform, order
        self.batch_size, self.seed = batch_size, seed
        self._order = (-1, np.empty(0, dtype=np.int64))  # an epoch, and the order of its samples

    @property
    def per_epoch(self) -> int:
        """Batches in an epoch."""
        return len(self.dataset) // self.batch_size

    def at(self, step: int, *, process: int = 0, of: int = 1) -> Batch:
        """The part of one process of the batch for this step, counted from 1."""
        if self.batch_size % of:
            raise ConfigProblem(f"batch_size={self.batch_size} cannot be shared evenly by {of} processes")
        epoch, place = divmod(step - 1, self.per_epoch)
        if self._order[0] != epoch:
            self._order = (epoch, self.order(self.dataset, np.random.default_rng([self.seed, epoch])))
        index = self._order[1][place * self.batch_size : (place + 1) * self.batch_size]
        batch = self.collate(self.dataset.take(index))
        if self.transform is not None:
            batch = self.transform(batch, generator(self.seed, step))
        return share(batch, process=process, of=of)


class TokenWindows:
    """Windows of a long row of tokens: {"tokens": (B, T), "next": (B, T)}, each at a place drawn by (seed, step)."""

    def __init__(self, tokens: NDArray[Any], *, context: int, batch_size: int, seed: int) -> None:
        """`tokens` may be memory-mapped: only the windows of a batch are read."""
        if len(tokens) <= context:
            raise ConfigProblem(f"context={context} needs more than the {len(tokens)} tokens that there are")
        self.tokens, self.context, self.batch_size, self.seed = tokens, context, batch_size, seed

    @property
    def per_epoch(self) -> int:
        """Batches that hold as many tokens as there are."""
        return max(1, len(self.tokens) // (self.batch_size * self.context))

    def at(self, step: int, *, process: int = 0, of: int = 1) -> Batch:
        """The part of one process of the batch for this step, counted from 1."""
        if self.batch_size % of:
            raise ConfigProblem(f"batch_size={self.batch_size} cannot be shared evenly by {of} processes")
        starts = np.random.default_rng([self.seed, step]).integers(
            len(self.tokens) - self.context, size=self.batch_size
        )
        windows = rows_of(self.tokens, starts[:, np.newaxis] + np.arange(self.context + 1)).astype(np.int64)
        batch = {"tokens": torch.from_numpy(windows[:, :-1]), "next": torch.from_numpy(windows[:, 1:])}
        return share(batch, process=process, of=of)


class Mixed:
    """Batches of several sources, each step from one of them, drawn by (seed, step) with the sources' shares."""

    def __init__(self, sources: Sequence[Source], shares: Sequence[float], *, seed: int) -> None:
        if len(sources) != len(shares) or not all(share > 0 for share in shares):
            raise ConfigProblem(f"{len(sources)} sources need as many shares above 0, got {list(shares)}")
        self.sources, self.seed = tuple(sources), seed
        self.shares = np.asarray(shares) / np.sum(shares)

    @property
    def per_epoch(self) -> int:
        """Batches in which the source that is left the longest is seen once."""
        return max(int(np.ceil(s.per_epoch / share)) for s, share in zip(self.sources, self.shares, strict=True))

    def at(self, step: int, *, process: int = 0, of: int = 1) -> Batch:
        """The batch of the source whose turn it is."""
        turn = np.random.default_rng([self.seed, step]).choice(len(self.sources), p=self.shares)
        return self.sources[turn].at(step, process=process, of=of)


def share(batch: Mapping[str, Any], *, process: int, of: int) -> Batch:
    """The part of a batch that one of several processes takes: an equal slice of each tensor's first dimension."""
    if of == 1:
        return dict(batch)

    def part(x: Tensor) -> Tensor:
        return x[process * len(x) // of : (process + 1) * len(x) // of]

    return dict(pytree.tree_map_only(Tensor, part, dict(batch)))

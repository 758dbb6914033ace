"""What a data set of labelled images is once it is loaded: arrays in memory, checked, that nobody changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Arrays:
    """Images and what they show.

    images: float32, (N, height, width), in [0, 1], 0 is background; labels: int64, (N,), positions in `classes`.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or self.images.dtype != np.float32:
            raise ValueError(f"images are float32 (N, height, width), got {self.images.dtype} {self.images.shape}")
        if self.labels.shape != self.images.shape[:1] or self.labels.dtype != np.int64:
            raise ValueError(
                f"{len(self.images)} images need int64 labels of shape ({len(self.images)},), "
                f"got {self.labels.dtype} {self.labels.shape}"
            )
        if self.labels.size and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise ValueError(f"labels run from {self.labels.min()} to {self.labels.max()}, classes {len(self.classes)}")
        self.images.flags.writeable = False
        self.labels.flags.writeable = False

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[Any] | slice | Sequence[int]) -> "Arrays":
        """The samples at these positions."""
        return Arrays(self.images[index], self.labels[index], self.classes)

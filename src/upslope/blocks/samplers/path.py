"""Which of the many steps that a network learned are taken in sampling."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Path:
    """The way from noise to image: the steps that the network is told, and how much of the image there is at each."""

    steps: tuple[int, ...]  # falling, counted from 0
    levels: tuple[float, ...]  # alpha_bar at each of them, and behind the last one 1: no noise is left

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[tuple[int, float, float]]:
        """(step, alpha_bar there, alpha_bar after it)."""
        return zip(self.steps, self.levels[:-1], self.levels[1:], strict=True)


def path(alpha_bars: Float[Tensor, " T"], count: int, *, spacing: Literal["trailing", "leading"] = "trailing") -> Path:
    """`count` of the T steps, evenly.

    "trailing" begins at the last step, where next to nothing is left of an image, as in the noise that sampling begins
    with (S. Lin et al. 2023, https://arxiv.org/abs/2305.08891, section 3.3); "leading" ends at the very first.

    Raises:
        ValueError: `count` is not from 1 to T.
    """
    total = len(alpha_bars)
    if not 1 <= count <= total:
        raise ValueError(f"{count} steps: there are 1 to {total} to choose from")
    if spacing == "trailing":
        steps = tuple(round(total - number * total / count) - 1 for number in range(count))
    else:
        steps = tuple(number * (total // count) for number in reversed(range(count)))
    return Path(steps, (*(float(alpha_bars[step]) for step in steps), 1.0))

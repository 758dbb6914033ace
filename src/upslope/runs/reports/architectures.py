"""What a run of several networks says about them: one table, and a picture of what accuracy costs."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from matplotlib.figure import Figure

from upslope.runs.figures import COLOURS, INK, over_table
from upslope.runs.run import Run


@dataclass(frozen=True)
class Architecture:
    """A network and what was measured of it. `field` is the side of what a place of its last maps sees, in pixels."""

    name: str
    year: int
    accuracy: float  # on the test set
    parameters: int
    multiply_adds: int  # for one picture
    seconds: float  # of training
    field: float  # infinite where attention or excitation joins all places

    def row(self) -> tuple[str, ...]:
        """The cells of the table, as a person reads them."""
        return (
            self.name,
            str(self.year),
            f"{100 * self.accuracy:.2f} %",
            f"{self.parameters:,}",
            f"{self.multiply_adds / 1e6:.1f} M",
            f"{self.seconds:.0f} s",
            "everything" if math.isinf(self.field) else f"{self.field:.0f} x {self.field:.0f}",
        )


HEAD = ("network", "year", "accuracy", "parameters", "multiply-adds", "training", "receptive field")


def compare(run: Run[Any], found: Sequence[Architecture]) -> list[dict[str, Any]]:
    """Draw the networks of a run, and give the table for its facts; an infinite field is written as text there."""
    caption = "What accuracy costs: the area of a disc is the number of parameters, the table says the rest."
    run.picture("architectures", figure(found), caption)
    return [asdict(one) | ({"field": "everything"} if math.isinf(one.field) else {}) for one in found]


def figure(found: Sequence[Architecture]) -> Figure:
    """Test accuracy over multiply-adds, and below it the table."""
    drawn, above = over_table([one.row() for one in found], HEAD)
    largest = max(one.parameters for one in found)
    for number, one in enumerate(found):
        x, y = one.multiply_adds / 1e6, 100 * one.accuracy
        colour = COLOURS[number % len(COLOURS)]
        above.scatter(x, y, s=40 + 900 * one.parameters / largest, color=colour, alpha=0.55, linewidths=0)
        above.annotate(one.name, (x, y), ha="center", va="center", fontsize=8, color=INK)
    above.margins(0.15, 0.2)
    above.set_xlabel("multiply-adds for one picture, in millions")
    above.set_ylabel("test accuracy in %")
    return drawn

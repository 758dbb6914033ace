"""What a run of several text classifiers says about them: one table, and pictures of accuracy beside what it costs."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from upslope.runs.figures import COLOURS, INK, over_table
from upslope.runs.run import Run


@dataclass(frozen=True)
class Method:
    """A classifier and what was measured of it, over `folds` test sets."""

    name: str
    year: int
    accuracy: float
    with_typos: float  # the accuracy on the same texts with slips of the keyboard
    seconds: float  # of training, for one fold
    milliseconds: float  # for a text, from its characters to its class
    megabytes: float  # numbers in 32 bits, and the vocabulary
    folds: int

    def row(self) -> tuple[str, ...]:
        """The cells of the table, as a person reads them."""
        return (
            self.name,
            str(self.year),
            f"{100 * self.accuracy:.1f} %",
            f"{100 * self.with_typos:.1f} %",
            f"{self.seconds:.1f} s",
            f"{self.milliseconds:.2f} ms",
            f"{self.megabytes:.1f} MB",
            str(self.folds),
        )


HEAD = ("method", "year", "accuracy", "with typos", "training", "a text", "size", "folds")


def compare(run: Run[Any], found: Sequence[Method]) -> list[dict[str, Any]]:
    """Draw the methods of a run, and give the table for its facts."""
    caption = "Accuracy over seconds of training; below each point, joined to it, the accuracy on texts with typos."
    run.picture("methods", figure(found), caption)
    return [asdict(one) for one in found]


def figure(found: Sequence[Method]) -> Figure:
    """Accuracy over seconds of training, with and without typos, and below it the table."""
    drawn, above = over_table([one.row() for one in found], HEAD)
    for number, one in enumerate(found):
        colour, x = COLOURS[number % len(COLOURS)], max(one.seconds, 1e-3)
        clean, noisy = 100 * one.accuracy, 100 * one.with_typos
        above.plot([x, x], [noisy, clean], color=colour, linewidth=1, alpha=0.5)
        above.scatter(x, clean, s=40, color=colour, marker="o" if number < len(COLOURS) else "s")
        above.scatter(x, noisy, s=26, color=colour, marker="x")
        above.annotate(f" {one.name}", (x, clean), ha="left", va="bottom", fontsize=8, color=INK)
    above.margins(0.18, 0.15)
    above.set_xlabel("seconds of training for one fold")
    above.set_ylabel("test accuracy in %")
    return drawn


def mistakes(
    run: Run[Any],
    texts: Sequence[str],
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    *,
    count: int = 12,
) -> None:
    """The texts that were wrong with the greatest confidence: what each is, and as what it was read."""
    said = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(said != labels)
    worst = wrong[np.argsort(-probabilities[wrong, said[wrong]], kind="stable")][:count]
    lines = []
    for i in worst:
        head = f"{classes[labels[i]]}, read as {classes[said[i]]} ({100 * probabilities[i, said[i]]:.0f} %)"
        lines += [head, *(f"    {part}" for part in textwrap.wrap(texts[i][:240], 100)), ""]
    lines = lines or ["no mistakes"]
    drawn = Figure(figsize=(8.5, 0.19 * len(lines) + 0.4), facecolor="white")
    drawn.text(0.02, 0.97, "\n".join(lines), va="top", fontsize=8, color=INK, parse_math=False)
    run.picture("mistakes", drawn, "Wrong with the greatest confidence.")

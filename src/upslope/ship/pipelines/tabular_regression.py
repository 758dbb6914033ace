"""Tabular regression in use: a table with a row for each step, as a CSV file, and one number about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset
from upslope.data.loading.text_files import csv_columns
from upslope.runs.errors import DataProblem
from upslope.runs.workspace import short
from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction, UnreadableInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """A table as it was read: a row for each step, a column for each name that the network knows."""

    subject: str
    values: NDArray[np.float32] = field(repr=False)  # (T, C)


@dataclass(frozen=True)
class Estimate(Prediction):
    """The number that a network says of a table."""

    name: str
    value: float
    steps: int

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """The number under its name."""
        return [(self.name, f"{self.value:.4f}", None)]

    def facts(self, options: Options) -> dict[str, Any]:
        """The number, and of how many steps it speaks."""
        return {"path": self.subject, self.name: self.value, "steps": self.steps, "doubt": self.doubt or None}


class TabularRegression(Pipeline):
    """CSV files in, a number for each out."""

    tag: ClassVar[str] = "tabular-regression"
    noun: ClassVar[str] = "table"
    example: ClassVar[str] = "table.csv"
    together: ClassVar[int] = 1  # each table has its own length

    @property
    def columns(self) -> list[str]:
        """The names that the columns of a table must have."""
        return list(self.spec.preprocessing["columns"])

    def read(self, words: Sequence[str], options: Options) -> Iterator[Table | UnreadableInput]:
        """Each word is a file; its first line names the columns, in any order."""
        for word in words:
            path = Path(word)
            try:
                found = csv_columns(path)
                missing = [name for name in self.columns if name not in found]
                if missing:
                    raise DataProblem(
                        f"{path.name} has the columns {', '.join(found)}; the model reads {', '.join(self.columns)}"
                    )
                values = np.array([[float(cell) for cell in found[name]] for name in self.columns], np.float32).T
            except (DataProblem, ValueError) as problem:
                yield UnreadableInput(word, str(problem))
                continue
            steps = self.spec.shape[0]
            if not len(values) or not np.isfinite(values).all():
                yield UnreadableInput(word, f"{path.name} needs at least one row, and finite numbers in all of them")
            elif self.network.module is None and len(values) != steps:
                yield UnreadableInput(
                    word, f"{path.name} has {len(values)} rows, and an exported model reads {steps}: use the run itself"
                )
            else:
                yield Table(short(path), values)

    def preprocess(self, items: Sequence[Table]) -> Arrays:
        """{"table": (N, T, C)}."""
        return {"table": np.stack([item.values for item in items])}

    def postprocess(self, outputs: Arrays, items: Sequence[Table]) -> list[Prediction]:
        """The number of each table; of a length that training has not shown it is doubted."""
        steps, name = self.spec.shape[0], str(self.spec.preprocessing["target"])
        return [
            Estimate(
                item.subject,
                name,
                float(value),
                len(item.values),
                doubt=""
                if len(item.values) == steps
                else f"{item.subject} has {len(item.values)} rows, and the model learned from {steps}",
            )
            for item, value in zip(items, outputs["value"][:, 0], strict=True)
        ]

    def rows(self, dataset: Dataset) -> Arrays:
        """Tables of a data set that are as long as those it learned from."""
        steps = self.spec.shape[0]
        columns = [np.stack([np.resize(row, steps) for row in dataset[name]]) for name in self.columns]
        return {"table": np.stack(columns, axis=-1).astype(np.float32)}

    def draw(self, answers: Sequence[Estimate]) -> "Figure":
        """The numbers as bars."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.0, 0.4 * len(answers) + 1.2), layout="constrained", facecolor="white")
        axis = figure.subplots()
        axis.barh([answer.subject for answer in answers], [answer.value for answer in answers], color="#0b5394")
        axis.invert_yaxis()
        axis.set_xlabel(answers[0].name)
        return figure

    def card(self) -> dict[str, list[str]]:
        """What it does, how tables are prepared, what it cannot do."""
        steps, target = self.spec.shape[0], self.spec.preprocessing["target"]
        return {
            "What it does": [f"Takes a table of {steps} rows and gives one number: {target}."],
            "How tables are prepared": [f"The columns, in this order: {', '.join(self.columns)}; numbers as they are."],
            "Limits": [f"It learned from tables of {steps} rows; of longer ones it forgets the beginning."],
        }

"""What a run says about prompts: one table, a row for each way to ask and a column for each data set."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from upslope.runs.figures import COLOURS, FAINT, INK

Cell = tuple[float, float, float]  # accuracy, and the bounds of its interval


def table(rows: Mapping[str, Sequence[Cell]], names: Sequence[str]) -> Figure:
    """Accuracies in %, each with its interval; the best of a column is bold."""
    figure = Figure(figsize=(3.4 + 1.7 * len(names), 0.34 * len(rows) + 0.5), layout="constrained")
    axis = figure.subplots()
    axis.axis("off")
    cells = [[name, *(said(cell) for cell in row)] for name, row in rows.items()]
    widths = [0.37, *([0.63 / len(names)] * len(names))]
    drawn = axis.table(
        cells, colLabels=["", *names], colWidths=widths, loc="center", cellLoc="right", edges="horizontal"
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(9)
    drawn.scale(1, 1.4)
    for column in range(len(names)):
        best = max(row[column][0] for row in rows.values())
        for number, row in enumerate(rows.values()):
            if row[column][0] == best:
                drawn[number + 1, column + 1].set_text_props(weight="bold", color=COLOURS[0])
    for number in range(len(rows) + 1):
        drawn[number, 0].set_text_props(ha="left", color=INK)
    return figure


def said(cell: Cell) -> str:
    """71 (62-79)."""
    return f"{100 * cell[0]:.0f} ({100 * cell[1]:.0f}-{100 * cell[2]:.0f})"


def spread(tried: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Accuracies of all prompts that were tried, a panel for each data set, a row of dots for each kind of prompt."""
    figure = Figure(figsize=(3.4 * len(tried), 2.8), layout="constrained")
    axes = figure.subplots(1, len(tried), squeeze=False, sharey=True)[0]
    for axis, (name, kinds) in zip(axes, tried.items(), strict=True):
        for row, values in enumerate(kinds.values()):
            axis.plot([100 * value for value in values], [row] * len(values), "o", color=COLOURS[0], alpha=0.5)
        axis.set_yticks(range(len(kinds)), list(kinds))
        axis.set_ylim(len(kinds) - 0.5, -0.5)
        axis.set_title(name, loc="left", fontsize=10)
        axis.set_xlabel("accuracy in %")
        axis.grid(color=FAINT, linewidth=0.6)
    return figure

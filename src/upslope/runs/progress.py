"""A progress bar on stderr that shows what training is doing: epoch, metrics, time elapsed and time left."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, SupportsFloat

from upslope.runs.result import format_value, metric_label

_SECONDS = 0.1  # between two changes of the display


class Bar:
    """What a lab moves. Without a terminal, or when asked to be quiet, it does nothing."""

    def __init__(
        self, description: str = "", display: Any = None, task: Any = None, units: Mapping[str, str] = {}
    ) -> None:
        self._description = description
        self._units = units
        self._display = display
        self._task = task
        self._metrics: dict[str, str] = {}
        self._remark = ""
        self._drawn = 0.0

    def say(self, description: str) -> None:
        """Show other words before the bar, at once."""
        self._description = description
        if self._display is not None:
            self._display.update(self._task, description=description)

    def remark(self, words: str) -> None:
        """Let these words stand before the metrics, until others or none take their place."""
        self._remark = words

    def update(self, done: float, *, description: str | None = None, metrics: Mapping[str, SupportsFloat] = {}) -> None:
        """Say how much is done, and the newest metrics; each stays until it is measured again."""
        if self._display is None:
            return
        for name, value in metrics.items():
            label = metric_label(name).replace("validation", "val")
            self._metrics[name] = f"{label} {format_value(float(value), self._units.get(name, ''))}"
        self._description = description or self._description
        now = time.perf_counter()
        if now - self._drawn < _SECONDS:
            return  # steps of a tenth of a millisecond must not pay for the display
        self._drawn = now
        shows = "  ".join([self._remark, *self._metrics.values()] if self._remark else self._metrics.values())
        self._display.update(self._task, completed=done, metrics=shows, description=self._description)


@contextmanager
def progress_bar(
    total: float, description: str, *, quiet: bool = False, unit: str = "steps", units: Mapping[str, str] = {}
) -> Iterator[Bar]:
    """Show a bar while the block runs. `unit` is "steps" or "bytes"; `units` are those of the metrics, by name."""
    from rich import progress
    from rich.console import Console
    from rich.table import Column

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield Bar()
        return
    columns = [
        progress.TextColumn("  {task.description}", table_column=Column(no_wrap=True)),
        progress.BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=6, max_width=40)),
        progress.DownloadColumn() if unit == "bytes" else progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[metrics]}", table_column=Column(no_wrap=True)),
        progress.TimeElapsedColumn(table_column=Column(no_wrap=True)),
        progress.TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
    ]
    with progress.Progress(*columns, console=console, transient=True, refresh_per_second=5, expand=True) as display:
        yield Bar(description, display, display.add_task(description, total=total, metrics=""), units)

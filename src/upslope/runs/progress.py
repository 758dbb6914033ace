"""A progress bar on stderr that shows what training is doing: epoch, metrics, time gone and time left."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, SupportsFloat

from upslope.runs.result import shown, spoken


class Bar:
    """What a lab moves. Without a terminal, or when asked to be quiet, it does nothing."""

    def __init__(self, display: Any = None, task: Any = None) -> None:
        self._display = display
        self._task = task

    def update(self, done: float, *, description: str | None = None, metrics: Mapping[str, SupportsFloat] = {}) -> None:
        """Say how much is done, and the newest metrics."""
        if self._display is None:
            return
        changed: dict[str, Any] = {"completed": done}
        if description is not None:
            changed["description"] = description
        if metrics:
            changed["metrics"] = "  ".join(f"{spoken(n)} {shown(n, float(v))}" for n, v in metrics.items())
        self._display.update(self._task, **changed)


@contextmanager
def progress_bar(total: float, description: str, *, quiet: bool = False, unit: str = "steps") -> Iterator[Bar]:
    """Show a bar while the block runs. `unit` is "steps" or "bytes"."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield Bar()
        return
    text = progress.TextColumn
    columns = [
        text("  {task.description}"),
        progress.BarColumn(bar_width=30),
        progress.DownloadColumn() if unit == "bytes" else progress.MofNCompleteColumn(),
        text("{task.fields[metrics]}"),
        progress.TimeElapsedColumn(),
        text("left"),
        progress.TimeRemainingColumn(),
    ]
    with progress.Progress(*columns, console=console, transient=True, refresh_per_second=5) as display:
        yield Bar(display, display.add_task(description, total=total, metrics=""))

"""The tour's training run: started as a learner would, followed while it goes on."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from upslope.cli.terminal.errors import OutputClosed
from upslope.cli.terminal.options import asked

if TYPE_CHECKING:
    from upslope.cli.terminal.console import Screen


def follow(screen: "Screen", lab: str) -> int:
    """Run `upslope lab LAB --mine`; its exit status. Where it shows no bar, its metrics are said in plain lines."""
    command = [sys.executable, "-P", "-m", "upslope", "lab", lab, "--mine", *(["--json"] if screen.quiet else [])]
    command += ["--debug"] if asked.debug else []
    sys.stdout.flush()
    # A tour for a program speaks once, at its end.
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL if screen.quiet else None)
    over = threading.Event()
    teller = threading.Thread(target=_tell, args=(screen, lab, over), daemon=True)
    if not screen.quiet and not sys.stderr.isatty():
        teller.start()
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.wait()  # the same Ctrl-C reached it, too
        raise
    finally:
        over.set()
        if teller.is_alive():
            teller.join()


def _tell(screen: "Screen", lab: str, over: threading.Event) -> None:
    """Say the newest validation metrics a few times a second, while the run goes on."""
    from upslope.cards import LabCard, discover
    from upslope.runs.metrics import read_metrics
    from upslope.runs.result import format_value, metric_label
    from upslope.runs.workspace import runs_folder

    card = discover("labs")[lab].card
    assert isinstance(card, LabCard)
    told = 0.0
    while not over.wait(0.1):
        for folder in _folders(runs_folder()):
            rows = [row for row in read_metrics(folder / "metrics.jsonl") if any("valid" in name for name in row)]
            if rows and rows[-1]["step"] > told:
                told = rows[-1]["step"]
                metrics = "   ".join(
                    f"{metric_label(name)} {format_value(rows[-1][name], card.unit(name))}"
                    for name in rows[-1]
                    if name != "step"
                )
                try:
                    screen.line(f"step {told:>5.0f}   {metrics}")
                except OutputClosed:  # the main thread meets it, too, and ends the tour
                    return


def _folders(runs: Path) -> list[Path]:
    return [runs / name for name in sorted(os.listdir(runs))[-1:]] if runs.is_dir() else []

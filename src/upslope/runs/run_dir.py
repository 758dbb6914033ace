"""The folder of a run: its number, its lock, and the list of all runs.

    lenet-0012/
      config.json       what was asked, written before the folder has its number
      metrics.jsonl     one line per logged step
      checkpoint/       where an interrupted run goes on
      model.safetensors what was learned
      pictures/         PNG files
      index.html        the page
      result.json       written last: where it exists, the run is complete

Two runs that start at once get different numbers, because renaming a folder onto one that is not empty fails.
One process at a time writes a run: it holds a lock on the folder, which the system frees when the process ends.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from upslope.runs import result as results
from upslope.runs.errors import Problem, RunProblem
from upslope.runs.files import make_folder, write_json, writing
from upslope.runs.metrics import last_step
from upslope.runs.workspace import runs_folder, short

_NUMBERED = re.compile(r"(?P<lab>[a-z0-9-]+)-(?P<number>\d{4,})")


@dataclass(frozen=True)
class RunSummary:
    """What a list of runs says about one of them."""

    name: str
    folder: Path
    lab: str
    state: str  # "finished", "running", "unfinished" (can be resumed) or "damaged"
    preset: str
    seed: int
    started: str  # ISO date and time
    step: int  # the last step logged
    result: results.Result | None = None
    note: str = ""  # one sentence about what is wrong, if anything is


class FolderLock:
    """The right to write a run's folder, held until `release()` or the end of the process, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder, os.O_RDONLY)
        for _ in range(20):  # somebody who lists the runs holds it for an instant
            if _try_lock(self._descriptor, fcntl.LOCK_EX):
                return
            time.sleep(0.01)
        os.close(self._descriptor)
        raise RunProblem(f"{folder.name} is being written by another process: wait for it, or start a new run")

    def release(self) -> None:
        """Let others write; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def create_folder(lab: str, settings: dict[str, Any], *, root: Path | None = None) -> Path:
    """The next numbered folder of this lab, holding config.json with these settings."""
    root = root or runs_folder()
    make_folder(root)
    for stray in root.glob(".new-*"):  # of processes that were killed here; others are at work right now
        with contextlib.suppress(FileNotFoundError):
            if time.time() - stray.stat().st_mtime > 3600:
                shutil.rmtree(stray, ignore_errors=True)
    with writing(root):
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=root))
    try:
        fresh.chmod(0o755)
        write_json(fresh / "config.json", settings)
        number = _highest_number(root, lab) + 1
        while True:
            folder = root / f"{lab}-{number:04d}"
            with writing(folder):
                try:
                    os.rename(fresh, folder)
                    return folder
                except OSError:
                    if not folder.exists():
                        raise
            number += 1
    except Problem:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def find_run(where: str | Path, *, root: Path | None = None) -> Path:
    """The folder of a run given by its path or by its name."""
    root = root or runs_folder()
    for folder in (Path(where).expanduser(), root / where):
        if (folder / "config.json").is_file():
            return folder
    lost = root / where
    if _NUMBERED.fullmatch(lost.name) and lost.is_dir():
        lab = lost.name.rpartition("-")[0]
        raise RunProblem(
            f"{lost.name} has lost its config.json, which says what was run: it can be neither shown nor gone on with; "
            f"upslope lab {lab} runs the lab again, and {short(lost)} may be removed"
        )
    names = [summary.name for summary in list_runs(root)]
    newest = f"; the newest is {names[0]}" if names else ", and there are no runs yet"
    raise RunProblem(f"{where} is not a run: no config.json there or in {short(root)}{newest}")


def read_settings(folder: Path) -> dict[str, Any]:
    """What config.json of a run says."""
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if isinstance(settings, dict) and isinstance(settings.get("config"), dict) and "lab" in settings:
            return {"settings": [], "parts": {}, "preset": "", "started": "", "sessions": 1, **settings}
        reason = 'it has no "lab" and "config"'
    except (OSError, ValueError) as error:
        reason = str(error)
    raise RunProblem(f"config.json of {folder.name} cannot be read ({reason}): this run cannot be used")


def list_runs(root: Path | None = None) -> list[RunSummary]:
    """All runs, newest first. Reads only, and a damaged folder does not stop the list."""
    root = root or runs_folder()
    if not root.is_dir():
        return []
    folders = [path for path in root.iterdir() if _NUMBERED.fullmatch(path.name) and path.is_dir()]
    summaries = [_summary(folder) for folder in folders]
    return sorted(summaries, key=lambda summary: (summary.started, summary.name), reverse=True)


def _summary(folder: Path) -> RunSummary:
    match = _NUMBERED.fullmatch(folder.name)
    lab = match["lab"] if match else folder.name
    try:
        settings = read_settings(folder)
        result = results.read_result(folder)
    except RunProblem as problem:
        return RunSummary(folder.name, folder, lab, "damaged", "", 0, "", 0, note=str(problem))
    state = "finished" if result is not None else "running" if is_running(folder) else "unfinished"
    return RunSummary(
        name=folder.name,
        folder=folder,
        lab=str(settings["lab"]),
        state=state,
        preset=str(settings.get("preset", "")),
        seed=int(settings["config"].get("seed", 0)),
        started=str(settings.get("started", "")),
        step=last_step(folder / "metrics.jsonl"),
        result=result,
    )


def is_running(folder: Path) -> bool:
    """Whether a process writes this run now."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _highest_number(root: Path, lab: str) -> int:
    matches = (_NUMBERED.fullmatch(path.name) for path in root.iterdir())
    return max((int(m["number"]) for m in matches if m and m["lab"] == lab), default=0)

"""Labs started from a page: one trains at a time, the others wait their turn in a line that is shown.

Each is the command that a person would type, in a process of its own that outlives the page: a server that is ended
ends no training.
"""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upslope.runs.run_dir import list_runs


@dataclass
class Job:
    """A lab that was asked for."""

    number: int
    words: list[str]  # what follows `upslope lab`
    state: str = "waiting"  # waiting, running, done, failed, stopped, taken back
    said: str = ""  # the sentence with which it failed
    process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    @property
    def command(self) -> str:
        return " ".join(["upslope", "lab", *self.words])


class LabQueue:
    """The line, and the thread that works it off."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self._lock = threading.Lock()
        self._more = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more from the line; what trains goes on."""
        self._stop.set()
        self._more.set()

    def add(self, words: list[str]) -> Job:
        """Put a lab at the end of the line."""
        with self._lock:
            job = Job(len(self.jobs) + 1, words)
            self.jobs.append(job)
        self._more.set()
        return job

    def take_back(self, number: int) -> None:
        """Stop a job that runs, as Ctrl-C would: it saves a checkpoint. One that waits is taken out of the line."""
        with self._lock:
            for job in self.jobs:
                if job.number == number and job.state == "waiting":
                    job.state = "taken back"
                elif job.number == number and job.state == "running" and job.process is not None:
                    job.process.send_signal(signal.SIGINT)
                    job.state = "stopped"

    def line(self) -> tuple[tuple[int, str], ...]:
        """All jobs and their states: what is equal has not changed."""
        with self._lock:
            return tuple((job.number, job.state) for job in self.jobs)

    def current(self) -> list[Job]:
        """What runs and what waits."""
        with self._lock:
            return [job for job in self.jobs if job.state in {"running", "waiting"}]

    def ended(self) -> list[Job]:
        """What did not come to its end, newest first."""
        with self._lock:
            return [job for job in reversed(self.jobs) if job.state in {"failed", "stopped"}][:3]

    def _work(self) -> None:
        while not self._stop.is_set():
            job = self._next()
            if job is None:
                self._more.wait(0.5)
                self._more.clear()
                continue
            assert job.process is not None
            said, _ = job.process.communicate()
            with self._lock:
                if job.state == "running":
                    # 1: the target was not reached, which the run itself says.
                    job.state = "done" if job.process.returncode in (0, 1) else "failed"
                    job.said = " ".join(said.strip().split("\n")[-1:]).strip()

    def _next(self) -> Job | None:
        """Start the first that waits, unless something trains already, whoever began it."""
        with self._lock:
            waiting = [job for job in self.jobs if job.state == "waiting"]
            if not waiting or any(run.state == "running" for run in list_runs()):
                return None
            job = waiting[0]
            job.process = subprocess.Popen(
                [sys.executable, "-m", "upslope", "lab", *job.words],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                cwd=Path.home(),
                env=_environment(),
                start_new_session=True,
            )
            job.state = "running"
            return job


def _environment() -> dict[str, Any]:
    return {**os.environ, "NO_COLOR": "1", "PYTHONUTF8": "1"}

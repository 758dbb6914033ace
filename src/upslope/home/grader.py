"""What is saved in an editor is graded here as it is by `upslope watch`, and the verdict kept for the step's page."""

import hashlib
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from upslope.academy.answers import GradedFile, NoAnswer, grade_step
from upslope.academy.grading.host.child_process import Bench
from upslope.academy.lessons import Step, exercises
from upslope.academy.progress import Progress
from upslope.academy.saves import saves, settled
from upslope.academy.stub import stub_text
from upslope.runs.workspace import exercises_folder, progress_file


class Grader:
    """One thread that watches the learner's files, one that grades; what they found out, by step."""

    def __init__(self) -> None:
        self.latest: dict[str, GradedFile] = {}  # by the step's name
        self.problems: dict[str, str] = {}  # why a file could not be graded, in a sentence
        self.done = 0  # how often something was found out
        self._waiting: dict[str, None] = {}  # steps to be graded, in order
        self._working = ""
        self._lock = threading.Lock()
        self._asked: SimpleQueue[None] = SimpleQueue()
        self._stop = threading.Event()
        self._steps: Mapping[Path, Step] = {step.file: step for step in exercises()}
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._watch, self._grade)]

    def start(self) -> None:
        """Begin to watch, if there is something to watch."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads; a verdict that is being made is still kept."""
        self._stop.set()
        self._asked.put(None)
        for thread in self._threads:
            thread.join(timeout=10)

    def ask(self, step: Step) -> None:
        """Grade a step's file as soon as it is its turn."""
        with self._lock:
            self._waiting[step.name] = None
        self._asked.put(None)

    def busy(self, step: Step) -> bool:
        """Whether a verdict on this step is on its way."""
        with self._lock:
            return self._working == step.name or step.name in self._waiting

    def look(self, step: Step) -> GradedFile | None:
        """What was found out about a step; a file that nobody has looked at yet is looked at now."""
        file = exercises_folder() / step.file
        known = step.name in self.latest or step.name in self.problems
        if not known and not self.busy(step) and _written(step, file):
            self.ask(step)
        return self.latest.get(step.name)

    def _watch(self) -> None:
        while not exercises_folder().is_dir():
            if self._stop.wait(1.0):
                return
        for files in saves(exercises_folder(), self._steps, stop=self._stop):
            for file in files:
                if (step := self._steps.get(file)) is not None:
                    self.ask(step)
            if self._stop.is_set():
                return

    def _grade(self) -> None:
        with Bench() as bench:
            while not self._stop.is_set():
                with suppress(Empty):
                    self._asked.get(timeout=1.0)
                while not self._stop.is_set() and (name := self._next()):
                    self._one(next(step for step in self._steps.values() if step.name == name), bench)

    def _next(self) -> str:
        with self._lock:
            self._working = next(iter(self._waiting), "")
            self._waiting.pop(self._working, None)
            return self._working

    def _one(self, step: Step, bench: Bench) -> None:
        file = exercises_folder() / step.file
        self.problems.pop(step.name, None)
        try:
            content = settled(file)
            if content is None:
                self.latest.pop(step.name, None)
            else:
                known = _newest_hash(str(step.exercise)) == hashlib.sha256(_text(content).encode()).hexdigest()
                self.latest[step.name] = grade_step(step, file, content, bench=bench, keep=not known)
        except (NoAnswer, OSError, RuntimeError, ModuleNotFoundError) as error:
            self.problems[step.name] = str(error) or type(error).__name__
        with self._lock:
            self._working = ""
            self.done += 1


def _written(step: Step, file: Path) -> bool:
    """Whether the learner has changed the stub."""
    try:
        return file.read_text(encoding="utf-8") != stub_text(step)
    except (OSError, UnicodeDecodeError):
        return file.exists()


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace")


def _newest_hash(exercise: str) -> str:
    """Of the text that was graded last: the same text is looked at again, and not recorded again."""
    events = Progress(progress_file()).events("check", exercise)
    return str(events[-1].payload.get("sha256", "")) if events else ""

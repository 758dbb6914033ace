"""A run: one execution of a lab, in a folder of its own, that survives being killed at any moment.

A lab needs two lines for that:

    run.register(model=model, optimizer=optimizer, batches=batches, rng=rng)   # what training changes
    for step in run.steps(total):                                         # goes on where the checkpoint was

Checkpoints are made by the clock between two steps. Making one changes nothing in the training, so a run that was
killed and resumed ends with the same bits as one that was not.
"""

import hashlib
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, SupportsFloat, TypeVar, cast

from upslope.cards import LabCard, discover
from upslope.runs.checkpoint import (
    Checkpoint,
    Tensors,
    last_checkpoint,
    load_checkpoint,
    pack,
    remove_checkpoints,
    save_checkpoint,
)
from upslope.runs.config import LabConfig, make_config, words_for
from upslope.runs.errors import RunProblem
from upslope.runs.files import make_folder, write_atomically, write_json
from upslope.runs.interruption import Interruption
from upslope.runs.metrics import MetricsFile, Row, read_metrics
from upslope.runs.model_spec import FILE as SPEC
from upslope.runs.model_spec import ModelSpec
from upslope.runs.progress import Bar, progress_bar
from upslope.runs.result import Result, code_hash, finite, judge, likely_cause, machine, plain, read_result
from upslope.runs.run_dir import FolderLock, create_folder, find_run, read_settings
from upslope.runs.state import Thing, put_back, take_apart
from upslope.runs.worker_rank import rank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from upslope.runs.tracking import Careful

AConfig = TypeVar("AConfig", bound=LabConfig)


class Run(Generic[AConfig]):
    """An open run. Made by `Run.create` or `Run.open`; complete once `finish` has written result.json."""

    def __init__(self, folder: Path, card: LabCard, config: AConfig, settings: dict[str, Any], *, quiet: bool) -> None:
        self.folder = folder
        self.card = card
        self.config = config
        self.preset = str(settings.get("preset", ""))
        self.parts: dict[str, str] = settings.get("parts", {})
        self.quiet = quiet
        self.step = 0  # the last step that is done
        self.said: list[str] = []  # sentences about damage that was passed over
        self.listings: dict[str, dict[str, str]] = {}  # for the page: a title, and program texts side by side
        self._settings = settings
        self._lock = FolderLock(folder)
        self._metrics = MetricsFile(folder / "metrics.jsonl")
        self._things: dict[str, Thing] = {}
        self._pictures: list[dict[str, str]] = []
        self.goes_on = ""  # in words, what a resumed run does, where that is not told by a checkpoint
        self._bar = Bar()
        self._remark = ""
        self._interruption = Interruption(wait=False)
        self._mirror: Careful | None = None
        self._begun = time.perf_counter()
        self._seconds_before = 0.0  # of earlier sessions, up to their last checkpoint
        self.training_seconds = 0.0

    @classmethod
    def create(
        cls,
        card: LabCard,
        config: AConfig,
        *,
        preset: str = "laptop",
        parts: Mapping[str, str] | None = None,
        root: Path | None = None,
        quiet: bool = False,
    ) -> "Run[AConfig]":
        """Begin a run of this lab in the next numbered folder."""
        settings = {
            "lab": card.name,
            "preset": preset,
            "config": config.model_dump(mode="json"),
            "settings": words_for(config, card=card, preset=preset),
            "parts": dict(parts or {}),
            "code": code_hash(),
            "started": _now(),
            "sessions": 1,
        }
        folder = create_folder(card.name, settings, root=root)
        return cls(folder, card, config, settings, quiet=quiet)

    @classmethod
    def open(
        cls,
        where: str | Path,
        config_class: type[AConfig],
        *,
        card: LabCard | None = None,
        root: Path | None = None,
        quiet: bool = False,
    ) -> "Run[AConfig]":
        """Go on with a run that was interrupted."""
        folder = find_run(where, root=root)
        settings = read_settings(folder)
        lab = str(settings["lab"])
        if card is None:
            labs = discover("labs")
            if lab not in labs:
                raise RunProblem(f"{folder.name} is a run of {lab}, and there is no such lab here")
            card = cast(LabCard, labs[lab].card)
        if read_result(folder) is not None:
            raise RunProblem(f"{folder.name} is finished: nothing is left to do (upslope lab {lab} starts a new run)")
        run = cls(folder, card, make_config(config_class, settings["config"], lab=lab), settings, quiet=quiet)
        for stray in folder.glob(".*"):  # files that a kill kept from their place
            stray.unlink()
        settings["sessions"] = int(settings.get("sessions", 1)) + 1
        write_json(folder / "config.json", settings)
        return run

    def command(self) -> list[str]:
        """The words after `upslope lab` with which another process joins this run: its start, or its resume."""
        if int(self._settings["sessions"]) > 1:
            return ["--resume", str(self.folder)]
        return [self.card.name, *self._settings["settings"], "--preset", self.preset]

    # What a lab uses while it trains

    def register(self, **things: Thing) -> int:
        """Name what training changes. A resumed run gives all of it back its state; returns the steps already done."""
        if self._things:
            raise TypeError("run.register is called once, with everything that training changes")
        self._things = dict(things)
        found = self.restore()
        if found is not None:
            _, tensors, state = found
            put_back(things, tensors, state)
        return self.step

    def steps(
        self, total: int, *, per_epoch: int | None = None, checkpoint_seconds: float = 10.0, checkpoint_steps: int = 0
    ) -> Iterator[int]:
        """The steps that are left of 1..total, with a progress bar, and a checkpoint every few seconds (or steps).

        Ctrl-C and SIGTERM are obeyed after the step that is under way and its checkpoint; a second Ctrl-C at once.
        Without `register` there is nothing to put back, so there are no checkpoints and a resumed run begins anew.
        """
        per_epoch = per_epoch or total
        epochs = -(-total // per_epoch)
        saved_step, saved_at = self.step, time.perf_counter()
        with self.progress(total, "training") as self._bar, self._interruptible() as interruption:
            for step in range(self.step + 1, total + 1):
                self._bar.update(step - 1, description=f"epoch {(step - 1) // per_epoch + 1} of {epochs}")
                begun = time.perf_counter()
                yield step
                ended = time.perf_counter()
                self.training_seconds += ended - begun
                self.step = step
                by_clock = ended - saved_at >= checkpoint_seconds
                by_count = checkpoint_steps and step - saved_step >= checkpoint_steps
                if self._things and (by_clock or by_count or step == total or interruption.asked):
                    tensors, state = take_apart(self._things)
                    self.checkpoint(step, tensors, state)
                    saved_step, saved_at = step, time.perf_counter()
                if interruption.asked:
                    raise interruption.asked
        self._bar = Bar()

    def _interruptible(self) -> Interruption:
        """Without anything to save there is nothing to wait for; a process that follows is ended by the first one."""

        def noted() -> None:
            self._bar.say("stopping after this step")

        self._interruption = Interruption(wait=bool(self._things), follows=rank(self.config) > 0, noted=noted)
        return self._interruption

    def log(self, step: int, **metrics: SupportsFloat) -> None:
        """Add a line to metrics.jsonl and show it beside the progress bar."""
        self._metrics.append(step, metrics)
        self._bar.update(step, metrics=metrics)
        if self._mirror is not None:
            self._mirror.beat()

    def remark(self, step: int, words: str) -> None:
        """Name what goes wrong in training, in the progress line until it is over (""); said once each time it begins.

        It stops nothing, and no metric knows of it.
        """
        if words and not self._remark:
            self.say(f"step {step}: {words}")
        self._remark = words
        self._bar.remark(words)

    def logged(self) -> list[Row]:
        """Everything logged so far, in order; also what was logged before an interruption."""
        return read_metrics(self._metrics.path)

    def progress(self, total: float, description: str) -> AbstractContextManager[Bar]:
        """A progress bar for work that is not training steps."""
        units = {name: metric.unit for name, metric in self.card.metrics.items()}
        return progress_bar(total, description, quiet=self.quiet, units=units)

    # Checkpoints by hand, for labs whose loop is not a row of steps

    def checkpoint(self, step: int, tensors: Tensors, state: dict[str, Any]) -> None:
        """Make this moment the one from which the run goes on when it is interrupted."""
        self.step = step
        self._metrics.sync()
        moment = Checkpoint(step, tensors, state, self._metrics.length, self.seconds, self.training_seconds)
        save_checkpoint(self.folder / "checkpoint", moment)

    def restore(self) -> tuple[int, Tensors, dict[str, Any]] | None:
        """The newest whole checkpoint, or None. Metrics logged after it are forgotten: they will be logged again."""
        found, said = load_checkpoint(self.folder / "checkpoint", metrics_length=self._metrics.length)
        for sentence in said:
            self.say(sentence)
        self._metrics.cut(found.metrics_length if found else 0)
        if found is None:
            return None
        self.step = found.step
        self._seconds_before = found.seconds
        self.training_seconds = found.training_seconds
        self._begun = time.perf_counter()
        return found.step, found.tensors, found.state

    # What a lab leaves behind

    def save_model(self, tensors: Tensors, spec: ModelSpec | None = None) -> Path:
        """Write what was learned to model.safetensors; with a `spec` it can be built again, used and exported."""
        path = self.folder / "model.safetensors"
        write_atomically(path, pack(tensors))
        if spec is not None:
            write_json(self.folder / SPEC, spec.to_json())
        return path

    def picture(self, name: str, figure: "Figure", caption: str = "") -> Path:
        """Write a figure to pictures/NAME.png; the page shows it with its caption."""
        drawn = BytesIO()
        figure.savefig(drawn, format="png", dpi=150, metadata={"Software": None})
        make_folder(self.folder / "pictures")
        path = self.folder / "pictures" / f"{name}.png"
        write_atomically(path, drawn.getvalue())
        self._pictures.append({"file": f"pictures/{name}.png", "name": name, "caption": caption})
        return path

    def finish(self, metrics: Mapping[str, SupportsFloat], **facts: Any) -> Result:
        """Compare with the card's targets, write the page, and then result.json: from now on the run is complete."""
        from upslope.runs.html_report import write_page

        values = {name: float(value) for name, value in metrics.items()}
        targets = judge(self.card, self._settings["config"], values)
        code = code_hash()
        if code != self._settings.get("code"):
            self.say("the code has changed since this run began: neither version alone can reproduce its result")
            facts["code_at_start"] = self._settings.get("code")
        self._metrics.sync()
        result = Result(
            lab=self.card.name,
            title=self.card.title,
            run=self.folder.name,
            preset=self.preset,
            config=self._settings["config"],
            settings=tuple(self._settings["settings"]),
            seed=self.config.seed,
            metrics={name: finite(value) for name, value in values.items()},
            targets=tuple(replace(target, value=finite(target.value)) for target in targets),
            reached=all(target.reached for target in targets) if targets else None,
            seconds=round(self.seconds, 3),
            training_seconds=round(self.training_seconds, 3),
            machine=machine(),
            code=code,
            parts=self.parts,
            facts=cast(dict[str, Any], plain(facts)),
            started=str(self._settings["started"]),
            finished=_now(),
            resumed=int(self._settings["sessions"]) - 1,
            cause=likely_cause(targets, settings=self._settings["settings"], parts=self.parts),
            files={name: _sha256(self.folder / name) for name in ("metrics.jsonl", "model.safetensors")},
            units={name: self.card.unit(name) for name in values if self.card.unit(name)},
        )
        write_page(self.folder, result, self.card, self._pictures, self.listings)
        write_json(self.folder / "result.json", result.to_json())
        remove_checkpoints(self.folder / "checkpoint")
        if self._mirror is not None:
            self._mirror.end()
        self.close()
        return result

    def close(self) -> None:
        """Let others write this folder; a second call does nothing."""
        self._interruption.__exit__()  # an error may have left it standing
        self._metrics.close()
        self._lock.release()

    def discard(self) -> None:
        """Take away the folder of a run that was refused before its first step; where there is work in it, it stays."""
        if int(self._settings["sessions"]) == 1 and self._metrics.length == 0 and self.saved is None:
            self.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def saved(self) -> int | None:
        """The step from which the run would go on now; None where nothing is saved."""
        return last_checkpoint(self.folder / "checkpoint")

    def track(self) -> None:
        """Mirror this run to MLflow from now on; should MLflow fail, that is said once, and the run goes on."""
        from upslope.runs.tracking import Careful, Tracker

        self._mirror = Careful(lambda: Tracker(self.folder), self.say)

    @property
    def seconds(self) -> float:
        """Seconds of work so far, of all sessions, without what a kill threw away."""
        return self._seconds_before + time.perf_counter() - self._begun

    def say(self, sentence: str) -> None:
        """One sentence on stderr, unless the run is quiet; kept in `said` either way."""
        self.said.append(sentence)
        if not self.quiet:
            print(f"  {sentence}", file=sys.stderr)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""

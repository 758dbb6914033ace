"""MLflow beside our own folders: a run's settings, curves, results and files in its store, and versions of models.

The folder stays authoritative; its content is mirrored. What MLflow already holds is asked of MLflow itself, so a run
that was killed and resumed, or mirrored twice, has every point once. The store is a file in the workspace unless
MLFLOW_TRACKING_URI names another one. MLflow is imported only when somebody asks for it.
"""

import importlib.util
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from upslope.runs.errors import RunProblem
from upslope.runs.files import make_folder, write_json
from upslope.runs.metrics import read_metrics
from upslope.runs.result import read_result
from upslope.runs.run_dir import read_settings
from upslope.runs.tracking_moved import settle
from upslope.runs.workspace import home

T = TypeVar("T")
FILE = "mlflow.json"  # in a run's folder: which run of MLflow's this is
EVERY = 5.0  # seconds between two looks at what was logged
_AT_ONCE = 1000  # the most metrics that MLflow takes in one call
_ARTIFACTS = ("config.json", "result.json", "model_spec.json", "network.json", "model.safetensors", "index.html")


@dataclass(frozen=True)
class Version:
    """A registered version of a model."""

    name: str
    number: int
    fresh: bool  # whether it was registered just now


def need() -> None:
    """Refuse at once, before anything is begun, where MLflow is not installed."""
    if importlib.util.find_spec("mlflow") is None:
        raise ModuleNotFoundError("mlflow is not installed", name="mlflow")


def store() -> str:
    """Where runs are tracked, as MLflow writes it."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


def connect() -> Any:
    """MLflow's client, without its talk and its telemetry."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from mlflow.tracking import MlflowClient

    make_folder(home())
    if "MLFLOW_TRACKING_URI" not in os.environ:
        settle(home() / "mlflow.db", home() / "mlflow")
    return MlflowClient(tracking_uri=store())


class Tracker:
    """The mirror of one run."""

    def __init__(self, folder: Path, *, client: Any = None) -> None:
        self.folder = folder
        self.client = client or connect()
        self.settings = read_settings(folder)
        self.run_id = self._found() or self._made()
        # By metric, the last step that MLflow holds.
        known = self.client.get_run(self.run_id).data.metrics
        self._sent = {name: self._last_step(name) for name in known}
        self._looked = time.monotonic()

    def beat(self) -> None:
        """Called after each logged step: mirrors what is new, every few seconds."""
        if time.monotonic() - self._looked >= EVERY:
            self.mirror()

    def mirror(self) -> None:
        """Send the points that MLflow does not hold yet."""
        from mlflow.entities import Metric

        self._looked = time.monotonic()
        now = int(time.time() * 1000)
        fresh = [Metric(name, value, now, step) for name, value, step in self._points() if step > self._last(name)]
        for start in range(0, len(fresh), _AT_ONCE):
            self.client.log_batch(self.run_id, metrics=fresh[start : start + _AT_ONCE])
        for metric in fresh:
            self._sent[metric.key] = max(self._last(metric.key), metric.step)

    def end(self) -> None:
        """Mirror the rest of a finished run: its results and its files."""
        from mlflow.entities import Metric, RunTag

        self.mirror()
        result = read_result(self.folder)
        if result is None:
            return
        now = int(time.time() * 1000)
        final = [Metric(n, v, now, 0) for n, v in result.metrics.items() if v is not None and n not in self._sent]
        facts = {"reached": result.reached, "code": result.code, **result.machine}
        tags = [RunTag(f"upslope.{name}", str(value)) for name, value in facts.items()]
        self.client.log_batch(self.run_id, metrics=final, tags=tags)
        for name in _ARTIFACTS:
            if (self.folder / name).is_file():
                self.client.log_artifact(self.run_id, str(self.folder / name))
        if (self.folder / "pictures").is_dir():
            self.client.log_artifacts(self.run_id, str(self.folder / "pictures"), "pictures")
        self.client.set_terminated(self.run_id, "FINISHED", _milliseconds(result.finished))

    def _points(self) -> Iterator[tuple[str, float, int]]:
        for row in read_metrics(self.folder / "metrics.jsonl"):
            for name, value in row.items():
                if name != "step" and isinstance(value, int | float):
                    yield name, float(value), int(row["step"])

    def _last(self, name: str) -> int:
        return self._sent.get(name, -1)

    def _last_step(self, name: str) -> int:
        return max(int(metric.step) for metric in self.client.get_metric_history(self.run_id, name))

    def _found(self) -> str | None:
        """The run of MLflow's that this folder names, if its store still knows it."""
        from mlflow.exceptions import MlflowException

        try:
            run_id = str(json.loads((self.folder / FILE).read_bytes())["run_id"])
            self.client.get_run(run_id)
        except (OSError, ValueError, KeyError, TypeError, MlflowException):
            return None
        return run_id

    def _made(self) -> str:
        from mlflow.entities import Param

        lab, config = str(self.settings["lab"]), self.settings["config"]
        experiment = self.client.get_experiment_by_name(lab)
        if experiment is None:
            place = None if "MLFLOW_TRACKING_URI" in os.environ else (home() / "mlflow" / lab).as_uri()
            number = self.client.create_experiment(lab, artifact_location=place)
        else:
            number = experiment.experiment_id
        tags = {"upslope.lab": lab, "upslope.preset": str(self.settings["preset"])}
        begun = _milliseconds(self.settings["started"])
        made = self.client.create_run(number, run_name=self.folder.name, tags=tags, start_time=begun)
        params = [Param(name, str(value)) for name, value in config.items()]
        self.client.log_batch(made.info.run_id, params=params)
        write_json(self.folder / FILE, {"run_id": made.info.run_id, "store": store()})
        return str(made.info.run_id)


def _milliseconds(moment: str) -> int | None:
    """A moment as MLflow counts it: since 1970; None, its own now, where a run does not say when."""
    return int(datetime.fromisoformat(moment).timestamp() * 1000) if moment else None


class Careful:
    """A tracker that a run leans on without being hurt: what fails is said once, and from then on nothing is sent."""

    def __init__(self, make: Callable[[], Tracker], say: Callable[[str], None]) -> None:
        self._say = say
        self._tracker: Tracker | None = None
        self._tracker = self._try(make)

    def beat(self) -> None:
        """As the tracker's."""
        if self._tracker is not None:
            self._try(self._tracker.beat)

    def end(self) -> None:
        """As the tracker's."""
        if self._tracker is not None:
            self._try(self._tracker.end)

    def _try(self, deed: Callable[[], T]) -> T | None:
        try:
            return deed()
        except Exception as error:
            self._tracker = None
            said = " ".join(str(error).split())[:200]
            self._say(f"MLflow does not follow this run ({type(error).__name__}: {said}); it goes on without")
            return None


def track(folder: Path) -> Tracker:
    """Mirror a run as far as it has come."""
    tracker = Tracker(folder)
    tracker.end()
    return tracker


def register(folder: Path, *, name: str = "") -> Version:
    """Make the network of a finished run a version of a registered model, named as its lab if not said otherwise."""
    from mlflow.exceptions import MlflowException

    result = read_result(folder)
    if result is None or not (folder / "model.safetensors").is_file():
        state = "is not finished" if result is None else "has no model.safetensors"
        raise RunProblem(f"{folder.name} {state}: there is no network to register")
    name = name or result.lab
    tracker = track(folder)
    client = tracker.client
    for version in client.search_model_versions(f"run_id='{tracker.run_id}'"):
        if version.name == name:
            return Version(name, int(version.version), fresh=False)
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name)
    source = client.get_run(tracker.run_id).info.artifact_uri
    tags = {"upslope.run": folder.name, "upslope.reached": str(result.reached)}
    made = client.create_model_version(name, source=source, run_id=tracker.run_id, tags=tags)
    return Version(name, int(made.version), fresh=True)

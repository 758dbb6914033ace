"""MLflow mirrors a run: every point once, live or afterwards, and what fails there never hurts the run."""

import json

import pytest

from upslope.cards import discover
from upslope.runs import tracking
from upslope.runs.errors import RunProblem
from upslope.runs.launcher import resume, start
from upslope.runs.run import Run
from upslope.runs.workspace import home

# What MLflow does with the libraries below it is its own affair.
pytestmark = [pytest.mark.needs("mlflow"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SMOKE = ["epochs=2"]


@pytest.fixture(scope="module")
def _one_store(tmp_path_factory):
    """Making the tables of a store takes seconds: the tests of this file share one."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture(autouse=True)
def _quick(_one_store, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", _one_store)
    monkeypatch.chdir(tmp_path)  # where MLflow puts artifacts when nobody says otherwise
    monkeypatch.setattr(discover("labs")["digits"].load(), "draw", lambda *args, **kwargs: None)


def run_digits(tmp_path, *settings):
    result = start(discover("labs")["digits"], [*SMOKE, *settings], preset="smoke", root=tmp_path, quiet=True)
    return tmp_path / result.run


def points(folder, name):
    """(step, value) as MLflow holds them."""
    client = tracking.connect()
    run_id = json.loads((folder / tracking.FILE).read_text())["run_id"]
    return sorted((m.step, m.value) for m in client.get_metric_history(run_id, name))


def logged(folder, name):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [(row["step"], row[name]) for row in rows if name in row]


def test_a_live_run_is_mirrored(tmp_path, monkeypatch):
    monkeypatch.setattr(tracking, "EVERY", 0.0)
    folder = run_digits(tmp_path, "track=true")
    assert points(folder, "loss") == logged(folder, "loss")
    client = tracking.connect()
    run = client.get_run(json.loads((folder / tracking.FILE).read_text())["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.params["epochs"] == "2"
    assert run.data.params["seed"] == "0"
    result = json.loads((folder / "result.json").read_text())
    assert run.data.metrics["test_accuracy"] == pytest.approx(result["metrics"]["test_accuracy"])
    assert run.data.tags["upslope.code"] == result["code"]
    assert {"result.json", "model.safetensors"} <= {f.path for f in client.list_artifacts(run.info.run_id)}


def test_mirroring_twice_adds_nothing(tmp_path):
    folder = run_digits(tmp_path)
    assert not (folder / tracking.FILE).exists()
    first = tracking.track(folder)
    assert points(folder, "loss") == logged(folder, "loss")
    assert tracking.track(folder).run_id == first.run_id
    assert points(folder, "loss") == logged(folder, "loss")


def test_a_run_is_mirrored_with_its_own_times(tmp_path):
    """Tracked long after it ran, it began and ended when the run did."""
    folder = run_digits(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "started": "2026-01-02T03:04:05+00:00"}))
    result = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**result, "finished": "2026-01-02T03:05:05+00:00"}))
    info = tracking.connect().get_run(tracking.track(folder).run_id).info
    assert info.start_time == 1_767_323_045_000
    assert info.end_time - info.start_time == 60_000


def test_an_interrupted_run_goes_on_in_the_same_place(tmp_path, monkeypatch):
    """The points after the last checkpoint are logged again, and MLflow has them once."""
    monkeypatch.setattr(tracking, "EVERY", 0.0)
    steps, log = Run.steps, Run.log
    monkeypatch.setattr(Run, "steps", lambda self, total, **kw: steps(self, total, **{**kw, "checkpoint_steps": 20}))

    def interrupted(self, step, **metrics):
        log(self, step, **metrics)
        if step >= 30:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Run, "log", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_digits(tmp_path, "track=true")
    folder = tmp_path / "digits-0001"
    before = json.loads((folder / tracking.FILE).read_text())
    resume(folder, quiet=True)
    assert json.loads((folder / tracking.FILE).read_text()) == before
    assert points(folder, "loss") == logged(folder, "loss")


def test_a_run_becomes_a_version_once(tmp_path):
    folder = run_digits(tmp_path)
    first = tracking.register(folder, name="reader")
    assert (first.name, first.fresh) == ("reader", True)
    again = tracking.register(folder, name="reader")
    assert (again.number, again.fresh) == (first.number, False)
    other = run_digits(tmp_path, "seed=1")
    assert tracking.register(other, name="reader").number == first.number + 1
    made = tracking.connect().get_model_version("reader", str(first.number))
    assert made.tags["upslope.run"] == folder.name


def test_an_unfinished_run_is_not_registered(tmp_path):
    folder = run_digits(tmp_path)
    (folder / "result.json").unlink()
    with pytest.raises(RunProblem, match="digits-0001 is not finished: there is no network to register"):
        tracking.register(folder)


def test_what_fails_there_does_not_hurt_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(tracking, "EVERY", 0.0)

    def broken(self):
        raise OSError("the store is gone")

    monkeypatch.setattr(tracking.Tracker, "mirror", broken)
    said = []
    monkeypatch.setattr(Run, "say", lambda self, sentence: said.append(sentence))
    folder = run_digits(tmp_path, "track=true")
    assert (folder / "result.json").exists()
    assert said == ["MLflow does not follow this run (OSError: the store is gone); it goes on without"]


def test_a_store_that_cannot_be_read_does_not_hurt_either(tmp_path, monkeypatch):
    (tmp_path / "not-a-store.db").write_bytes(b"this is no database" * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'not-a-store.db'}")
    said = []
    monkeypatch.setattr(Run, "say", lambda self, sentence: said.append(sentence))
    folder = run_digits(tmp_path, "track=true")
    assert (folder / "result.json").exists()
    assert len(said) == 1
    assert said[0].startswith("MLflow does not follow this run (")


def test_the_store_is_a_file_in_the_workspace(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking.store() == f"sqlite:///{home() / 'mlflow.db'}"


def test_without_mlflow_nothing_begins(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError) as caught:
        run_digits(tmp_path, "track=true")
    assert caught.value.name == "mlflow"
    assert list(tmp_path.glob("digits-*")) == []

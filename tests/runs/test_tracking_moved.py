"""A moved workspace: MLflow's store names the folder where it lies now, and nobody else's."""

import sqlite3
from contextlib import closing

import pytest

from upslope.runs.tracking_moved import settle

ELSEWHERE = "s3://bucket/theirs"


@pytest.fixture
def store(tmp_path):
    """The tables of MLflow that matter here, one of a newer version missing."""
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as db, db:
        db.execute("CREATE TABLE experiments (name TEXT, artifact_location TEXT)")
        db.execute("CREATE TABLE runs (artifact_uri TEXT)")
        db.execute("CREATE TABLE model_versions (source TEXT, storage_location TEXT)")
        places = [("fashion", "file:///old/home/mlflow/fashion"), ("theirs", ELSEWHERE), ("Default", "/x/mlruns/0")]
        db.executemany("INSERT INTO experiments VALUES (?, ?)", places)
        runs = ["file:///old/home/mlflow/fashion/1/artifacts", f"{ELSEWHERE}/1", "file:///old/home/mlflow-other/1"]
        db.executemany("INSERT INTO runs VALUES (?)", [(run,) for run in runs])
        db.execute("INSERT INTO model_versions VALUES (?, ?)", (runs[0], runs[0]))
    return tmp_path / "mlflow.db"


def column(store, query):
    with closing(sqlite3.connect(store)) as db:
        return [row[0] for row in db.execute(query)]


def test_paths_follow_the_store_and_others_stay(store, tmp_path):
    here = (tmp_path / "mlflow").as_uri()
    for _ in range(2):  # a second time there is nothing to do
        settle(store, tmp_path / "mlflow")
        places = column(store, "SELECT artifact_location FROM experiments")
        assert places == [f"{here}/fashion", ELSEWHERE, "/x/mlruns/0"]
        runs = column(store, "SELECT artifact_uri FROM runs")
        assert runs == [f"{here}/fashion/1/artifacts", f"{ELSEWHERE}/1", "file:///old/home/mlflow-other/1"]
        assert column(store, "SELECT source FROM model_versions") == [f"{here}/fashion/1/artifacts"]
        assert column(store, "SELECT storage_location FROM model_versions") == [f"{here}/fashion/1/artifacts"]


def test_where_there_is_no_store_none_is_made(tmp_path):
    settle(tmp_path / "mlflow.db", tmp_path / "mlflow")
    assert list(tmp_path.iterdir()) == []
    sqlite3.connect(tmp_path / "empty.db").close()
    settle(tmp_path / "empty.db", tmp_path / "mlflow")

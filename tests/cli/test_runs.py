"""runs, results, data and author: lists and details, for people and for programs."""

import json
import shutil
from pathlib import Path

import pytest

from upslope.cards import discover
from upslope.cli.authoring import author as author_verb
from upslope.runs import recording, records

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of one finished smoke run, made once for this file."""
    from upslope.runs.launcher import start

    root = tmp_path_factory.mktemp("runs")
    start(discover("labs")["digits"], ["seed=4"], preset="smoke", root=root, quiet=True)
    return root / "digits-0001"


@pytest.fixture
def run(finished, home):
    """That run in this test's workspace."""
    target = home / "runs" / finished.name
    shutil.copytree(finished, target)
    return target


def test_no_runs_yet(upslope):
    said = upslope("runs")
    assert said.code == 0
    assert "No runs" in said.out
    assert upslope("runs", "--json").json["runs"] == []


def test_runs_are_listed_and_shown(upslope, run):
    said = upslope("runs")
    assert said.code == 0
    assert "digits-0001" in said.out
    assert "smoke" in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    (row,) = upslope("runs", "--json").json["runs"]
    assert (row["run"], row["state"], row["seed"], row["reached"]) == ("digits-0001", "finished", 4, None)
    said = upslope("runs", "show", "digits-0001")
    assert said.code == 0
    for words in ("digits-0001", "seed=4", "smoke", str(run / "index.html"), "test accuracy"):
        assert words in said.out
    shown = upslope("runs", "show", str(run), "--json").json
    assert shown["result"] == json.loads((run / "result.json").read_text())


def test_an_unfinished_run_says_how_to_go_on(upslope, run):
    (run / "result.json").unlink()
    said = upslope("runs")
    assert "unfinished" in said.out
    said = upslope("runs", "show", "digits-0001")
    assert said.code == 0
    assert said.out.splitlines()[-1] == "  upslope lab --resume digits-0001"


def test_a_damaged_run_does_not_stop_the_list(upslope, run):
    (run / "result.json").write_text("{")
    said = upslope("runs")
    assert said.code == 0
    assert "damaged" in said.out
    assert "cannot be read" in upslope("runs", "show", "digits-0001").out


def test_a_run_whose_name_is_not_one(upslope, run, tmp_path):
    other = tmp_path / "copy-of-it"
    shutil.copytree(run, other)
    said = upslope("runs", "show", str(other))
    assert said.code == 2
    assert "is not named like a run" in said.err


def test_data_sets_are_listed(upslope):
    said = upslope("data", "list")
    assert said.code == 0
    assert max(len(line) for line in said.out.splitlines() if "upslope-data" not in line) <= 80
    listed = {one["name"]: one for one in upslope("data", "--json").json["data"]}
    assert set(listed) == set(discover("data"))
    assert listed["digits"]["here"] is True
    assert listed["mnist"]["here"] is False
    assert listed["mnist"]["bytes"] > 1e6
    assert all(one["licence"] for one in listed.values())


def test_what_is_carried_need_not_be_fetched(upslope):
    said = upslope("data", "get", "digits")
    assert said.code == 0
    assert "comes with scikit-learn" in said.out


def test_a_set_that_cannot_be_had_is_missing(upslope, monkeypatch, tmp_path):
    """A mirror without it, and no other address: one sentence, exit code 3, nothing half there."""
    import dataclasses

    from upslope.cli.library import data as data_verb

    found = discover("data")["mnist"]
    files = tuple(dataclasses.replace(file, urls=("http://127.0.0.1:9/nothing",)) for file in found.card.files)
    card = dataclasses.replace(found.card, files=files)
    monkeypatch.setattr(data_verb, "find", lambda name: dataclasses.replace(found, card=card))
    monkeypatch.setenv("UPSLOPE_MIRROR", str(tmp_path))
    said = upslope("data", "get", "mnist", "--json")
    assert said.code == 3
    assert "could not be fetched" in said.json["error"]
    assert not (tmp_path / "upslope-data" / "mnist").exists()


def test_a_look_at_a_set(upslope, home, tmp_path):
    said = upslope("data", "show", "digits", "--toy")
    assert said.code == 0
    assert "licence" in said.out
    picture = home / "pictures" / "digits-toy-0.png"
    assert str(picture) in said.out
    assert picture.read_bytes().startswith(b"\x89PNG")
    out = tmp_path / "here.png"
    assert upslope("data", "show", "digits", "--toy", "--seed", "3", "--out", str(out), "--json").json[
        "picture"
    ] == str(out)
    assert out.read_bytes() != picture.read_bytes()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder that stands for a checkout, so that the real one is not written."""
    root = tmp_path / "checkout"
    (root / "results").mkdir(parents=True)
    monkeypatch.setattr(records, "checkout", lambda: root)
    return root


def test_a_record_is_made_listed_and_printed(upslope, checkout):
    said = upslope("author", "record", "digits", "--preset", "smoke", "--seeds", "2", "--json")
    assert said.json["seeds"] == [0, 1]
    assert said.code == 0, "a smoke run has no target that it could miss"
    record = checkout / "results" / "digits-smoke.json"
    assert json.loads(record.read_text())["lab"] == "digits"
    listed = upslope("results", "--json")
    assert [one["lab"] for one in listed.json["records"]] == ["digits"]
    said = upslope("results")
    assert said.code == 0
    assert "1 record in" in said.out
    said = upslope("author", "results")
    assert said.code == 1
    assert "RESULTS.md" in said.out
    assert upslope("author", "results", "--write").code == 0
    assert "digits" in (checkout / "RESULTS.md").read_text()
    assert upslope("author", "results").code == 0
    # A record that knows another target than the card of today.
    measured = json.loads(record.read_text())
    record.write_text(json.dumps({**measured, "config": {**measured["config"], "data": "digits"}}))
    said = upslope("author", "results", "--json")
    assert (said.code, said.json) == (1, {"stale": ["results/digits-smoke.json", "RESULTS.md"], "written": False})
    assert upslope("author", "results", "--write").code == 0
    again = json.loads(record.read_text())
    assert [target["at_least"] for target in again["targets"]] == [0.97, 0.25]
    assert again["metrics"] == measured["metrics"]
    assert upslope("author", "results").code == 0


@pytest.fixture
def recorded(monkeypatch):
    """What was asked to be recorded; in place of the runs, the records that there are."""
    there, asked = {made.name: made for made in records.read_records(RESULTS)}, []

    def make(found, plan, **_):
        asked.append((found.card.name, plan.variant, plan.words, plan.seeds))
        return there["-".join(filter(None, (found.card.name, plan.variant)))]

    monkeypatch.setattr(recording, "make", make)
    return asked


def test_all_labs_are_recorded_as_their_cards_say(upslope, checkout, recorded):
    said = upslope("author", "record", "--all", "--json")
    assert said.code == 0
    assert len(said.json["records"]) == len(recorded) == len(list(RESULTS.glob("*.json")))
    assert ("fashion", "vit-features", ("model=vit", "freeze=features"), 3) in recorded
    assert {path.name for path in (checkout / "results").iterdir()} == {path.name for path in RESULTS.glob("*.json")}


def test_one_lab_is_recorded_in_all_its_variants(upslope, checkout, recorded):
    said = upslope("author", "record", "digits", "--seeds", "2")
    assert said.code == 0
    assert [(variant, seeds) for _, variant, _, seeds in recorded] == [
        ("", 2),
        ("hidden", 2),
        ("mnist", 2),
        ("mnist-hidden", 2),
    ]
    assert "digits data=mnist freeze=hidden" in said.out
    assert upslope("author", "record", "digits", "data=mnist", "freeze=hidden", "--variant", "mnist-hidden").code == 0
    assert recorded[-1] == ("digits", "mnist-hidden", ("data=mnist", "freeze=hidden"), 10)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--all",), "name the lab to record, or say --all"),
        (("--seeds", "0"), "at least one seed"),
        (("--processes", "0"), "--processes is at least 1, not 0"),
        (("seed=3",), "the seeds are counted from 0"),
        (("--preset", "smok"), 'no preset "smok"'),
    ],
)
def test_records_refuse_what_makes_none(upslope, checkout, words, sentence):
    said = upslope("author", "record", "digits", *words)
    assert said.code == 2
    assert sentence in said.err


def test_an_installed_package_says_what_it_lacks(upslope, monkeypatch, tmp_path):
    monkeypatch.setattr(records, "checkout", lambda: None)
    for words in (("results",), ("author", "results"), ("author", "record", "digits", "--seeds", "1")):
        said = upslope(*words)
        assert said.code == 3, words
        assert len(said.err.strip().splitlines()) == 1


def test_author_checks_a_step(upslope):
    said = upslope("author", "check", "relu", "--seeds", "2", "--json")
    assert said.code == 0
    (row,) = said.json["rows"]
    assert row["exercise"] == "upslope.scratch.ops:relu"
    assert row["killed"] == row["wrongs"] > 0
    assert said.json["kill_rate"] == 1.0


def test_author_check_in_words_and_with_problems(upslope, monkeypatch):
    from upslope.academy import author
    from upslope.academy.author import ExerciseReport, Report

    def found(names, *, seeds, processes, progress):
        progress(1, 1, "softmax")
        rows = (
            ExerciseReport(
                "upslope.scratch.ops:softmax", "softmax", 8, 2000, 1999, ('the wrong answer "x" passes',), 1.5
            ),
            ExerciseReport("upslope.scratch.ops:relu", "relu", 8, 8, 8, (), 0.5),
        )
        return Report(rows, ("1.01 a: no worked number",), seeds)

    monkeypatch.setattr(author, "author_check", found)
    said = upslope("author", "check")
    assert said.code == 1
    assert "Kill rate 99.9 %" in said.out, "rounded down: 100 % would mean every one"
    assert "2007 of 2008 wrong answers fail" in said.out
    assert "2 problems." in said.out
    assert 'softmax: the wrong answer "x" passes' in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    assert upslope("author", "check", "sofmax", "--seeds", "0").code == 2
    assert author_verb.check_exercises is not None


def test_author_alone_shows_its_verbs(upslope):
    said = upslope("author")
    assert said.code == 0
    for verb in ("check", "record", "results"):
        assert f"\n  {verb} " in said.out

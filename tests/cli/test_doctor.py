"""doctor: facts about this machine, lacks with advice, and nothing left behind."""

import pytest

from upslope.academy.grading.sandbox import landlock, seccomp
from upslope.cli.machine import facts

NEEDS = ["numpy>=2.1", "scipy>=1.15", 'torch>=2.7; extra == "torch"', 'ruff>=0.9; extra == "dev"']


@pytest.fixture(autouse=True)
def _declared(monkeypatch):
    """What the package says it needs; a checkout on the path without an installation says nothing."""
    monkeypatch.setattr("importlib.metadata.requires", lambda package: NEEDS)


def about(findings):
    return {finding["about"]: finding for finding in findings}


def test_doctor_on_this_machine(upslope, home):
    said = upslope("doctor", "--json")
    assert said.code == 0
    findings = about(said.json["findings"])
    assert said.json["good"] is True
    assert findings["python"]["state"] == "good"
    assert "numpy" in findings["packages"]["fact"]
    assert findings["workspace"]["state"] == "note"
    assert "digits" in findings["data"]["fact"] or findings["data"]["state"] == "note"
    assert findings["UPSLOPE_HOME"]["fact"].startswith(str(home))
    assert not home.exists()
    upslope("init")
    assert "writable" in about(upslope("doctor", "--json").json["findings"])["workspace"]["fact"]


def test_doctor_in_words(upslope):
    said = upslope("doctor")
    assert said.code == 0
    assert said.out.splitlines()[-1] == "  All that Upslope needs is here."
    assert "BLAS" in said.out
    assert "threads" in said.out


def test_a_machine_without_landlock_is_told_so(upslope, monkeypatch):
    monkeypatch.setattr(landlock, "abi", lambda: 0)
    monkeypatch.setattr(seccomp, "available", lambda: False)
    said = upslope("doctor", "--json")
    assert said.code == 0, "it is a note, not a lack: grading works without"
    findings = about(said.json["findings"])
    assert findings["Landlock"]["state"] == "note"
    assert "without it" in findings["Landlock"]["fact"]
    assert findings["seccomp"]["state"] == "note"


def test_a_missing_package_is_a_lack_with_advice(upslope, monkeypatch):
    monkeypatch.setattr(facts, "version_of", lambda package: {"scipy": "", "numpy": "1.0"}.get(package, "99.0"))
    said = upslope("doctor", "--json")
    assert said.code == 3
    lacks = [finding for finding in said.json["findings"] if finding["state"] == "lack"]
    assert sorted(lack["fact"] for lack in lacks) == [
        "numpy 1.0, >=2.1 is needed",
        "scipy is missing, >=1.15 is needed",
    ]
    assert all("pip install" in lack["advice"] for lack in lacks)


def test_a_missing_extra_says_what_it_would_open(upslope, monkeypatch):
    real = facts.version_of
    monkeypatch.setattr(facts, "version_of", lambda package: "" if package == "torch" else real(package))
    findings = about(upslope("doctor", "--json").json["findings"])
    assert findings["extra torch"]["state"] == "note"
    assert "opens" in findings["extra torch"]["fact"]
    assert "upslope[torch]" in findings["extra torch"]["advice"]


def test_a_workspace_that_cannot_be_written(upslope, tmp_path, monkeypatch):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file")
    monkeypatch.setenv("UPSLOPE_HOME", str(blocked))
    said = upslope("doctor", "--json")
    assert said.code == 3
    assert about(said.json["findings"])["workspace"]["state"] == "lack"


def test_variables_that_mean_nothing_and_mirrors_that_are_not_there(upslope, monkeypatch, tmp_path):
    monkeypatch.setenv("UPSLOPE_HOEM", "x")
    monkeypatch.setenv("UPSLOPE_MIRROR", str(tmp_path / "nowhere"))
    findings = about(upslope("doctor", "--json").json["findings"])
    assert "did you mean UPSLOPE_HOME?" in findings["UPSLOPE_HOEM"]["fact"]
    assert "is not a folder" in findings["UPSLOPE_MIRROR"]["fact"]


def test_a_damaged_progress_file_is_named(upslope, home):
    home.mkdir()
    (home / "progress.sqlite").write_bytes(b"this is no database, whatever its name says" * 100)
    said = upslope("doctor", "--json")
    assert said.code == 3
    assert about(said.json["findings"])["progress"]["state"] == "lack"
    for words in ((), ("learn",)):
        said = upslope(*words)
        assert said.code == 3
        assert "progress" in said.err
        assert "Traceback" not in said.err

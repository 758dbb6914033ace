"""Labs from the command line: settings, presets, exit codes, evidence, and what is said before and after."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from upslope.academy.evidence import read_evidence
from upslope.cards import discover
from upslope.runs.workspace import progress_file


def test_all_labs_are_listed(upslope):
    said = upslope("lab")
    assert said.code == 0
    for name in discover("labs"):
        assert any(line.split()[:1] == [name] for line in said.out.splitlines())
    listed = upslope("lab", "--json").json["labs"]
    assert [one["name"] for one in listed] == list(discover("labs"))
    assert all(one["targets"] and one["seconds"] for one in listed)


@pytest.mark.parametrize("name", list(discover("labs")))
def test_a_labs_help_lists_its_settings(upslope, name):
    said = upslope("lab", name, "--help")
    assert said.code == 0
    assert max(map(len, said.out.splitlines())) <= 80
    for word in ("seed=0", "threads=", "Target", "--preset smoke|"):
        assert word in said.out
    listed = upslope("lab", name, "--help", "--json").json
    names = {setting["name"] for setting in listed["settings"]}
    assert {"seed", "threads"} <= names
    if "loss" in discover("labs")[name].card.metrics:
        assert names & {"epochs", "steps", "frames"}, "how long it learns can be set"
    assert listed["claim"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("lab", "digts"), 2, 'there is no lab "digts"; did you mean digits?'),
        (("lab", "digits", "epoch=3"), 2, 'digits has no setting "epoch"; did you mean epochs?'),
        (("lab", "digits", "epochs=many"), 2, "epochs=many must be a whole number"),
        (("lab", "digits", "epochs"), 2, 'a setting is written key=value, got "epochs"'),
        (("lab", "digits", "--preset", "smok"), 2, 'digits has no preset "smok"; did you mean smoke?'),
        (("lab", "epochs=3"), 2, "the lab comes first"),
        (("lab", "--mine"), 2, "which lab?"),
        (("lab", "digits", "--mine"), 2, "is yours yet"),
        (("lab", "--resume", "digits-0099"), 2, "digits-0099 is not a run"),
        (("lab", "digits", "--resume", "digits-0099", "seed=1"), 2, "--resume uses the settings"),
        (("lab", "digits", "--resme", "x"), 2, "did you mean --resume?"),
    ],
)
def test_typing_mistakes(upslope, words, code, sentence, home):
    said = upslope(*words)
    assert said.code == code, said.err
    assert sentence in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert not (home / "runs").exists(), "nothing is begun before the settings are right"


def test_a_smoke_run(upslope, home):
    said = upslope("lab", "digits", "--preset", "smoke")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0].startswith("  Digits")
    assert "about" in lines[0]
    assert "no target under these settings" in said.out
    assert str(home / "runs" / "digits-0001" / "index.html") in said.out
    assert lines[-1].endswith("upslope lab digits --preset smoke seed=1")
    assert read_evidence(progress_file()).reached == {}, "a run without a target proves nothing"


def test_a_run_for_programs(upslope, home):
    said = upslope("lab", "digits", "--preset", "smoke", "seed=3", "--json")
    assert said.code == 0
    assert said.err == ""
    result = said.json
    assert (result["lab"], result["seed"], result["preset"], result["reached"]) == ("digits", 3, "smoke", None)
    assert result == json.loads((home / "runs" / "digits-0001" / "result.json").read_text()) | {
        "folder": result["folder"]
    }
    assert set(result["parts"].values()) == {"ours"}


@pytest.mark.parametrize(("reached", "code"), [(True, 0), (False, 1)])
def test_reached_is_evidence_and_missed_is_an_honest_exit(upslope, monkeypatch, reached, code):
    """The same real run, judged by a target that it meets or misses."""
    from upslope.runs import launcher
    from upslope.runs.result import Target

    start = launcher.start

    def judged(*words, **options):
        result = start(*words, **options)
        target = Target("test_accuracy", 0.5, None, result.metrics["test_accuracy"], reached, {"frozen": 0.4}, "%")
        return replace(result, reached=reached, targets=(target,), cause="" if reached else "too few epochs")

    monkeypatch.setattr(launcher, "start", judged)
    said = upslope("lab", "digits", "--preset", "smoke")
    assert said.code == code
    assert ("Likely cause: too few epochs." in said.out) == (not reached)
    assert ("(frozen: test accuracy 40.0 %)" in said.out) == reached
    evidence = read_evidence(progress_file()).reached
    assert ("digits" in evidence) == reached
    if reached:
        payload = evidence["digits"].payload
        assert payload["run"] == "digits-0001"
        assert payload["targets"][0]["at_least"] == 0.5
        assert len(payload["code"]) == 64
        assert "5 of its 5 parts are ours." in said.out
        assert "upslope lab digits --preset smoke --mine" in said.out
        lab = upslope("--json").json["labs"]["digits"]
        assert (lab["reached"], lab["proven"]) == (True, False), "reached with parts of ours is not proven"


@pytest.mark.parametrize("yours", [0, 4, 5])
def test_a_lab_is_proven_when_every_part_is_the_learners(upslope, monkeypatch, yours):
    """The same real run, said to have been made of so many parts of the learner's."""
    from upslope.runs import launcher
    from upslope.runs.result import Target

    start = launcher.start

    def judged(*words, **options):
        result = start(*words, **options)
        parts = {part: "yours" if k < yours else "ours" for k, part in enumerate(result.parts)}
        target = Target("test_accuracy", 0.5, None, result.metrics["test_accuracy"], True)
        return replace(result, reached=True, targets=(target,), parts=parts)

    monkeypatch.setattr(launcher, "start", judged)
    said = upslope("lab", "digits", "--preset", "smoke")
    state = "proven" if yours == 5 else "reached"
    assert ("it is proven:" in said.out) == (state == "reached")
    assert [s["state"] for s in upslope("learn", "--json").json["steps"] if s["name"] == "digits"] == [state]
    assert f"{state.capitalize():<9}lab digits, run digits-0001" in upslope().out
    (row,) = [one for one in upslope("lab", "--json").json["labs"] if one["name"] == "digits"]
    assert (row["reached"], row["proven"]) == (True, state == "proven")
    assert ("With all of its parts yours" in upslope("learn", "digits").out) == (state == "reached")
    assert f"1 labs reached, {int(state == 'proven')} of them proven" in upslope("doctor").out


def test_an_interrupt_can_be_resumed(program, upslope, home, tmp_path, wait_for):
    """SIGINT in the middle: no traceback, 130, the words to type; --resume ends it, and adds no second run."""
    command = [sys.executable, "-m", "upslope", "lab", "digits", "--preset", "smoke", "epochs=400"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    wait_for(home / "runs" / "digits-0001" / "metrics.jsonl", child)
    os.kill(child.pid, signal.SIGINT)
    _, err = child.communicate()
    assert child.returncode == 130, err
    assert "Traceback" not in err
    assert "upslope lab --resume digits-0001" in err
    listed = upslope("runs", "--json").json["runs"]
    assert [(one["run"], one["state"]) for one in listed] == [("digits-0001", "unfinished")]
    assert "upslope lab --resume digits-0001" in upslope("runs", "show", "digits-0001").out
    said = program("lab", "--resume", "digits-0001", "--json")
    assert said.code == 0, said.err
    assert said.json["run"] == "digits-0001"
    assert said.json["resumed"] == 1
    assert upslope("lab", "lenet", "--resume", "digits-0001").code == 2


@pytest.mark.needs("torch")
def test_a_trained_model_is_offered_for_use(upslope, tmp_path):
    """At the end of a lab stand the commands that use what it trained; a lab that saves no model offers none."""
    said = upslope("lab", "fashion", "model=lenet", "epochs=1", "threads=1", "--preset", "smoke")
    assert said.code == 0, said.err
    lines = [line.split("    ")[0].strip() for line in said.out.splitlines()]
    assert "upslope predict fashion picture.png" in lines
    assert "upslope look fashion picture.png" in lines
    assert "upslope export fashion" in lines
    assert "upslope predict" not in upslope("lab", "digits", "epochs=3", "--preset", "smoke").out


def test_a_run_without_its_settings_is_named(upslope, home):
    upslope("lab", "digits", "epochs=3", "--preset", "smoke")
    (home / "runs" / "digits-0001" / "config.json").unlink()
    for words in (("runs", "show", "digits-0001"), ("predict", "digits-0001"), ("lab", "--resume", "digits-0001")):
        said = upslope(*words)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("  digits-0001 has lost its config.json, which says what was run")
        assert "did you mean" not in said.err


def test_a_lab_whose_output_nobody_can_take_still_ends_well(tmp_path, home):
    """`upslope lab digits >&-`: there is no stdout at all, and files must not land in its place."""
    words = [sys.executable, "-m", "upslope", "lab", "digits", "epochs=3", "--preset", "smoke"]
    done = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *words], cwd=tmp_path, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (home / "runs" / "digits-0001" / "result.json").exists()
    done = subprocess.run(["sh", "-c", '"$@" >&- 2>&-', "sh", *words], cwd=tmp_path, check=False)
    assert done.returncode == 0


def test_the_command_for_another_seed_repeats_the_settings(upslope):
    said = upslope("lab", "digits", "epochs=3", "--preset", "smoke")
    assert "again with another seed    upslope lab digits epochs=3 --preset smoke seed=1" in said.out

"""Every error is one sentence on stderr and a documented exit code; --debug shows the traceback, --json stays JSON."""

import os
import signal
import subprocess
import sys
import time

import pytest

from upslope.cli.learning import learn as learn_verb
from upslope.cli.terminal.errors import judge


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("chekc", "softmax"), 2, 'upslope has no verb "chekc"; did you mean check?'),
        (("softmax",), 2, 'upslope has no verb "softmax"; did you mean upslope learn softmax?'),
        (("data", "lst"), 2, 'upslope data has no verb "lst"; did you mean list?'),
        (("check", "softmax", "--sede", "1"), 2, "upslope check has no option --sede; did you mean --seed?"),
        (("check", "softmax", "--seed", "x"), 2, "--seed"),
        (("check", "softmax", "--seed=-1"), 2, "a seed is a whole number from 0"),
        (("check",), 2, "which step?"),
        (("learn", "sofmax"), 2, 'no step or term is called "sofmax"; did you mean softmax?'),
        (("hint", "sofmax"), 2, "did you mean softmax?"),
        (("hint",), 2, "missing argument"),
        (("hint", "softmax", "--stage", "4"), 2, "--stage"),
        (("solution", "xyzzy"), 2, "upslope learn lists all steps"),
        (("check", "nowhere/99-sofmax.py"), 2, "is not a file of an exercise"),
        (("check", "softmax"), 3, "upslope init makes it"),
        (("data", "get", "digts"), 2, 'there is no data set "digts"; did you mean digits?'),
        (("data", "show", "digits", "--split", "tset"), 2, 'digits has no split "tset"; did you mean test?'),
        (("runs", "show", "lenet-0012"), 2, "lenet-0012 is not a run"),
    ],
)
def test_typing_mistakes_are_answered_in_a_sentence(upslope, words, code, sentence):
    said = upslope(*words)
    assert said.code == code, said.err
    assert sentence in said.err
    assert said.out == ""
    assert "Traceback" not in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_with_json_the_error_is_an_object_too(upslope):
    for words in (("--json", "learn", "sofmax"), ("learn", "sofmax", "--json")):
        said = upslope(*words)
        assert said.code == 2
        assert said.json["exit"] == 2
        assert "did you mean softmax" in said.json["error"]
        assert "did you mean softmax" in said.err


def test_debug_shows_the_traceback(upslope):
    assert "Traceback" not in upslope("learn", "sofmax").err
    assert "Traceback" in upslope("learn", "sofmax", "--debug").err
    assert "Traceback" not in upslope("learn", "sofmax").err, "the next invocation is not in debug mode"


def test_a_fault_of_ours_is_not_mistaken_for_a_verdict(upslope, monkeypatch):
    def broken() -> int:
        raise ZeroDivisionError("one\ntwo")

    monkeypatch.setattr(learn_verb, "roadmap", broken)
    said = upslope("learn")
    assert said.code == 70
    assert said.err.strip() == "a fault of Upslope itself, ZeroDivisionError: one two (--debug shows where)"


def test_an_interrupt_ends_with_130(upslope, monkeypatch):
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(learn_verb, "roadmap", interrupted)
    said = upslope("learn")
    assert (said.code, said.out, said.err) == (130, "", "")
    assert upslope("learn", "--json").json == {"error": "interrupted", "exit": 130}


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 3, "pip install 'upslope[torch]'"),
        (ModuleNotFoundError("No module named 'scipy'", name="scipy"), 3, "needs scipy"),
        (PermissionError(13, "Permission denied", "/somewhere/file"), 3, "/somewhere/file: permission denied"),
        (OSError(28, "No space left on device", "x"), 3, "free some space"),
        (MemoryError(), 3, "memory"),
    ],
)
def test_what_a_machine_lacks_is_said(error, code, says):
    found, sentence = judge(error)
    assert found == code
    assert says in sentence


def test_every_error_of_the_library_has_its_exit_code():
    """The table of sentences names classes by their dotted path; each of them must exist."""
    import importlib

    from upslope.cli.terminal import errors

    for dotted in errors._CODES:
        module, _, name = dotted.rpartition(".")
        assert issubclass(getattr(importlib.import_module(module), name), Exception), dotted


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-m", "upslope", "learn", "softmax"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait() == 141
    child.stderr.close()


def test_ctrl_c_is_clean(tmp_path):
    """An interrupt from outside, while a verb is at work: no traceback, 130."""
    code = (
        "import sys, time; from upslope.cli.learning import learn; from upslope.cli.main import main\n"
        "def slow():\n    print('working', flush=True); time.sleep(30)\n"
        "learn.roadmap = slow; sys.exit(main(['learn']))"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "working\n"
    time.sleep(0.1)
    os.kill(child.pid, signal.SIGINT)
    _, err = child.communicate()
    assert child.returncode == 130
    assert err == ""


def test_a_workspace_that_cannot_be_one(upslope, tmp_path, monkeypatch):
    """UPSLOPE_HOME names a file: each verb that writes says so, in one sentence."""
    blocked = tmp_path / "blocked"
    blocked.write_text("not a folder")
    monkeypatch.setenv("UPSLOPE_HOME", str(blocked))
    for words, code in ((("init",), 3), (("hint", "softmax"), 0), (("solution", "softmax"), 0)):
        said = upslope(*words)
        assert said.code == code, (words, said.err)
        assert "blocked" in said.err
        assert len(said.err.strip().splitlines()) == 1
        assert bool(said.out) == (code == 0), "what can be shown is shown"
    assert upslope("learn").code == 0, "reading needs no workspace"
    assert upslope().code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for root")
def test_a_workspace_that_may_not_be_written(upslope, home):
    home.mkdir(mode=0o500)
    try:
        for words, code in ((("init",), 3), (("hint", "softmax"), 0), (("learn", "softmax"), 0), (("runs",), 0)):
            said = upslope(*words)
            assert said.code == code
            assert "Traceback" not in said.err
    finally:
        home.chmod(0o700)

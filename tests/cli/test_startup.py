"""`upslope --help` is quick, because verbs import what they need only when they run."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = ("numpy", "scipy", "yaml", "pydantic", "matplotlib", "sklearn", "pooch", "jinja2", "torch", "sqlite3")
LEARN = ("tour", "init", "learn", "check", "watch", "open", "hint", "solution", "quiz")
TRAIN = ("lab", "runs", "results", "predict", "chat", "serve", "embed", "look", "export", "tokenize", "clean", "model")
GUIDE = ("roadmap", "next", "tier", "report")
VERBS = (*LEARN, *GUIDE, *TRAIN, "data", "doctor", "author")


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from upslope.cli.main import main; code = main(['--help']); "
        f"print([m for m in {HEAVY!r} if m in sys.modules], code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


def test_help_imports_little_more_than_its_libraries():
    """Start-up is imports: what no command line on typer and rich can avoid, and beside it little, mostly our own.

    Modules are counted, not seconds: those of a busy machine are longer. A verb that imports what it needs at the top
    of its file brings dozens.
    """
    libraries = _imported("import typer, rich")
    beside = _imported("from upslope.cli.main import main; main(['--help'])") - libraries
    ours = {name for name in beside if name.partition(".")[0] == "upslope"}
    assert len(ours) <= 80, sorted(ours)
    assert len(beside - ours) <= 12, sorted(beside - ours)


def _imported(code):
    """The modules that a fresh process has after this."""
    code += "; import sys, json; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_lists_every_verb_and_the_exit_codes(upslope):
    said = upslope("--help")
    assert said.code == 0
    assert said.err == ""
    for verb in VERBS:
        assert f"\n  {verb} " in said.out
    for words in ("0 done", "1 not passed", "2 wrong usage", "3 something missing", "130 interrupted"):
        assert words in " ".join(said.out.split())


@pytest.mark.parametrize(
    "words", [(), *((verb,) for verb in VERBS), ("runs", "show"), ("data", "get"), ("author", "record")]
)
def test_every_verb_has_help_in_80_columns(upslope, words):
    said = upslope(*words, "--help")
    assert said.code == 0, said.err
    assert "Usage: upslope" in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    if words not in [("author",), ()]:
        assert "--json" in said.out


def test_version(upslope):
    said = upslope("--version")
    assert said.code == 0
    assert said.out.startswith("upslope ")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("upslope che", "check"),
        ("upslope check soft", "softmax"),
        ("upslope report 1.mod", "1.modern.gelu"),
        ("upslope data show dig", "digits"),
        ("upslope quiz conv", "convolution"),
        ("upslope quiz convolution --topic rec", "receptive-field"),
    ],
)
def test_completion_offers_verbs_and_names(words, wanted):
    env = {**os.environ, "_UPSLOPE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run([sys.executable, "-m", "upslope"], env=env, capture_output=True, text=True, check=False)
    assert wanted in done.stdout.split(), done.stderr


def test_completion_is_light():
    code = (
        "import sys, json; from upslope.cli.terminal import completion as c; "
        "names = [c.step_names(''), c.item_names(''), c.lab_names(''), c.data_names('dig'), c.run_names('')]; "
        f"print(json.dumps([[m for m in {HEAVY!r} if m in sys.modules], names]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy, (steps, items, _, data, runs) = json.loads(done.stdout)
    assert heavy == []
    assert "softmax" in steps
    assert len(items) == 328
    assert data == ["digits"]
    assert runs == []

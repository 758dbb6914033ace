"""The bar shows what training does on a terminal, and nothing anywhere else."""

import time

import pytest

from upslope.cards import LabCard, Metric
from upslope.runs.config import LabConfig
from upslope.runs.progress import progress_bar
from upslope.runs.run import Run

UNITS = {"validation_accuracy": Metric(unit="%"), "loss": Metric(unit="nats", higher_is_better=False)}
CARD = LabCard("tiny", "", "", "", "", {}, (), (), {"laptop": {}}, UNITS)


def train(tmp_path, *, quiet):
    run = Run.create(CARD, LabConfig(), root=tmp_path, quiet=quiet)
    for step in run.steps(40, per_epoch=20):
        run.log(step, loss=0.25, validation_accuracy=0.987)
        time.sleep(0.02)


@pytest.fixture
def terminal(monkeypatch):
    """Makes rich believe that stderr is one."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.usefixtures("terminal")
def test_shown_on_a_terminal(tmp_path, capsys):
    train(tmp_path, quiet=False)
    shown = capsys.readouterr()
    assert shown.out == ""
    for words in ("epoch 1 of 2", "epoch 2 of 2", "/40", "loss 0.25 nats", "val accuracy 98.7 %"):
        assert words in shown.err


@pytest.mark.usefixtures("terminal")
def test_what_goes_wrong_stands_in_the_progress_line_until_it_is_over(tmp_path, capsys):
    run = Run.create(CARD, LabConfig(), root=tmp_path)
    for step in run.steps(40):
        run.log(step, loss=0.25)
        run.remark(step, "it stands still" if 5 <= step < 20 or step >= 30 else "")
        time.sleep(0.02)
    shown = capsys.readouterr().err
    assert "it stands still  loss 0.25 nats" in shown
    assert run.said == ["step 5: it stands still", "step 30: it stands still"], "once each time it begins"
    assert run.logged()[-1] == {"step": 40, "loss": 0.25}


@pytest.mark.usefixtures("terminal")
def test_quiet_shows_nothing(tmp_path, capsys):
    train(tmp_path, quiet=True)
    assert capsys.readouterr() == ("", "")


def test_nothing_without_a_terminal(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    train(tmp_path, quiet=False)
    with progress_bar(10, "fetching", unit="bytes") as bar:
        bar.update(5)
    assert capsys.readouterr() == ("", "")

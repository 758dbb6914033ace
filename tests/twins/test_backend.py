"""Which backend Keras gets, and the sentences where it cannot be had; nothing is imported here."""

import pytest

from upslope.twins import backend


@pytest.fixture
def machine(monkeypatch):
    """A machine with these libraries, on which Keras runs on one of them already, or is not imported."""

    def having(*libraries, running=""):
        monkeypatch.setattr(backend, "_installed", lambda library: library in libraries)
        monkeypatch.setattr(backend, "_running", lambda: running)

    return having


def test_auto_takes_tensorflow_where_it_is_and_torch_where_it_is_not(machine):
    machine("keras", "torch", "tensorflow")
    assert backend.chosen("auto") == "tensorflow"
    machine("keras", "torch")
    assert backend.chosen("auto") == "torch"


def test_auto_keeps_what_keras_runs_on(machine):
    machine("keras", "torch", "tensorflow", running="torch")
    assert backend.chosen("auto") == "torch"
    assert backend.chosen("torch") == "torch"


@pytest.mark.parametrize(
    ("libraries", "running", "wanted", "sentence"),
    [
        (("torch",), "", "auto", r"need Keras, which is not installed: pip install 'upslope\[keras\]'"),
        (("keras", "torch"), "", "tensorflow", r"backend=tensorflow is not installed: pip install 'upslope\[tensorfl"),
        (("keras", "torch", "tensorflow"), "torch", "tensorflow", "already runs on torch .* needs a new process"),
        (("keras", "torch"), "", "jax", 'no twin on the backend "jax": take tensorflow or torch'),
        (("keras", "torch", "jax"), "jax", "auto", "already runs on jax .* a twin needs a new process"),
    ],
)
def test_what_cannot_be_had_is_said(machine, libraries, running, wanted, sentence):
    machine(*libraries, running=running)
    with pytest.raises(backend.BackendProblem, match=sentence):
        backend.chosen(wanted)

"""Each contract rejects the mistakes planted for it in `planted/CONTRACT/`, and every other contract accepts them.

A planted model is a file like any model's. Where a mistake breaks more than the contract whose folder it lies in, the
file says so in `ALSO`. The models in `planted/sound/` have no mistake.
"""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="contracts are checked on networks of PyTorch")
pytest.importorskip("beartype", reason="it reads the annotated shapes")
pytest.importorskip("onnxscript", reason="it writes ONNX")
pytest.importorskip("onnxruntime", reason="it runs ONNX")

import upslope
from upslope import cards
from upslope.checks.contract import Broken, Subject, contracts, keep, subjects

HERE = Path(__file__).parent
FILES = sorted((HERE / "planted").rglob("*.py"))
FOLDERS = {path.stem: path.parent.name for path in FILES}
# Exports take longer than all other contracts together: they are asked of these folders and models only.
WITH_ONNX = {
    "export",
    "onnx",
    "perceptron",
    "reads_the_past",
    "drops_in_evaluation",
    "draws_its_code",
    "gives_its_states",
}
WITH_EXPORT = {*WITH_ONNX, "sound", "shapes", "modes", "inputs", "causality"}


@pytest.fixture(scope="module")
def planted():
    """The planted models by name, importable as `upslope.planted.CONTRACT.NAME`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cards, "PACKAGE", HERE)
        found = cards.discover("planted")
        patch.undo()
        patch.setattr(upslope, "__path__", [*upslope.__path__, str(HERE)])
        yield {name: Subject(each) for name, each in found.items()}


@pytest.mark.parametrize("name", FOLDERS)
def test_only_what_is_broken_is_rejected(planted, name):
    for subject in subjects(planted[name].found):
        only_what_is_broken_is_rejected(subject, name)


def only_what_is_broken_is_rejected(subject, name):
    folder = FOLDERS[name]
    broken = {folder, *getattr(subject.found.load(), "ALSO", ())} - {"sound"}
    asked = set(contracts())
    asked -= set() if {folder, name} & WITH_ONNX else {"onnx"}
    asked -= set() if {folder, name} & WITH_EXPORT else {"export"}
    said = {}
    for contract in sorted(asked):
        try:
            keep(subject, contract)
        except Broken as problem:
            said[contract] = str(problem)
    assert set(said) == broken, said
    assert all("\n" not in sentence and len(sentence) < 400 for sentence in said.values()), said


def test_every_contract_has_a_planted_mistake():
    assert set(FOLDERS.values()) == {*contracts(), "sound"}


def excepting(subject, **exceptions):
    card = replace(subject.card, exceptions=exceptions)
    return Subject(replace(subject.found, card=card))


def test_an_exception_with_its_reason_is_given_back(planted):
    subject = excepting(planted["norms_over_the_batch"], independence="the paper norms over the batch at hand")
    assert keep(subject, "independence") == "the paper norms over the batch at hand"
    assert keep(subject, "shapes") == ""


def test_an_exception_that_is_not_needed_is_refused(planted):
    subject = excepting(planted["perceptron"], independence="once upon a time")
    with pytest.raises(Broken, match=r"the card excepts independence, and the model keeps it: .* not needed any more"):
        keep(subject, "independence")


@pytest.mark.parametrize(
    ("exceptions", "sentence"),
    [({"independent": "a slip"}, 'the card excepts "independent", and the contracts are annotations, counts'),
     ({"independence": " "}, "the card excepts independence and gives no reason")],
)  # fmt: skip
def test_an_exception_must_name_a_contract_and_a_reason(planted, exceptions, sentence):
    for contract in ("independence", "shapes"):
        with pytest.raises(Broken, match=sentence):
            keep(excepting(planted["norms_over_the_batch"], **exceptions), contract)


def test_of_a_model_that_is_not_causal_no_causality_is_asked(planted):
    seeing = planted["sees_one_step_ahead"]
    with pytest.raises(Broken, match="the output up to time 0 changes by"):
        keep(seeing, "causality")
    keep(Subject(replace(seeing.found, card=replace(seeing.card, causal=False))), "causality")


def test_a_card_without_a_toy_is_refused(planted):
    subject = planted["perceptron"]
    card = replace(subject.card, sizes={"small": subject.toy})
    with pytest.raises(Broken, match='the card has the sizes small, and none is called "toy"'):
        keep(Subject(replace(subject.found, card=card)), "shapes")

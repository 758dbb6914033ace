"""Every model keeps every contract: all cards that are found, times all contracts that are found."""

import pytest

pytest.importorskip("torch", reason="contracts are checked on networks of PyTorch")

from upslope.cards import discover
from upslope.checks.contract import contracts, keep, subjects

SUBJECTS = {
    name if subject.size == "toy" else f"{name}-{subject.size}": subject
    for name, found in discover("models").items()
    for subject in subjects(found)
}
# What a contract needs beside PyTorch.
NEEDS = {"annotations": ("jaxtyping", "beartype"), "onnx": ("onnx", "onnxscript", "onnxruntime")}


def test_there_are_models_and_contracts():
    assert {"lenet", "resnet", "vit"} <= set(SUBJECTS)
    assert {"shapes", "gradients", "independence", "causality", "modes", "onnx", "counts"} <= set(contracts())


@pytest.mark.parametrize(
    ("model", "contract"), [pytest.param(m, c, id=f"{m}-{c}") for m in SUBJECTS for c in contracts()]
)
def test_kept(model, contract):
    for module in NEEDS.get(contract, ()):
        pytest.importorskip(module)
    reason = keep(SUBJECTS[model], contract)
    if reason:
        pytest.skip(f"the card excepts {contract}: {reason}")

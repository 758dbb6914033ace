"""Files of language models in their publishers' formats become ours: outputs are those of the model that wrote them.

transformers writes the files, of the size of our toys; older ones are made from them by the names that older versions
gave. They are read by the way of `upslope model get NAME --file PATH`.
"""

import re

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import safetensors.torch
import torch

from upslope.models import pretrained
from upslope.runs.errors import DataProblem

TOY = {"vocab_size": 20, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}


@pytest.fixture(scope="module")
def transformers():
    """The library, imported once and kept from the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield pytest.importorskip("transformers", reason="it is the independent implementation")


@pytest.fixture
def written(tmp_path):
    """`written(model)`: a model with random weights as transformers saves it, and the tensors in its file."""

    def write(model):
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for value in model.parameters():
                value.add_(torch.randn(value.shape, generator=generator) * 0.3)
        model.eval().save_pretrained(tmp_path / "theirs")
        return safetensors.torch.load_file(tmp_path / "theirs" / "model.safetensors")

    return write


def loaded(name, tensors, path, **options):
    """The toy with these tensors, by way of a file."""
    if path.suffix == ".safetensors":
        safetensors.torch.save_file({key: value.clone() for key, value in tensors.items()}, path)
    else:
        torch.save(tensors, path)
    pretrained.adopt(name, path, **options)
    return pretrained.load(name)


def text(low=0):
    generator = torch.Generator().manual_seed(1)
    mask = torch.arange(8) < torch.tensor([8, 5, 2])[:, None]
    return torch.randint(low, 20, (3, 8), generator=generator), mask


def agree(got, expected):
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-5)


def bert_of_2018(tensors):
    """As google-bert's first files: gamma and beta, a buffer of positions, the tied matrix a second time."""
    old = {}
    for key, value in tensors.items():
        key = re.sub(r"LayerNorm\.weight$", "LayerNorm.gamma", key)
        old[re.sub(r"LayerNorm\.bias$", "LayerNorm.beta", key)] = value
    old["bert.embeddings.position_ids"] = torch.arange(8)[None]
    old["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].clone()
    return old


@torch.no_grad()
@pytest.mark.parametrize(
    ("change", "file"),
    [
        (lambda tensors: tensors, "model.safetensors"),
        (bert_of_2018, "pytorch_model.bin"),
        (lambda tensors: {f"module.{key}": value for key, value in tensors.items()}, "parallel.pt"),
    ],
    ids=["as written today", "as in 2018", "by DataParallel"],
)
def test_bert_with_its_heads(transformers, written, tmp_path, change, file):
    theirs = transformers.BertForPreTraining(transformers.BertConfig(**TOY, max_position_embeddings=8))
    ours = loaded("bert-toy", change(written(theirs)), tmp_path / file)
    tokens, mask = text()
    got, expected = ours(tokens, mask, tokens % 2), theirs(tokens, mask.long(), tokens % 2)
    agree(got.logits[mask], expected.prediction_logits[mask])
    agree(got.next_sentence, expected.seq_relationship_logits)


@torch.no_grad()
@pytest.mark.parametrize("heads", [True, False])
def test_the_encoder_of_bert_is_taken_from_a_file_with_its_heads_or_without(transformers, written, tmp_path, heads):
    config = transformers.BertConfig(**TOY, max_position_embeddings=8)
    theirs = (transformers.BertForPreTraining if heads else transformers.BertModel)(config)
    tensors = written(theirs)
    assert ("pooler.dense.weight" in tensors) != heads, "without heads the names have no prefix"
    ours = read_into("bert-base", tensors, vocab_size=20, context=8, dim=32, depth=2, heads=4)
    tokens, mask = text()
    expected = (theirs.bert if heads else theirs)(tokens, mask.long())
    agree(ours(tokens, mask).states[mask], expected.last_hidden_state[mask])
    agree(ours(tokens, mask).pooled, expected.pooler_output)


def read_into(name, tensors, **arguments):
    """A model of another size, with the tensors translated by the card's rules."""
    model = pretrained.build(name, **arguments)
    rules = pretrained.formats(pretrained.find(name)[0])["huggingface"]
    model.load_state_dict(pretrained.translate(tensors, rules, model.state_dict(), name="theirs"))
    return model.eval()


def test_a_head_that_is_not_tied_is_refused(transformers, written, tmp_path):
    theirs = transformers.BertForPreTraining(transformers.BertConfig(**TOY, max_position_embeddings=8))
    tensors = bert_of_2018(written(theirs))
    tensors["cls.predictions.decoder.weight"] += 1
    said = "word_embeddings.weight and cls.predictions.decoder.weight with different numbers; in the model both are "
    with pytest.raises(DataProblem, match=said + "embedding.tokens.weight"):
        loaded("bert-toy", tensors, tmp_path / "file.bin")

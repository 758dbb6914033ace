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


def gpt2_of_2019(tensors):
    """As openai-community's file: no prefix, and the causal masks of all blocks among the weights."""
    old = {key.removeprefix("transformer."): value for key, value in tensors.items() if key != "lm_head.weight"}
    for number in range(2):
        old[f"h.{number}.attn.bias"] = torch.ones(8, 8, dtype=torch.uint8).tril()[None, None]
        old[f"h.{number}.attn.masked_bias"] = torch.tensor(-1e4)
    return old


def with_head(tensors):
    return tensors | {"lm_head.weight": tensors["transformer.wte.weight"].clone()}


@torch.no_grad()
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("change", [lambda tensors: tensors, gpt2_of_2019, with_head], ids=["today", "2019", "head"])
def test_gpt2(transformers, written, tmp_path, change, file):
    config = transformers.GPT2Config(vocab_size=20, n_positions=8, n_embd=32, n_layer=2, n_head=4)
    theirs = transformers.GPT2LMHeadModel(config)
    ours = loaded("gpt2-toy", change(written(theirs)), tmp_path / file)
    tokens, _ = text()
    agree(ours(tokens), theirs(tokens).logits)


def t5_of_2019(tensors):
    """As google-t5's file: the table of tokens by all its names, and one of positions that nobody reads."""
    copies = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")
    unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    return tensors | {name: tensors["shared.weight"].clone() for name in copies} | {unused: torch.ones(8, 4)}


@torch.no_grad()
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("change", [lambda tensors: tensors, t5_of_2019], ids=["today", "2019"])
def test_t5(transformers, written, tmp_path, change, file):
    size = {"d_model": 32, "num_layers": 2, "num_heads": 4, "d_kv": 8, "d_ff": 64}
    config = transformers.T5Config(
        vocab_size=20, **size, relative_attention_num_buckets=8, relative_attention_max_distance=8
    )
    theirs = transformers.T5ForConditionalGeneration(config)
    ours = loaded("t5-toy", change(written(theirs)), tmp_path / file)
    (source, mask), target = text(), text()[0].flip(0)
    expected = theirs(input_ids=source, attention_mask=mask.long(), decoder_input_ids=target)
    agree(ours(source, target, mask), expected.logits)


def test_t5_whose_head_is_not_tied_is_refused(transformers, written, tmp_path):
    size = {"d_model": 32, "num_layers": 2, "num_heads": 4, "d_kv": 8, "d_ff": 64}
    tensors = t5_of_2019(written(transformers.T5ForConditionalGeneration(transformers.T5Config(vocab_size=20, **size))))
    tensors["lm_head.weight"] += 1
    with pytest.raises(DataProblem, match=r"with different numbers; in the model both are embedding\.weight"):
        loaded("t5-toy", tensors, tmp_path / "model.bin")


@torch.no_grad()
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_roberta(transformers, written, tmp_path, file):
    config = transformers.RobertaConfig(**TOY, max_position_embeddings=10, type_vocab_size=1, layer_norm_eps=1e-5)
    theirs = transformers.RobertaForMaskedLM(config)
    tensors = written(theirs)
    tensors["roberta.embeddings.position_ids"] = torch.arange(10)[None]
    tensors["lm_head.decoder.weight"] = tensors["roberta.embeddings.word_embeddings.weight"].clone()
    if file.endswith(".bin"):
        tensors["lm_head.decoder.bias"] = tensors["lm_head.bias"].clone()
    tokens, mask = text(low=2)
    tokens = tokens.masked_fill(~mask, 1)
    expected = theirs(tokens, mask.long()).logits[mask]
    # The file has no pooler, and the toy has one.
    with pytest.raises(DataProblem, match=r"lacks what becomes pooler\.weight"):
        loaded("roberta-toy", tensors, tmp_path / file)
    tensors |= {"roberta.pooler.dense.weight": torch.ones(32, 32), "roberta.pooler.dense.bias": torch.ones(32)}
    agree(loaded("roberta-toy", tensors, tmp_path / file)(tokens, mask).logits[mask], expected)
    small = {"vocab_size": 20, "context": 8, "dim": 32, "depth": 2, "heads": 4}
    agree(read_into("roberta-base-pretraining", tensors, **small)(tokens, mask).logits[mask], expected)


@torch.no_grad()
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_albert(transformers, written, tmp_path, file):
    config = transformers.AlbertConfig(**TOY, embedding_size=16, max_position_embeddings=8)
    theirs = transformers.AlbertForPreTraining(config)
    tensors = written(theirs)
    if file.endswith(".bin"):
        tensors["albert.embeddings.position_ids"] = torch.arange(8)[None]
        tensors["predictions.decoder.weight"] = tensors["albert.embeddings.word_embeddings.weight"].clone()
    ours = loaded("albert-toy", tensors, tmp_path / file)
    tokens, mask = text()
    got, expected = ours(tokens, mask, tokens % 2), theirs(tokens, mask.long(), tokens % 2)
    agree(got.logits[mask], expected.prediction_logits[mask])
    agree(got.sentence_order, expected.sop_logits)
    small = {"vocab_size": 20, "context": 8, "embedding_dim": 16, "dim": 32, "depth": 2, "heads": 4}
    encoder = read_into("albert-base", tensors, **small)
    agree(encoder(tokens, mask).pooled, theirs.albert(tokens, mask.long()).pooler_output)


@torch.no_grad()
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_distilbert(transformers, written, tmp_path, file):
    size = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 128}
    theirs = transformers.DistilBertForMaskedLM(
        transformers.DistilBertConfig(vocab_size=20, **size, max_position_embeddings=8)
    )
    tensors = written(theirs)
    tensors["vocab_projector.weight"] = tensors["distilbert.embeddings.word_embeddings.weight"].clone()
    ours = loaded("distilbert-toy", tensors, tmp_path / file)
    tokens, mask = text()
    agree(ours(tokens, mask).logits[mask], theirs(tokens, mask.long()).logits[mask])
    small = {"vocab_size": 20, "context": 8, "dim": 32, "depth": 2, "heads": 4}
    encoder = read_into("distilbert-base", tensors, **small)
    agree(encoder(tokens, mask).states[mask], theirs.distilbert(tokens, mask.long()).last_hidden_state[mask])

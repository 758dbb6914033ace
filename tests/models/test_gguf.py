"""A GGUF file as llama.cpp's converter writes it, read by us and by transformers: the same model."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")
pytest.importorskip("gguf", reason="it writes the file")

import torch

from upslope.models.checkpoints import read, translate
from upslope.models.gguf import llama_arguments, read_gguf
from upslope.models.language.llama import GGUF, Llama
from upslope.runs.errors import DataProblem
from upslope.text.published import of_gguf

DIM, DEPTH, HEADS, KV, HIDDEN, VOCABULARY = 64, 2, 4, 2, 96, 261  # what the fixture writes


def model_of(path):
    held = read_gguf(path)
    model = Llama(**llama_arguments(held.settings, name=path.name), tied=True).eval()
    model.load_state_dict(translate(held.tensors, GGUF, model.state_dict(), name=path.name))
    return model


def test_the_rows_of_queries_and_keys_stand_as_published(write_gguf, tmp_path):
    tensors = write_gguf(tmp_path / "m.gguf")
    got = read(tmp_path / "m.gguf")
    assert set(got) == {f"{name}.weight" for name in tensors}
    for name, tensor in tensors.items():
        assert np.array_equal(got[f"{name}.weight"].numpy(), tensor), name


@torch.no_grad()
@pytest.mark.parametrize("quantised", ["F32", "F16", "Q8_0", "Q4_1"])
def test_logits_are_those_that_transformers_has_from_the_file(write_gguf, tmp_path, monkeypatch, quantised):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    transformers = pytest.importorskip("transformers", reason="it is the independent reader")
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    write_gguf(tmp_path / "m.gguf", quantised=quantised)
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY,
        max_position_embeddings=128,
        hidden_size=DIM,
        num_hidden_layers=DEPTH,
        num_attention_heads=HEADS,
        num_key_value_heads=KV,
        intermediate_size=HIDDEN,
        rms_norm_eps=1e-5,
        rope_theta=5000.0,
        tie_word_embeddings=True,
    )
    theirs = transformers.LlamaForCausalLM(config).eval()
    held = load_gguf_checkpoint(str(tmp_path / "m.gguf"), return_tensors=True, model_to_load=theirs)
    assert theirs.load_state_dict(held["tensors"], strict=False).unexpected_keys == []
    theirs.tie_weights()
    tokens = torch.randint(VOCABULARY, (2, 40), generator=torch.Generator().manual_seed(0))
    expected = theirs(tokens).logits
    assert expected.abs().max() > 1
    torch.testing.assert_close(model_of(tmp_path / "m.gguf")(tokens), expected, atol=1e-5, rtol=0)


def test_the_tokenizer_of_the_file(write_gguf, tmp_path):
    write_gguf(tmp_path / "m.gguf")
    described = of_gguf(read_gguf(tmp_path / "m.gguf", weights=False).settings, name="m.gguf")
    assert described.ends == ("<|im_end|>", "<|endoftext|>")
    assert described.begin == ""  # there is one, but the file does not say that it stands before every text
    assert described.template.startswith("{% for message")
    pytest.importorskip("regex")
    tokenizer = described.byte_level()
    tokens = tokenizer.tokens("<|im_start|>the 12", allowed=["<|im_start|>"])
    assert [token.piece for token in tokens] == ["<|im_start|>", "the", "Ġ", "1", "2"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tokenizer": "llama"}, 'a tokenizer of the kind "llama", and only byte-level BPE'),
        ({"pattern": "viking"}, 'cuts words by the pattern "viking", which is not known here'),
    ],
)
def test_a_tokenizer_of_another_kind_is_refused(write_gguf, tmp_path, settings, said):
    write_gguf(tmp_path / "m.gguf", **settings)
    with pytest.raises(DataProblem, match=said):
        of_gguf(read_gguf(tmp_path / "m.gguf", weights=False).settings, name="m.gguf")


def test_another_architecture_is_refused(write_gguf, tmp_path):
    write_gguf(tmp_path / "m.gguf", architecture="mamba")
    settings = read_gguf(tmp_path / "m.gguf", weights=False).settings
    with pytest.raises(DataProblem, match=r"m\.gguf holds a model of the architecture mamba, and only llama"):
        llama_arguments(settings, name="m.gguf")


@pytest.mark.parametrize("kept", [4, 20, 300, 2000, 30_000])
def test_a_file_that_was_cut_short_is_refused_in_a_sentence(write_gguf, tmp_path, kept):
    write_gguf(tmp_path / "m.gguf")
    (tmp_path / "m.gguf").write_bytes((tmp_path / "m.gguf").read_bytes()[:kept])
    with pytest.raises(DataProblem, match="not a complete GGUF file"):
        read(tmp_path / "m.gguf")

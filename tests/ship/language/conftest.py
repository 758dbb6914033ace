"""A small language model with random weights, from a GGUF file."""

import pytest


@pytest.fixture(scope="session")
def model(write_gguf, tmp_path_factory):
    pytest.importorskip("torch", reason="language models are made of PyTorch")
    pytest.importorskip("regex", reason="the tokenizer's patterns need it")
    from upslope.ship.language.loading import load

    path = tmp_path_factory.mktemp("gguf") / "small.gguf"
    write_gguf(path)
    return load(str(path))

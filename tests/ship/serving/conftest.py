"""A running server with small random models, and the real client of OpenAI before it."""

import threading
from contextlib import contextmanager

import pytest

pytest.importorskip("torch", reason="language models are made of PyTorch")


@contextmanager
def running(model, sentences=None, **how):
    """`upslope serve` in a thread of this process, at a port of its own."""
    from upslope.ship.serving.sentences import Sentences
    from upslope.ship.serving.server import Server

    server = Server(model, sentences or Sentences(), port=8660, **how)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.end()
        thread.join()


@pytest.fixture(scope="session")
def model(write_gguf, tmp_path_factory):
    pytest.importorskip("regex", reason="the tokenizer's patterns need it")
    from upslope.ship.language.loading import load

    path = tmp_path_factory.mktemp("served") / "small.gguf"
    write_gguf(path, context=256)
    return load(str(path))


@pytest.fixture(scope="session")
def letters(model):
    """A model of characters, as a run of gpt is: it has no turns and no end."""
    from upslope.models.build import built
    from upslope.ship.language.language_model import LanguageModel
    from upslope.ship.language.loading import CharacterTokenizer

    module = built("gpt-toy", seed=0).module.eval().requires_grad_(False)
    for parameter in module.parameters():
        parameter.normal_(std=0.3)
    return LanguageModel("gpt-0001", "letters", module, CharacterTokenizer("abcdefghijklmnop {}:"), context=16)


@pytest.fixture(scope="session")
def sentences():
    """A small BERT with random weights, which embeds."""
    from upslope.models.build import built
    from upslope.ship.language.embeddings import Embedder
    from upslope.ship.serving.sentences import Sentences
    from upslope.text.wordpiece import WordPiece

    module = built("bert-toy", seed=0, pretraining=False).module.eval()
    words = WordPiece({word: n for n, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnop"])})
    return Sentences("minilm", make=lambda: Embedder("minilm", module, words, longest=8))


@pytest.fixture(scope="module")
def openai():
    return pytest.importorskip("openai", reason="it is the client that is to understand us")


@pytest.fixture(scope="module")
def server(model, sentences):
    with running(model, sentences, slots=4, queue=4) as server:
        yield server


@pytest.fixture
def client(openai, server):
    with openai.OpenAI(base_url=server.address, api_key="none", max_retries=0) as client:
        yield client

"""Tasks over sequences: tags for words, a number for a table, and how far a gradient reaches."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch

from upslope.data import adding
from upslope.data import ud_english_partut as partut
from upslope.models.language.bilstm import BiLSTM
from upslope.models.language.irnn import IRNN
from upslope.text.tagging import UNKNOWN, WordFeatures
from upslope.training.tasks.tabular_regression import TabularRegression, reach
from upslope.training.tasks.token_classification import TokenClassification


@pytest.fixture
def sentences():
    return partut.toy(rng=np.random.default_rng(0), count=30)


@pytest.fixture
def tagger(sentences):
    torch.manual_seed(0)
    features = WordFeatures.of(text.split(" ") for text in sentences["text"])
    model = BiLSTM(
        vocab_size=len(features.words) + 2,
        endings=len(features.endings) + 2,
        num_classes=len(partut.TAGS),
        embedding_dim=6,
        dim=8,
    )
    return TokenClassification(model, train=sentences, features=features, unknown=0.5)


def test_every_word_is_predicted_once_however_batches_are_cut(tagger, sentences):
    whole = tagger.predict(sentences)
    assert whole.shape == (len(sentences["tags"].values), len(partut.TAGS))
    np.testing.assert_allclose(tagger.predict(sentences, batch_size=1), whole, atol=1e-6)
    np.testing.assert_allclose(whole.sum(axis=1), 1, atol=1e-5)


def test_padding_teaches_nothing(tagger, sentences):
    """The loss of a batch is the mean over its words, whatever stands in the padding."""
    tagger.eval()
    batch = tagger.collate(sentences)
    loss = tagger(batch)["loss"]
    padding = torch.arange(batch["words"].shape[1]) >= batch["lengths"][:, None]
    other = {**batch, "words": torch.where(padding, 3, batch["words"]), "tags": torch.where(padding, 5, batch["tags"])}
    assert torch.equal(tagger(other)["loss"], loss)
    probabilities = tagger.predict(sentences)
    labels = sentences["tags"].values
    assert loss.item() == pytest.approx(-np.log(probabilities[np.arange(len(labels)), labels]).mean(), abs=1e-5)


def test_words_are_hidden_in_training_only(tagger, sentences):
    batch = tagger.collate(sentences)
    seen = []
    tagger.model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    tagger.train()(batch)
    tagger.eval()(batch)
    real = torch.arange(batch["words"].shape[1]) < batch["lengths"][:, None]
    assert 0.3 < (seen[0][real] == UNKNOWN).float().mean() < 0.7
    assert not seen[0][~real].any()
    assert torch.equal(seen[1], batch["words"])


def test_accuracy_counts_words(tagger, sentences):
    labels = sentences["tags"].values
    perfect = np.eye(len(partut.TAGS))[labels]
    assert tagger.metrics(perfect, sentences)["token_accuracy"] == 1
    perfect[: len(labels) // 2] = np.roll(perfect[: len(labels) // 2], 1, axis=1)
    assert tagger.metrics(perfect, sentences)["token_accuracy"] == pytest.approx(1 - len(labels) // 2 / len(labels))


def test_the_adding_problem_is_what_it_says():
    """Two marks, one in each half; guessing the mean has an error of 1/6; splits and seeds differ."""
    made = adding.load("test")
    values, marks = (made[name].values.reshape(len(made), adding.LENGTH) for name in ("value", "mark"))
    half = adding.LENGTH // 2
    assert (marks[:, :half].sum(axis=1) == 1).all()
    assert (marks[:, half:].sum(axis=1) == 1).all()
    np.testing.assert_allclose((values * marks).sum(axis=1), made["sum"])
    assert ((made["sum"] - 1) ** 2).mean() == pytest.approx(1 / 6, abs=0.01)
    assert not np.array_equal(adding.load("train", seed=1)["sum"], adding.load("train")["sum"])
    assert np.array_equal(adding.load("test", seed=1)["sum"], made["sum"]), "the test set is one"


def test_a_table_is_read_column_by_column():
    train = adding.toy(rng=np.random.default_rng(0), count=4, length=5)
    task = TabularRegression(IRNN(in_dim=2, dim=3), train=train)
    table = task.table(train)
    assert table.shape == (4, 5, 2)
    np.testing.assert_array_equal(table[2, :, 0], train["value"][2])
    np.testing.assert_array_equal(table[2, :, 1], train["mark"][2])
    predicted = task.predict(train)
    loss = task(task.collate(train))["loss"].item()
    assert task.metrics(predicted, train)["mse"] == pytest.approx(loss, rel=1e-5)


def test_the_gradient_of_a_plain_network_falls_off_and_that_of_an_irnn_does_not():
    torch.manual_seed(0)
    x = torch.rand(8, 40, 2)
    far = {}
    for kind in ("tanh", "irnn", "lstm", "gru"):
        norms = reach(IRNN(in_dim=2, dim=32, kind=kind), x)
        assert norms.shape == (40,)
        far[kind] = norms[-1] / norms[0]
    assert far["tanh"] < 1e-6
    assert far["irnn"] > 0.3
    assert far["tanh"] < far["lstm"] < far["irnn"]

"""Text classifiers side by side: the network of a classical method says what the classifier says, and all learn."""

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="all methods end as networks")
pytest.importorskip("lightning")

import torch

from upslope.data import ag_news, sst2
from upslope.models.build import build
from upslope.runs.errors import ConfigProblem
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports.text_methods import Method, figure
from upslope.ship.pipelines.pipeline import LoadedModel, Options, Prediction, UnreadableInput, pipeline_of
from upslope.ship.predictor import in_torch
from upslope.text.classify.naive_bayes import fit_naive_bayes
from upslope.text.classify.nbsvm import fit_nbsvm
from upslope.text.classify.svm import fit_svm
from upslope.text.counts import document_frequencies, tf_idf
from upslope.text.vocabulary import Terms
from upslope.training.text_methods import Learner, Part, Recipe, measure, mistyped, presence

PAIRS = Terms(order=2)


@pytest.fixture(params=[sst2, ag_news], ids=["two", "four"])
def part(request):
    rng = np.random.default_rng(0)
    return Part(request.param.toy(rng=rng, count=120), request.param.toy(rng=rng, count=80))


@pytest.mark.parametrize("name", ["naive-bayes", "svm", "nbsvm"])
def test_the_network_of_a_classical_method_says_what_the_classifier_says(part, name):
    learner = Learner.of(Recipe(name, 2000, PAIRS, longest=999, strength=0.7, beta=0.5), part, seed=0)
    learner.fit()
    vocabulary, classes = learner.task.vocabulary, len(part.train.classes)
    x, z = (presence([vocabulary.encode(t) for t in d["text"]], len(vocabulary.terms)) for d in (part.train, part.test))
    labels = part.train["label"]
    if name == "naive-bayes":
        expected = fit_naive_bayes(x, labels, classes, alpha=0.7).scores(z)
    elif name == "nbsvm":
        expected = fit_nbsvm(x, labels, classes, c=0.7, beta=0.5).scores(z)
    else:
        frequencies = document_frequencies(x)
        machine = fit_svm(tf_idf(x, frequencies, x.shape[0]), labels, classes, c=0.7)
        expected = machine.scores(tf_idf(z, frequencies, x.shape[0]))
    with torch.no_grad():
        said = learner.network.module(learner.task.inputs(part.test)).numpy()
    np.testing.assert_allclose(said, expected, atol=1e-4)
    assert measure([learner]).method.accuracy > 1.4 / classes


def test_terms_that_training_has_not_seen_change_nothing(part):
    learner = Learner.of(Recipe("nbsvm", 2012), part, seed=0)
    learner.fit()
    text = part.test["text"][0]
    other = part.test.take([0])
    strange = with_text(other, f"{text} zzz qqq")
    np.testing.assert_array_equal(learner.task.predict(other), learner.task.predict(strange))


def with_text(dataset, text):
    from upslope.data.loading.dataset import Dataset

    return Dataset({**dataset.columns, "text": (text,)}, dataset.features)


def test_typos_are_the_same_for_all_and_keep_the_labels(part):
    first, again = mistyped(part.test), mistyped(part.test)
    assert first["text"] == again["text"] != part.test["text"]
    assert (first["label"] == part.test["label"]).all()


def test_several_folds_are_one_row(part):
    learners = [Learner.of(Recipe("nbsvm", 2012), part, seed=0) for _ in range(2)]
    for learner in learners:
        learner.fit()
    one, both = measure(learners[:1]), measure(learners)
    assert both.method.folds == 2
    assert both.method.accuracy == pytest.approx(one.method.accuracy)
    assert len(both.labels) == len(both.texts) == 2 * len(part.test)
    assert both.method.megabytes == one.method.megabytes > 0


def test_a_share_of_the_texts_is_learned_from_and_one_too_small_is_refused(part):
    few = part.reduced(0.25, np.random.default_rng(0))
    assert (len(few.train), few.test, few.validation) == (30, part.test, part.validation)
    assert Learner.of(Recipe("textcnn", 2000, PAIRS, size="textcnn-toy"), few, seed=0).batches(0).per_epoch == 1
    with pytest.raises(ConfigProblem, match=r"share=0.001 leaves 0 of 120 training texts"):
        part.reduced(0.001, np.random.default_rng(0))


def test_the_table_has_a_row_for_each_method():
    one = Method("nbsvm", 2012, 0.895, 0.8, 12.0, 1.5, 11.0, 10)
    assert one.row() == ("nbsvm", "2012", "89.5 %", "80.0 %", "12.0 s", "1.50 ms", "11.0 MB", "10")
    drawn = figure([one, dataclasses.replace(one, name="svm", seconds=0.0)])
    assert len(drawn.axes) == 2


@pytest.mark.parametrize(
    ("name", "size"), [("nbsvm", ""), ("textcnn", "textcnn-small"), ("bilstm", "bilstm-classifier")]
)
def test_a_finished_learner_answers_texts(part, name, size):
    """From the spec alone, by way of JSON: the same probabilities as in training."""
    learner = Learner.of(Recipe(name, 2000, longest=40, size=size), part, seed=0)
    if learner.classical:
        learner.fit()
    learner.network.module.eval()
    spec = ModelSpec.from_json(json.loads(json.dumps(learner.task.spec(learner.network).to_json())))
    network = LoadedModel("battle-0001", spec, in_torch(learner.network.module, spec), learner.network.module)
    pipeline = pipeline_of("text-classification")(network)
    texts = list(part.test["text"][:3])
    answers = list(pipeline.answers(texts))
    expected = learner.task.predict(part.test.take(slice(0, 3)))
    for answer, row in zip(answers, expected, strict=True):
        assert isinstance(answer, Prediction)
        assert answer.classes[0] == part.test.classes[row.argmax()]
        assert answer.probabilities[0] == pytest.approx(row.max(), abs=1e-5)
        assert json.dumps(answer.facts(Options()))
        assert answer.rows(Options())[0][2] == answer.probabilities[0]
    (strange, empty) = pipeline.answers(["zzz qqq www", "  "])
    assert strange.doubt == "the model knows 0 of 3 words"
    assert isinstance(empty, UnreadableInput)
    assert pipeline.draw(answers).axes
    assert pipeline.rows(part.test)["tokens"].shape == (len(part.test), 40)
    assert set(pipeline.card()) == {"What it does", "How texts are prepared", "Limits"}


@pytest.mark.parametrize("size", ["textcnn-toy", "fasttext-toy", "text-transformer-toy", "bilstm-toy-classifier"])
def test_padding_changes_nothing(size):
    model = build(size).eval()
    tokens = torch.randint(1, 20, (4, 6))
    filled = torch.cat([tokens, torch.zeros(4, 3, dtype=torch.int64)], dim=1)
    with torch.no_grad():
        torch.testing.assert_close(model(filled), model(tokens), atol=1e-5, rtol=0)


def test_textcnn_is_convolutions_over_words():
    """By hand with PyTorch: every window of a text without padding, and the largest response of each filter."""
    model = build("textcnn-toy").eval()
    tokens = torch.randint(1, 20, (2, 9))
    with torch.no_grad():
        x = model.embedding(tokens)
        pooled = []
        for width, convolution in zip(model.widths, model.convolutions, strict=True):
            longer = torch.cat([x, torch.zeros(2, width - 1, x.shape[2])], dim=1)
            windows = longer.unfold(1, width, 1)  # (B, T, D, width)
            weights = convolution.weight  # (C, D, width)
            responses = torch.einsum("btdw,cdw->btc", windows, weights) + convolution.bias
            pooled.append(responses.relu().amax(dim=1))
        torch.testing.assert_close(model(tokens), model.head(torch.cat(pooled, dim=1)))

"""Sentences and tables in use: what is read, what is refused, and what is said about each."""

import io
import json
import sys

import numpy as np
import pytest

from upslope.runs.model_spec import ModelSpec
from upslope.ship.pipelines.pipeline import LoadedModel, Options, Prediction, UnreadableInput, pipeline_of
from upslope.ship.pipelines.tabular_regression import TabularRegression
from upslope.ship.pipelines.token_classification import TokenClassification
from upslope.text.tagging import WordFeatures

FEATURES = WordFeatures.of([["they", "plan", "the", "plan", "they", "the", "."], ["."]])


def from_json(spec):
    return ModelSpec.from_json(json.loads(json.dumps(spec.to_json())))


@pytest.fixture
def tagger():
    """A network that says NOUN of words that it knows, and X of others."""

    def forward(inputs):
        known = inputs["words"] > 1
        return {"logits": np.stack([np.where(known, 3.0, 0.0), np.where(known, 0.0, 3.0)], axis=-1)}

    spec = ModelSpec(
        task="token-classification",
        model="none",
        arguments={},
        inputs={name: {"shape": [6], "dtype": "int64", "high": 9} for name in ("words", "endings")},
        outputs={"logits": {"shape": [6, 2], "classes": ["NOUN", "X"]}},
        preprocessing={**FEATURES.to_json(), "longest": 6},
    )
    return TokenClassification(LoadedModel("tags-0001", from_json(spec), forward))


@pytest.fixture
def summer():
    """A network that adds the first column."""
    spec = ModelSpec(
        task="tabular-regression",
        model="none",
        arguments={},
        inputs={"table": {"shape": [2, 2], "dtype": "float32"}},
        outputs={"value": {"shape": [1]}},
        preprocessing={"columns": ["value", "mark"], "target": "sum"},
    )
    forward = lambda inputs: {"value": inputs["table"][:, :, :1].sum(axis=1)}  # noqa: E731
    return TabularRegression(LoadedModel("sums-0001", from_json(spec), forward, module=object()))


def test_they_are_found_by_their_tags():
    assert pipeline_of("token-classification") is TokenClassification
    assert pipeline_of("tabular-regression") is TabularRegression


def test_each_word_of_a_sentence_gets_a_tag(tagger):
    (answer,) = tagger.answers(["They plan zebras."])
    assert isinstance(answer, Prediction)
    assert answer.words == ("They", "plan", "zebras", ".")
    assert answer.tags == ("NOUN", "NOUN", "X", "NOUN")
    assert answer.doubt == ""
    facts = answer.facts(Options())
    assert [token["word"] for token in facts["tokens"]] == list(answer.words)
    assert json.dumps(facts)
    assert [row[1] for row in answer.rows(Options())] == list(answer.tags)


def test_a_sentence_of_strangers_is_doubted(tagger):
    (answer,) = tagger.answers(["zebras graze quietly"])
    assert answer.doubt == "the model knows 0 of 3 words"


def test_sentences_that_cannot_be_read(tagger, monkeypatch):
    long, empty = tagger.answers(["the " * 7, "  "])
    assert isinstance(long, UnreadableInput)
    assert long.reason == "7 words, and at most 6 are read at once: split it"
    assert empty.reason == "there is no word in it"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe")))
    (broken,) = tagger.answers(["-"])
    assert broken.reason == "standard input is not UTF-8 text"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the plan\nthey\n")))
    assert [answer.words for answer in tagger.answers(["-"])] == [("the", "plan"), ("they",)]


def test_a_table_gets_a_number(summer, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("mark,value\n0,0.5\n1,0.25\n")
    (answer,) = summer.answers([str(path)])
    assert answer.value == pytest.approx(0.75)
    assert answer.doubt == ""
    assert answer.facts(Options())["sum"] == pytest.approx(0.75)
    path.write_text("mark,value\n0,0.5\n1,0.25\n1,1\n")
    (answer,) = summer.answers([str(path)])
    assert answer.doubt.endswith("t.csv has 3 rows, and the model learned from 2")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("value\n1\n", "t.csv has the columns value; the model reads value, mark"),
        ("value,mark\n1,x\n", "could not convert string to float: 'x'"),
        ("value,mark\n1,nan\n", "t.csv needs at least one row, and finite numbers in all of them"),
        ("value,mark\n", "t.csv needs at least one row, and finite numbers in all of them"),
    ],
)
def test_tables_that_cannot_be_read(summer, tmp_path, content, reason):
    path = tmp_path / "t.csv"
    path.write_text(content)
    (answer,) = summer.answers([str(path)])
    assert isinstance(answer, UnreadableInput)
    assert answer.reason == reason


def test_an_exported_model_reads_one_length(summer, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("mark,value\n0,0.5\n")
    exported = TabularRegression(LoadedModel("sums.onnx", summer.spec, summer.network.forward))
    (answer,) = exported.answers([str(path)])
    assert answer.reason == "t.csv has 1 rows, and an exported model reads 2: use the run itself"
